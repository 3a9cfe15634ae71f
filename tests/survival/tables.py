"""What a study left in its folder and its databases into complaints: everything that is not as it must be."""

import csv
import re
import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

Table = dict[str, dict[str, str]]  # key of a row -> column -> text, as it stands in the file

PLACE_AND_TIME = ("seconds", "run_id", "attempt", "read_at")  # columns in which equal studies differ
STATUS = {
    "finished": "FINISHED", "pruned": "FINISHED", "diverged": "FAILED", "out_of_memory": "FAILED", "failed": "FAILED",
    "killed": "KILLED",
}  # fmt: skip
TEMPORARY = re.compile(r"^\.(aside-.*|.+\.([a-z0-9_]{8}|\d+))$")  # what is written aside, then renamed
SWEPT = 65.0  # seconds after which the next run removes what a dead one left where all temporary files are


@dataclass(frozen=True)
class Runs:
    """What an MLflow store has."""

    runs: Mapping[str, tuple[str, Mapping[str, str]]]  # run id -> status and tags, of those that were not deleted
    points: Mapping[str, int]  # run id -> how many epochs its curve has


def read_table(path: Path) -> Table:
    """The rows of a CSV file by trial, and by epoch where there is one."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    table = {f"{row['trial']} {row.get('epoch', '')}".rstrip(): row for row in rows}
    assert len(table) == len(rows), f"{path}: a trial stands there twice"
    return table


def compare(found: Table, wanted: Table, *, what: str, without: Collection[str]) -> list[str]:
    """How two tables differ, to the bit of a number, in any order of rows, but for the columns `without`."""
    said = [f"{what}: {key} is missing" for key in wanted if key not in found]
    said += [f"{what}: {key} should not be there" for key in found if key not in wanted]
    for key in wanted.keys() & found.keys():
        for column in wanted[key].keys() | found[key].keys():
            here, there = found[key].get(column), wanted[key].get(column)
            if column not in without and not _is_same(here, there):
                said.append(f"{what}: {key}: {column} is {here}, undisturbed {there}")
    return sorted(said)


def _is_same(here: str | None, there: str | None) -> bool:
    """Whether two texts are the same, or say the same number: 610 is 610.0 where another row of its column is empty."""
    try:
        return here == there or float(here or "") == float(there or "")
    except ValueError:
        return False


def runs_in_file(store: Path) -> Runs:
    """The runs of an SQLite store."""
    return Runs(_read_runs(store), _read_curves(store))


def check_runs(stored: Runs, results: Table, epochs: Table) -> list[str]:
    """What is wrong with MLflow's runs: one closed run an attempt, one of them the trial's own, nothing else open."""
    runs, points = stored.runs, stored.points
    said = [
        f"MLflow: run {name} is {status}" for name, (status, _) in runs.items() if status in ("RUNNING", "SCHEDULED")
    ]
    trials = {name: tags for name, (_, tags) in runs.items() if "trial" in tags}
    if len(runs) == len(trials):
        said.append("MLflow: the study itself has no run")
    said += [
        f"MLflow: a run of {tags['trial']}, which is in no table"
        for tags in trials.values()
        if tags["trial"] not in results
    ]
    curves = Counter(row["trial"] for row in epochs.values())
    for trial, row in results.items():
        own = {name: runs[name][0] for name, tags in trials.items() if tags["trial"] == trial}
        ended = {name: status for name, status in own.items() if trials[name].get("state") != "killed"}
        said += _check_trial(row, own, ended)
        if row["run_id"] in ended and not row["same_as"] and points.get(row["run_id"], 0) != curves[trial]:
            said.append(f"MLflow: {trial}: {points.get(row['run_id'], 0)} points of its curve, not {curves[trial]}")
    return said


def check_search(path: Path, *, trials: int) -> list[str]:
    """What is wrong with Optuna's file: every trial there once, and settled."""
    with closing(sqlite3.connect(path)) as database:
        states = Counter(state for (state,) in database.execute("SELECT state FROM trials"))
    said = [f"Optuna: {n} trials are {state}" for state, n in states.items() if state in ("RUNNING", "WAITING")]
    return said if states.total() == trials else [*said, f"Optuna: {states.total()} trials, not {trials}"]


def check_rest(root: Path, folder: Path) -> list[str]:
    """What a run left behind that nobody needs: files written aside, in the folder of results or for all to see."""
    places = [folder, folder.parent / ".cache"]
    found = [path for place in places for path in place.rglob("*") if TEMPORARY.match(path.name)]
    began = max((int(path.stem.partition("-")[2]) for path in root.glob("stderr-*.txt")), default=0) / 1e9
    scratch = [
        path for path in (root / "tmp").iterdir() if path.suffix != ".lock" and path.stat().st_mtime < began - SWEPT
    ]
    return [f"left behind: {path.relative_to(root)}" for path in [*found, *scratch]]


def _check_trial(row: Mapping[str, str], own: Mapping[str, str], ended: Mapping[str, str]) -> list[str]:
    trial, state, attempts = row["trial"], row["state"], int(row["attempt"])
    said = []
    if len(ended) != 1:
        said.append(f"MLflow: {trial}: {len(ended)} runs with its result, not one")
    if any(status != STATUS[state] for status in ended.values()):
        said.append(f"MLflow: {trial} is {state}, and its run {', '.join(ended.values())}")
    if row["run_id"] not in ended:
        said.append(f"MLflow: {trial}: the run that the table names is not the one with its result")
    if any(status != "KILLED" for name, status in own.items() if name not in ended):
        said.append(f"MLflow: {trial}: a run without a result is not KILLED")
    if len(own) != attempts and not row["same_as"]:
        said.append(f"MLflow: {trial}: {len(own)} runs of {attempts} attempts")
    return said


def _read_runs(store: Path) -> dict[str, tuple[str, dict[str, str]]]:
    """Run id -> status and tags, of the runs that were not deleted."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
        runs = dict(database.execute("SELECT run_uuid, status FROM runs WHERE lifecycle_stage = 'active'"))
        tags: dict[str, dict[str, str]] = {name: {} for name in runs}
        for name, key, value in database.execute("SELECT run_uuid, key, value FROM tags"):
            if name in tags:
                tags[name][key] = value
    return {name: (status, tags[name]) for name, status in runs.items()}


def _read_curves(store: Path) -> dict[str, int]:
    """Run id -> how many epochs its curve has."""
    question = (
        "SELECT run_uuid, count(DISTINCT step) FROM metrics WHERE key IN ('val_loss', 'val_mae') AND step > 0 "
        "GROUP BY run_uuid"
    )
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
        return dict(database.execute(question))
