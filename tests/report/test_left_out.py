from pathlib import Path

import pandas as pd
import pytest
from careful_study import state, why

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.reading import read_imported
from ablate.analysis.sources import Runs
from ablate.report.failures import failures_section
from ablate.report.inputs import Inputs, read_inputs
from ablate.report.left_out import left_out_in_words, source_runs
from ablate.report.origin import title_facts
from ablate.report.statistical_methods import lost_runs_paragraph
from ablate.report.trust import trust_section
from ablate.storage.results import write_table

SAME_SEEDS, COUNTED, VARY = (
    "Every configuration has the same seeds", "Runs that did not finish are counted", "Scores differ between seeds",
)  # fmt: skip


def runs_of(act: str, seeds: range, *, gain: float = 0.0) -> list[dict[str, object]]:
    """Finished runs whose scores depend on the seed."""
    return [
        {"act": act, "seed": seed, "accuracy": 0.8 + gain + (seed * 7 % 5) / 500 + gain * seed / 50, "state": "ok"}
        for seed in seeds
    ]


def read(folder: Path, rows: list[dict[str, object]], **asked: str) -> Inputs:
    """The inputs of the report on a table with these rows."""
    table = pd.DataFrame(rows).astype(str).replace("nan", "")
    options = ImportOptions(factors=("act",), seed="seed", score="accuracy", states="ok=finished", **asked)
    imported = read_imported(Runs(table, place="runs.csv", name="runs"), options)
    folder.mkdir()
    write_table(imported.results, folder / "results.csv")
    (folder / "provenance.json").write_text(imported.facts.to_text(), encoding="utf-8")
    return read_inputs(folder)


@pytest.fixture
def pruned(tmp_path: Path) -> Inputs:
    late = [row | {"state": "pruned", "accuracy": 0.5} for row in runs_of("gelu", range(3))]
    rows = runs_of("relu", range(10)) + late + runs_of("gelu", range(3, 10), gain=0.02)
    return read(tmp_path / "pruned", rows)


def test_runs_that_were_cut_short_are_in_the_answer_and_fail_two_checks(pruned: Inputs) -> None:
    (line,) = left_out_in_words(pruned)
    assert line.startswith("Left out: 3 of 10 runs of act gelu (pruned): the comparison is of the others only,")
    assert state(pruned)[SAME_SEEDS] is False
    assert why(pruned, COUNTED) == "Left out: 3 of 10 runs of act gelu (pruned)."
    assert "No compared run" not in str(trust_section(pruned, []))
    assert lost_runs_paragraph(pruned).startswith("3 of 20 runs ended early")


def test_runs_without_a_score_that_the_user_drops_are_left_out_by_that_name(tmp_path: Path) -> None:
    empty = [row | {"accuracy": ""} for row in runs_of("gelu", range(6))]
    rows = runs_of("relu", range(12)) + empty + runs_of("gelu", range(6, 12), gain=0.02)
    dropped = read(tmp_path / "dropped", rows, missing="drop")
    assert left_out_in_words(dropped)[0].startswith("Left out: 6 of 12 runs of act gelu (no score)")
    failed = str(failures_section(dropped))
    assert "6 of 24 runs have no score or no state. In the effects they are left out." in failed
    assert "killed" not in failed
    assert ("Size", "24 rows, 1 variant and the reference × 12 seeds") in title_facts(dropped)


def test_seeds_that_one_side_lacks_are_missing(tmp_path: Path) -> None:
    rows = runs_of("relu", range(12)) + runs_of("gelu", range(0, 12, 2), gain=0.02)
    absent = read(tmp_path / "absent", rows)
    assert left_out_in_words(absent)[0].startswith("Missing: act gelu has no run with 6 of 12 seeds.")
    assert state(absent)[SAME_SEEDS] is False
    assert why(absent, COUNTED) == "No run is recorded as lost."
    assert "No compared run" not in str(trust_section(absent, []))


def test_sides_that_share_no_seed_are_unpaired_and_nothing_is_missing(tmp_path: Path) -> None:
    rows = runs_of("relu", range(8)) + runs_of("gelu", range(100, 108), gain=0.02)
    apart = read(tmp_path / "apart", rows)
    assert left_out_in_words(apart) == []
    assert why(apart, SAME_SEEDS) == "No seed is shared, so the comparison is unpaired: act gelu."
    assert why(apart, "Enough seeds").startswith("The smallest comparison has 8 runs on its smaller side, unpaired;")


def test_lost_rows_of_the_table_count_once(tmp_path: Path) -> None:
    failed = [row | {"state": "failed", "accuracy": ""} for row in runs_of("gelu", range(3))]
    lossy = read(tmp_path / "lossy", runs_of("relu", range(10)) + failed + runs_of("gelu", range(3, 10)))
    assert len(source_runs(lossy)) == 20
    said = str(failures_section(lossy))
    assert "3 of 20 runs did not finish: 3 failed." in said
    assert "comparisons with lost runs have no size" in said
    assert "interrupted" not in said


def test_one_score_for_all_seeds_fails_though_they_count_as_one_run(tmp_path: Path) -> None:
    rows = [row | {"accuracy": 0.9} for act in ("relu", "gelu") for row in runs_of(act, range(10))]
    constant = read(tmp_path / "constant", rows)
    assert state(constant)[VARY] is False
    assert why(constant, VARY).startswith("All seeds of a configuration have the same score (20 runs)")
