"""Files that other tools wrote, held to what is in them: `exports/expected.json`."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ablate.analysis.imports import ImportedRuns, ImportOptions, read_imported
from ablate.analysis.imports.columns import find_roles
from ablate.analysis.imports.table_runs import prepared
from ablate.analysis.sources import Runs, read_file_runs
from ablate.errors import AblateError
from ablate.storage.results import column_of

EXPORTS = Path(__file__).parent / "exports"
TOLD = json.loads((EXPORTS / "expected.json").read_text(encoding="utf-8"))
TRUTH = TOLD.pop("truth")
READ = sorted(name for name, told in TOLD.items() if "refused" not in told)
REFUSED = sorted(name for name, told in TOLD.items() if "refused" in told)


def source(name: str, folder: Path) -> Runs:
    """The runs as `ablate analyze` reads them; an SQLite file is made anew from its text."""
    if not name.endswith(".sql"):
        return read_file_runs(EXPORTS / name)
    connection = sqlite3.connect(folder / "study.db")
    connection.executescript((EXPORTS / name).read_text(encoding="utf-8"))
    connection.close()
    return read_file_runs(folder / "study.db")


def read(name: str, asked: ImportOptions, folder: Path) -> tuple[Runs, ImportedRuns] | str:
    """What is read, or the message where it is refused."""
    try:
        runs = source(name, folder)
        return runs, read_imported(runs, asked)
    except AblateError as err:
        return str(err)


def bare(column: str) -> str:
    """A column's name without the prefix of its tool."""
    return column.replace("/", ".").replace("_", ".").split(".")[-1]


def every_run(foreign: ImportedRuns) -> pd.DataFrame:
    """A row a run."""
    search = foreign.results[foreign.results["phase"] == "search"]
    return search if len(search) else foreign.results[foreign.results["design"] == "factorial"]


def check_roles(runs: Runs, asked: ImportOptions, told: dict[str, Any]) -> None:
    roles = find_roles(prepared(runs), asked)
    assert sorted(map(bare, roles.factors)) == sorted(told["factors"])
    assert (bare(roles.score), roles.direction) == (bare(told["score"]), told["direction"])
    assert bare(roles.seed) == told["seed"]
    assert told["state"] is None or bare(roles.state) == told["state"]


def check_runs(foreign: ImportedRuns, told: dict[str, Any]) -> None:
    table = every_run(foreign)
    assert len(table) == told["runs"]
    assert (table["state"] != "finished").sum() == told["lost"]
    for word in told.get("says", ()):
        assert word in " ".join(foreign.notes)
    if told["factors"] == ["optimizer", "dropout"]:
        columns = {bare(name): column_of(name) for name in foreign.facts.factors}
        means = table[table["state"] == "finished"].groupby(columns["optimizer"])["score"].mean()
        means.index = means.index.str.strip('"')
        assert means["adam"] - means["sgd"] == pytest.approx(TRUTH["optimizer"]["adam"], abs=0.004)
        assert means["adam"] == means.max()
    for factor, n_levels in told.get("levels", {}).items():
        assert table[column_of(factor)].nunique() == n_levels


def check(runs: Runs, foreign: ImportedRuns, asked: ImportOptions, told: dict[str, Any]) -> None:
    check_roles(runs, asked, told)
    check_runs(foreign, told)


@pytest.mark.parametrize("name", READ)
def test_an_export_is_read_as_what_it_is(name: str, tmp_path: Path) -> None:
    told = TOLD[name]
    asked = ImportOptions(**told.get("asked", {}))
    answer = read(name, asked, tmp_path)
    if isinstance(answer, str):
        assert told.get("may_ask"), f"refused: {answer}"
    else:
        check(*answer, asked, told)


@pytest.mark.parametrize("name", [name for name in READ if TOLD[name].get("asked")])
def test_an_export_that_leaves_something_open_is_asked_about_or_read_right(name: str, tmp_path: Path) -> None:
    answer = read(name, ImportOptions(), tmp_path)
    if isinstance(answer, str):
        assert "name it with --score" in answer or "add --direction" in answer
    else:
        check(*answer, ImportOptions(), TOLD[name])


@pytest.mark.parametrize("name", REFUSED)
def test_what_holds_no_comparison_is_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    told = TOLD[name]
    answer = read(name, ImportOptions(), tmp_path)
    if isinstance(answer, str):
        assert told["refused"] in answer.lower()
    else:
        assert "or_read" in told, f"read with {answer[1].notes}"
        check(*answer, ImportOptions(), told["or_read"])
