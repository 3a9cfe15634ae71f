import pytest

from ablate.experiment.preview.preview import outline
from ablate.study.space import Choice, Space


@pytest.fixture
def study(tiny_study):
    """4 search trials; normalization none or batch, sgd or adam, the found rate or 0.3 of it; 2 seeds."""
    return tiny_study


def changed(study, **ablation):
    return study.model_copy(update={"ablation": study.ablation.model_copy(update=ablation)})


def test_a_plain_study_takes_one_line(study):
    assert outline(study) == ["4 search trials, then 4 variants × 2 seeds"]


def test_a_study_without_seeds_has_no_ablation(study):
    assert outline(changed(study, seeds=0)) == ["4 search trials, then no ablation"]


def test_each_design_has_a_line_and_what_depends_on_the_search_a_range(study):
    designs = ("one-factor", "factorial", "path")
    lines = outline(changed(study, design=designs, factorial=("normalization", "optimizer")))
    assert lines == [
        "4 search trials, then 4 variants × 2 seeds",
        "and the combinations of normalization × optimizer: 4 cells × 2 seeds",
        "and the path from the baseline to the best configuration and back × 2 seeds",
        # Either way over three factors: where it begins, then 3, 2 and 1 candidates with 2 seeds each.
        "trials: 4 in the search, 16 in comparisons, 0 to 28 on paths",
    ]


def test_the_number_of_variants_of_the_best_is_not_known_before_the_search(study):
    crossed = {"design": ("one-factor", "factorial"), "factorial": ("normalization", "optimizer")}
    assert outline(changed(study, reference="both", **crossed))[:2] == [
        "4 search trials, then the variants of the baseline and of the best configuration × 2 seeds",
        "and the combinations of normalization × optimizer × 2 seeds",
    ]
    assert outline(changed(study, reference="best"))[0] == (
        "4 search trials, then the variants of the best configuration × 2 seeds"
    )


def test_open_seeds_and_tuned_rates_are_ranges(study):
    lines = outline(changed(study, seeds="auto", max_seeds=20, looks=3, learning_rate=("tune",)))
    assert lines == [
        "4 search trials, then 4 variants × 7 to 20 seeds",
        # Three configurations of five to eight rates each: the rate's own variant needs none.
        "trials: 4 in the search, 15 to 24 for tuning, 28 to 80 in comparisons",
    ]


def test_conditions_and_recipes_are_told_in_words(study):
    dimensions = {**study.space.dimensions, "dropout": Choice((0.0, 0.1))}
    condition = {"dropout": {"normalization": ("none", "layer"), "optimizer": ("adam",)}}
    changes = {
        "space": Space(dimensions, conditions=condition, inactive_levels={"dropout": 0.0}),
        "recipes": {"calm": {"optimizer": "sgd", "dropout": 0.1}},
    }
    lines = outline(study.model_copy(update=changes))
    assert lines[1:] == [
        "dropout matters only where normalization is none or layer and optimizer is adam",
        "recipe calm: optimizer=sgd, dropout=0.1",
    ]
    assert "6 variants" in lines[0]  # dropout=0.1 and the recipe more than without
    only_path = changed(study.model_copy(update=changes), design=("path",))
    assert outline(only_path)[-1].endswith("(not compared: only the one-factor design compares recipes)")
