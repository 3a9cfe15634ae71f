import pandas as pd
import pytest
from tables import runs

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.columns import find_roles
from ablate.analysis.imports.units import check_margin, to_chance
from ablate.errors import DataError

FRACTIONS, PERCENTS, LOSSES = [0.91, 0.89, 0.90, 0.88], [91.0, 89.0, 90.0, 88.0], [0.51, 0.49, 0.50, 0.48]


def of(values, name="acc", **asked):
    """The arguments of both checks for a table with these scores."""
    source, options = runs({"a": ["x", "y"] * 2, name: values}), ImportOptions(**asked)
    roles = find_roles(source, options)
    sign = -1 if roles.direction == "minimize" else 1
    return source, roles, options, sign * pd.Series(values, dtype=float)


@pytest.mark.parametrize(
    ("values", "name", "margin", "words"),
    [
        (FRACTIONS, "acc", 0.5, "write 0.005 for 0.5 points, or add --unit fraction if you mean 50"),
        (FRACTIONS, "f1", 0.2, "write 0.002 for 0.2 points"),
        (PERCENTS, "val_accuracy", 0.005, "write 0.5 for 0.5 points, or add --unit % if you mean 0.005 points"),
        (LOSSES, "val_loss", 0.5, "so this margin hides every difference"),
    ],
)
def test_a_margin_in_another_unit_is_a_question(values, name, margin, words):
    with pytest.raises(DataError, match=f"--margin {margin:g}: {name} is between") as caught:
        check_margin(*of(values, name, margin=margin))
    assert words in str(caught.value)
    check_margin(*of(values, name, margin=margin, unit="as it is"))


@pytest.mark.parametrize(
    ("values", "name", "margin"),
    [(FRACTIONS, "acc", 0.005), (PERCENTS, "acc", 0.5), (LOSSES, "val_loss", 0.02), ([3.2, 250.0, 7.0, 1.0], "loss", 5),
     ([0.91, 0.10, 0.9, 0.9], "acc", 0.05), (FRACTIONS, "acc", None), (FRACTIONS, "acc", 0)],
)  # fmt: skip
def test_a_margin_in_the_score_s_unit_is_taken(values, name, margin):
    check_margin(*of(values, name, margin=margin))


def test_the_score_of_guessing_has_the_score_s_unit_and_turns_with_its_direction():
    assert to_chance(*of(FRACTIONS, chance=0.1)) == 0.1
    assert to_chance(*of(LOSSES, "loss", chance=2.3)) == -2.3
    assert to_chance(*of(PERCENTS, chance=0)) == 0
    assert to_chance(*of(FRACTIONS)) is None


@pytest.mark.parametrize(
    ("values", "name", "chance", "words"),
    [
        (FRACTIONS, "acc", 10, r"guessing would be better than every finished run \(the best acc is 0.91\)"),
        (LOSSES, "loss", 0.1, r"\(the best loss is 0.48\)"),
        (LOSSES, "loss", -2.3, "with its sign"),
        (PERCENTS, "acc", 0.1, "acc is in percents\n  write 10, or add --unit % if you mean 0.1 percent"),
    ],
)
def test_a_score_of_guessing_in_another_unit_is_a_question(values, name, chance, words):
    with pytest.raises(DataError, match=words):
        to_chance(*of(values, name, chance=chance))
