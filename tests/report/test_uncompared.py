from pathlib import Path

import pandas as pd
import pytest
from design_tables import factorial

from ablate.analysis.imports import ImportOptions, read_imported
from ablate.analysis.sources import Runs
from ablate.report import build_report
from ablate.report.effects import no_comparisons
from ablate.report.inputs import read_inputs
from ablate.report.page import Section
from ablate.storage.results import write_table
from ablate.study.trial import COLUMNS

SWEEP = {  # three configurations, one of them with two seeds
    "norm": ["none", "batch", "layer", "batch"],
    "width": [50, 100, 200, 100],
    "seed": [1, 1, 1, 2],
    "acc": [0.5, 0.875, 0.75, 0.625],
}


def foreign_folder(folder: Path, table: dict[str, list[object]], **asked: str) -> Path:
    runs = Runs(pd.DataFrame(table).map(str), place="sweep.csv", name="sweep")
    foreign = read_imported(runs, ImportOptions(**asked))  # type: ignore[arg-type]  # its texts only
    folder.mkdir(exist_ok=True)
    write_table(foreign.results, folder / "results.csv")
    (folder / "provenance.json").write_text(foreign.facts.to_text())
    return folder


def test_a_table_without_neighbours_says_so_and_tells_its_best_run(tmp_path: Path) -> None:
    headline = build_report(foreign_folder(tmp_path / "sweep", SWEEP)).headline
    assert [line.replace("\N{NO-BREAK SPACE}", " ") for line in headline] == [
        "There is no comparison, because norm and width always change together. "
        "Name only one of them with --factors to compare both at once.",
        "The best of 4 finished runs is row-2, acc 87.5 %, with norm batch, width 100. "
        "The best of many runs is partly lucky: expect a worse score if you run it again.",
        "The page shows “All runs”.",
    ]


@pytest.mark.parametrize(
    ("changes", "asked", "why"),
    [
        ({}, {"reference": "norm=none"},
         "no configuration differs from the reference, norm=none, in exactly one factor"),
        ({"norm": list("abca"), "width": [1, 2, 3, 1], "depth": [2, 1, 3, 2], "seed": [1, 1, 1, 2]},
         {"factors": ("norm", "depth", "width")}, "norm and depth always change together. "
         "Name only one of them with --factors to compare both at once"),
        ({"norm": list("aabbccdd"), "width": [1, 2] * 4, "tower": list("pqrstuvw"), "seed": [1] * 8,
          "acc": [i / 16 for i in range(8)]}, {"factors": ("norm", "width", "tower")},
         "most configurations have their own value of tower. "
         "If this is not a factor, leave it out: --factors norm,width"),
        ({"width": [i + 0.5 for i in range(12)], "norm": list("abababababab"), "seed": [1] * 12,
          "acc": [i / 16 for i in range(12)]}, {},
         "no two configurations differ in exactly one factor (not counting width, whose values hardly ever repeat)"),
    ],
)  # fmt: skip
def test_the_reason_names_what_was_asked_for_and_what_was_drawn(
    tmp_path: Path, changes: dict[str, list[object]], asked: dict[str, str], why: str
) -> None:
    inputs = read_inputs(foreign_folder(tmp_path, SWEEP | changes, **asked))
    assert no_comparisons(inputs, [])[0] == f"There is no comparison, because {why}."


def test_a_study_that_has_only_searched_has_no_results_yet_and_other_designs_are_pointed_to(tmp_path: Path) -> None:
    write_table(pd.DataFrame(columns=list(COLUMNS)), tmp_path / "results.csv")
    assert no_comparisons(read_inputs(tmp_path), []) == [f"{tmp_path.name}: no ablation results yet."]
    crossed = factorial({"a": [0, 1], "b": [0, 1]}, lambda cell, seed: cell["a"] + seed, seeds=range(2))
    write_table(crossed[crossed["design"] == "factorial"], tmp_path / "results.csv")
    assert no_comparisons(read_inputs(tmp_path), [Section("interactions", "Interactions", [])]) == [
        "This study has no one-factor comparisons; the results of its other designs are below.",
        "The page shows “Interactions”.",
    ]


def test_a_number_that_was_drawn_is_told_in_four_digits(tmp_path: Path) -> None:
    widths: list[object] = [50.123456, 100.987654, 200.5, 100.987654]
    inputs = read_inputs(foreign_folder(tmp_path, SWEEP | {"width": widths}))
    assert ", with norm batch, width 101. " in no_comparisons(inputs, [])[1]
