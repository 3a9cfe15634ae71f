import io

import pytest
from rich.console import Console

from ablate.analysis.effects import Metric
from ablate.analysis.statistics import minimum_detectable_effect
from ablate.analysis.statistics.pilot import pilot_sd
from ablate.experiment.preview.seed_power import seed_powers
from ablate.interface.display.power import power_said, power_table

ACCURACY = Metric("test_accuracy", "test_accuracy", 1, 100.0, "points", 0.1, 0.005)
SCORE = Metric("auc", "score", 1, 1.0, "", 0.5, 0.0)
NONE, SIX = pilot_sd([], []), pilot_sd([0.01] * 3, [6] * 3)


def said(own, *, pilot, metric=ACCURACY, width=100):
    powers = seed_powers(own, contrasts=9, pilot=pilot, margin=metric.margin)
    console = Console(file=io.StringIO(), width=width)
    console.print(power_table(powers, pilot=pilot, metric=metric))
    lines = power_said(powers, own=own, contrasts=9, pilot=pilot, metric=metric)
    return lines, console.file.getvalue().splitlines()


def test_with_a_pilot_the_difference_has_a_unit_and_the_sd_its_limits():
    lines, table = said((6,), pilot=SIX)
    assert lines[0] == (
        "detect    with 6 seeds and 9 comparisons you can detect 3.2 points (3.20 SD of the paired differences); 80 % "
        "power, family-wise 5 %"
    )
    assert lines[1].startswith(
        "          SD so far 1.0 points, 95 % limits 0.72 to 2.1 (3 comparisons of 6 seeds): plan "
    )
    assert [cell.strip() for cell in table[0].split("  ") if cell.strip()] == [
        "seeds", "detects, points", "at the upper SD", "power for 0.5 points",
    ]  # fmt: skip
    assert table[1].split() == ["6", "3.2", "6.7", "1", "to", "2", "%"]
    assert [row.split()[0] for row in table[1:]] == ["6", "8", "10", "14", "20"]


def test_without_a_pilot_there_are_only_sds():
    lines, table = said((8,), pilot=NONE)
    assert "you can detect 2.22 SD of the paired differences; 80 % power" in lines[0]
    assert "the SD is not known before two seeds have run" in lines[1]
    assert table[2].split() == ["8", "2.22"]


def test_too_few_seeds_detect_nothing():
    lines, table = said((3, 7), pilot=SIX)
    assert lines[0] == "detect    with 3 seeds and 9 comparisons there is no test and no verdict: a test needs 6 seeds"
    assert "with 7 seeds and 9 comparisons you can detect" in lines[1]
    assert "80 % power" in lines[1]
    assert table[1].split() == ["3", "no", "test"]


@pytest.mark.parametrize("width", [40, 60])
def test_a_narrow_terminal_keeps_every_number(width):
    _, table = said((6,), pilot=SIX, width=width)
    assert max(map(len, table)) <= width
    assert "3.2" in "\n".join(table)
    assert "…" not in "\n".join(table)


def test_a_metric_without_unit_and_margin_has_neither():
    lines, table = said((6,), pilot=SIX, metric=SCORE)
    assert "you can detect 0.032 (3.20 SD" in lines[0]
    assert "SD so far 0.010, 95 % limits" in lines[1]
    assert "power" not in table[0]


def test_a_spent_level_detects_less_and_needs_more_seeds():
    powers = seed_powers((8, 10), contrasts=1, pilot=NONE, margin=0.0, alpha=0.05 / 16)
    lines = power_said(powers, own=(8, 10), contrasts=1, pilot=NONE, metric=ACCURACY, level=0.05 / 16)
    assert lines[0].endswith("there is no test and no verdict: a test at 0.3125 % needs 10 seeds")
    assert lines[1].endswith("; 80 % power, family-wise 0.3125 %")
    assert powers[2].effect == pytest.approx(minimum_detectable_effect(10, alpha=0.05 / 16))
