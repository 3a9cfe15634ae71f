from pathlib import Path

from design_tables import factorial
from test_design_sections import LEVELS, crossing, inputs_of

from ablate.report.interactions import found_factorials
from ablate.report.page import Figure
from ablate.report.variance_shares import variance_blocks


def figure(folder: Path, seeds: list[int]) -> Figure:
    inputs = inputs_of(folder, factorial(LEVELS, crossing, seeds=seeds))
    (block,) = variance_blocks(found_factorials(inputs)[0])
    assert isinstance(block, Figure)
    return block


def test_shares_of_one_run_a_cell_hold_noise(tmp_path: Path) -> None:
    shares = figure(tmp_path, [1])
    assert "with one run a cell, noise is in every share" in shares.sentence
    assert "tick" not in shares.reading


def test_shares_of_several_seeds_stand_beside_those_of_noise(tmp_path: Path) -> None:
    shares = figure(tmp_path, list(range(8)))
    assert shares.sentence.startswith("Exploratory: main effects hold 8 % of the variance of these runs, two-factor")
    assert shares.sentence.endswith("; noise alone would give all these terms together about 0 %.")
    assert "The tick is the average bar under noise alone" in shares.reading
    assert shares.table is not None
    assert [row[0] for row in shares.table.rows] == ["a", "b", "a × b", "seed", "noise"]
