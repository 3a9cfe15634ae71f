import pytest
from tables import crossed, runs

from ablate.analysis.imports.bystanders import find_bystanders

TAKEN, FACTORS = ("acc", "seed"), ("norm",)


def kinds(*, named=True, **columns):
    """Column -> whether it is a setting, for columns beside norm × drop × seed; drop is one of them."""
    source = runs(crossed().assign(**columns))
    return {each.name: each.is_setting for each in find_bystanders(source, TAKEN, FACTORS, named=named)}


def test_a_column_that_varies_and_is_not_named_is_a_setting():
    assert kinds() == {"drop": True}
    assert kinds(width=[32] * 6 + [64] * 6) == {"drop": True, "width": True}
    assert kinds(width=[32] * 12, note=["a", "b"] * 6) == {"drop": True}


@pytest.mark.parametrize("name", ["hostname", "gpu", "date", "CUDA version", "git_commit", "system_attrs_host"])
def test_where_and_when_a_run_ran_are_circumstances(name):
    assert kinds(**{name: ["a", "b"] * 6}) == {"drop": True, name: False}
    assert kinds(**{name: [f"a{i}" for i in range(12)]}) == {"drop": True}  # never twice: says nothing


@pytest.mark.parametrize("name", ["batch_size", "n_train_samples", "params.batch", "loss_weight", "config/lr"])
def test_a_setting_is_one_whatever_words_of_results_its_name_has(name):
    assert kinds(named=False, **{name: [32, 64] * 6})[name]


def test_numbers_that_hardly_repeat_are_kept_of_settings_only():
    drawn = [i / 7 for i in range(12)]
    [_, rate] = find_bystanders(runs(crossed().assign(lr=drawn)), TAKEN, FACTORS, named=True)
    assert rate.numbers.tolist() == pytest.approx(drawn)
    assert kinds(gflops=drawn, hash=[f"x{i}" for i in range(12)]) == {"drop": True}


def test_where_the_factors_were_found_a_column_that_the_configuration_decides_is_a_name_of_it():
    assert kinds(named=False, drop=0, setup=["plain"] * 6 + ["ours"] * 6) == {}
    assert kinds(named=False, drop=0, shard=["a", "b"] * 6) == {"shard": False}
