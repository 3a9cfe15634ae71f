import pytest

from ablate.analysis.imports.exports import recognize
from ablate.analysis.imports.replicate_names import divides, is_block, is_replicate, is_seed, own_words


@pytest.mark.parametrize("own", ["seed", "random_seed", "seed_id", "model_seed", "random_state", "seed_numpy", "rng"])
def test_names_of_seeds_are_known(own):
    assert is_seed(own)


@pytest.mark.parametrize("own", ["n_seeds", "n_seed", "use_seed", "seed_prompt", "seedling", "reseeded"])
def test_counts_of_seeds_and_other_words_are_no_seeds(own):
    assert not is_seed(own)


def test_a_replicate_is_a_seed_a_fold_or_a_repeat_also_with_a_tool_s_prefix():
    export = recognize(["params.seed", "params.lr", "metrics.acc", "fold", "repeat", "width"])
    assert own_words(export, "params.seed") == "seed"
    found = [name for name in ("params.seed", "params.lr", "fold", "repeat", "width") if is_replicate(export, name)]
    assert found == ["params.seed", "fold", "repeat"]


def test_data_sets_and_subjects_are_blocks_and_seeds_of_splits_divide_the_data():
    assert [own for own in ("data_set", "dataset_name", "subject_id", "data_size") if is_block(own)] == [
        "data_set", "dataset_name", "subject_id",
    ]  # fmt: skip
    assert divides("split_seed")
    assert not divides("model_seed")
    assert not divides("split")
