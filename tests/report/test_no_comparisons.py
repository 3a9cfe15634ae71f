from pathlib import Path

import pandas as pd
import pytest
from design_tables import factorial

from ablate.analysis.imports import ImportOptions, read_imported
from ablate.analysis.sources import Runs
from ablate.report import build_report
from ablate.report.inputs import read_inputs
from ablate.report.methods import methods_section
from ablate.report.no_comparisons import no_comparisons
from ablate.report.origin import banners
from ablate.report.page import Definitions, Figure, Section
from ablate.report.search import search_section
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
        "To compare both at once, name one of them in --factors and the other in --ignore.",
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
         "To compare both at once, name one of them in --factors and the other in --ignore"),
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


CONFOUNDED: dict[str, list[object]] = {  # data_size is another one for each norm, mostly
    "norm": ["none"] * 4 + ["batch"] * 4,
    "data_size": [1000, 1000, 50_000, 1000, 50_000, 50_000, 1000, 50_000],
    "seed": [1, 1, 1, 2, 1, 1, 1, 2],
    "acc": [0.5, 0.75, 0.625, 0.5, 0.875, 0.5, 0.75, 0.25],
}
DIFFERS = "data_size differs between norm=none (mostly 1000) and norm=batch (mostly 50000)"


def test_a_comparison_that_another_column_spoils_is_missing_with_its_reason_on_top(tmp_path: Path) -> None:
    folder = foreign_folder(tmp_path / "sweep", CONFOUNDED, factors=("norm",))  # type: ignore[arg-type]
    inputs = read_inputs(folder)
    way_out = "name it too, --factors norm,data_size, or add --ignore data_size if it cannot change the score"
    assert no_comparisons(inputs, [])[0] == f"There is no comparison, because {DIFFERS}: {way_out}."
    assert banners(inputs) == [("Not compared", f"{DIFFERS}: {way_out}.")]
    found = search_section(inputs)
    assert found is not None
    [sentence] = [each.sentence for each in found.blocks if isinstance(each, Figure) and each.name == "importances"]
    assert sentence.endswith(f"Shares cannot separate what the table mixes: {DIFFERS}.")


def test_a_column_that_the_user_ignores_is_on_top_too(tmp_path: Path) -> None:
    asked = {"factors": ("norm",), "ignore": ("data_size",)}
    inputs = read_inputs(foreign_folder(tmp_path / "sweep", CONFOUNDED, **asked))  # type: ignore[arg-type]
    told = f"{DIFFERS} and is ignored as you asked (--ignore): a difference may come from it."
    assert banners(inputs) == [("Taken on trust", told)]
    [block] = methods_section(inputs).blocks
    assert isinstance(block, Definitions)
    design = dict(block.pairs)["Design"]
    assert design.endswith(f"what the table does not record may differ too. {told}")
    assert "keeps the others" not in design


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
