import pytest
from tables import runs

from ablate.analysis.imports import ImportOptions, read_imported

DAYS = [f"2026-11-{day:02} 10:00:00" for day in range(1, 17)]


def facts(**columns):
    """The facts of a table of two optimizers with eight seeds each; `columns` have 16 values, first those of adam."""
    table = {"optimizer": ["adam"] * 8 + ["sgd"] * 8, "seed": [*range(8)] * 2}
    scores = {"accuracy": [0.8 + (at * 7 % 16) / 200 for at in range(16)]}
    return read_imported(
        runs(table | columns | scores), ImportOptions(factors=("optimizer",), seed="seed", score="accuracy")
    ).facts


@pytest.mark.parametrize(
    "values",
    [
        [10_000] * 8 + [25_000] * 8, [100 + at for at in range(16)], DAYS, ["as in the paper"] * 8 + ["ours"] * 8,
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["n_params", "runtime", "description"])
def test_a_column_that_nobody_compared_but_that_tells_the_sides_apart_is_said(name, values):
    found = facts(**{name: values})
    if found.confounded:  # compared after all, which withholds the verdict
        assert name in found.confounded[0]
    else:
        assert name in found.not_looked_at
        assert found.separating == [f"{name} separates optimizer=adam from optimizer=sgd in every run"]


def test_values_that_overlap_and_names_that_never_repeat_separate_nothing():
    overlapping = facts(n_params=[10, 20] * 8, notes=["fine", "", "rerun", ""] * 4, date=[*DAYS[::2], *DAYS[1::2]])
    assert overlapping.separating == []
    assert {"notes", "date"} <= {*overlapping.not_looked_at}
    assert facts(notes=[f"note {at}" for at in range(16)]).separating == []


def test_another_score_is_left_out_though_a_large_effect_separates_it():
    assert facts(val_loss=[0.9] * 8 + [0.1] * 8).separating == []


def test_a_circumstance_without_a_difference_was_compared():
    found = facts(host=["a", "b"] * 8)
    assert found.looked_at == ["host"]
    assert found.not_looked_at == []
