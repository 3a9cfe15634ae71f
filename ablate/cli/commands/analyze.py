"""`ablate analyze`: statistics and a report for a table of runs from any tool."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

import ablate
from ablate.analysis.imports import ImportOptions, read_imported
from ablate.analysis.sources import Runs, is_storage_url, read_file_runs, read_optuna_runs
from ablate.cli.commands.report import SOURCE_ID, check_same, file_id, store_id
from ablate.errors import AblateError
from ablate.interface.display.stream import say
from ablate.storage.files.atomic import opening, write_aside
from ablate.storage.files.foreign_files import check_folder
from ablate.storage.files.json_file import read_json
from ablate.storage.provenance import Provenance
from ablate.storage.results import REQUIRED, WORDS, write_table
from ablate.study.names import NAME_RULE, is_safe_name, to_safe_name
from ablate.text import printable

MLFLOW = "mlflow:"
TABLE = "table"  # the report's name where the source's name has no letter
RESULTS, PROVENANCE = "results.csv", "provenance.json"
# Files that the report on a study's own table reads besides the table.
BESIDE = ("epochs.csv", "layers.csv", "lr_tests.json", "test_predictions.npz", "study.toml")


@dataclass(frozen=True, slots=True)
class ReportPlace:
    """Where to find the source, and where the report goes."""

    source: str  # a file with a table, "mlflow:EXPERIMENT", or the URL of an Optuna storage
    study: str | None  # the study's name, for an Optuna storage that holds several
    tracking_uri: str
    name: str  # of the report's folder; "": named after the source
    out: Path


def run(place: ReportPlace, asked: ImportOptions, *, command_line: str) -> None:
    """Read the source, write the folder, build the report, and print assumptions, answer and the report's path."""
    with opening(place.out):
        folder, notes = prepare(place, asked, command_line=command_line)
        from ablate.report import build_report

        built = build_report(folder)
    lines = [*notes, "", *built.headline, f"report   {built.html}", f"table    {folder / RESULTS}"]
    say(Console(highlight=False), lines)


def prepare(place: ReportPlace, asked: ImportOptions, *, command_line: str) -> tuple[Path, list[str]]:
    """Write the folder with its table and facts; also return the choices that were made without asking the user."""
    if place.name and not is_safe_name(place.name):
        raise AblateError(f"--name {printable(place.name)}: must have {NAME_RULE}")
    if place.source.startswith(MLFLOW):
        return _from_mlflow(place, asked, command_line=command_line)
    if is_storage_url(place.source):
        return _foreign(read_optuna_runs(place.source, study=place.study), place, asked, command_line=command_line)
    path = Path(place.source)
    runs = read_file_runs(path, study=place.study)
    if _is_own(runs) and asked == ImportOptions():
        return _own_table(path, place)
    return _foreign(runs, place, asked, command_line=command_line)


def _from_mlflow(place: ReportPlace, asked: ImportOptions, *, command_line: str) -> tuple[Path, list[str]]:
    from ablate.tracking import experiment_rows, mlflow_runs, shown_uri

    experiment = place.source.removeprefix(MLFLOW)
    rows = experiment_rows(place.tracking_uri, experiment)
    if not rows or asked != ImportOptions():
        return _foreign(mlflow_runs(place.tracking_uri, experiment), place, asked, command_line=command_line)
    uri = shown_uri(place.tracking_uri)
    source = f"experiment {experiment} at {uri}"
    folder = _folder(place, experiment, source=source, source_id=store_id(source))
    facts = Provenance(experiment=experiment, tracking_uri=uri, source=source, source_id=store_id(source))
    _write(folder, pd.DataFrame(rows), facts, command_line=command_line)
    return folder, [f"These are trials of a study that ablate ran: {len(rows):,} rows."]


def _is_own(runs: Runs) -> bool:
    """Whether a table has the columns of a results table, and phases of trials: other tables may have the columns."""
    return set(REQUIRED) <= set(runs.table) and bool(runs.table["phase"].isin(WORDS["phase"]).any())


def _own_table(path: Path, place: ReportPlace) -> tuple[Path, list[str]]:
    """Copy a study's own table and the files beside it; leave them in place if the report goes to that folder."""
    name = path.absolute().parent.name if path.name == RESULTS else path.name.split(".")[0]
    target = place.out / (place.name or to_safe_name(name, otherwise=TABLE))
    note = ["This is a results table of ablate, so its columns are known."]
    if target.resolve() == path.resolve().parent and path.name == RESULTS:
        return target, note
    source = printable(str(path), 300)
    source_id = file_id(path, place.out)
    folder = _folder(place, name, source=source, source_id=source_id)
    folder.mkdir(parents=True, exist_ok=True)
    write_aside(folder / RESULTS, path.read_bytes())
    for beside in BESIDE:
        if (path.parent / beside).is_file():
            write_aside(folder / beside, (path.parent / beside).read_bytes())
    facts = _facts(path.parent / PROVENANCE) or {"study": folder.name}
    facts |= {"source": source, SOURCE_ID: source_id}
    write_aside(folder / PROVENANCE, json.dumps(facts, indent=2, ensure_ascii=False))
    return folder, note


def _foreign(runs: Runs, place: ReportPlace, asked: ImportOptions, *, command_line: str) -> tuple[Path, list[str]]:
    foreign = read_imported(runs, asked)
    source_id = _source_id(runs, place)
    folder = _folder(place, runs.name, source=runs.place, source_id=source_id)
    _write(folder, foreign.results, replace(foreign.facts, source_id=source_id), command_line=command_line)
    return folder, list(foreign.notes)


def _folder(place: ReportPlace, name: str, *, source: str, source_id: str) -> Path:
    """The folder for the report on `source`."""
    folder = place.out / (place.name or to_safe_name(name, otherwise=TABLE))
    if (folder / RESULTS).exists() and "source" not in _facts(folder / PROVENANCE):  # a study's own folder
        raise AblateError(f"{folder}: holds the results of a study\n  give the report another name with --name")
    check_folder(folder)
    if (folder / RESULTS).exists():
        check_same(folder, _facts(folder / PROVENANCE), source_id=source_id, source=source)
    return folder


def _source_id(runs: Runs, place: ReportPlace) -> str:
    if place.source.startswith(MLFLOW) or is_storage_url(place.source):
        return store_id(runs.place)
    path = Path(place.source)
    return file_id(path, place.out, study="" if runs.name == path.name.split(".")[0] else runs.name)


def _facts(provenance: Path) -> dict[str, Any]:  # Any: JSON
    """The content of provenance.json; empty where the file is missing or holds no table."""
    try:
        found = read_json(provenance, otherwise={})
    except AblateError:
        return {}
    return found if isinstance(found, dict) else {}


def _write(folder: Path, results: pd.DataFrame, facts: Provenance, *, command_line: str) -> None:
    write_table(results, folder / RESULTS)
    ended, version = f"{datetime.now():%Y-%m-%dT%H:%M:%S}", ablate.__version__
    known = replace(facts, study=folder.name, ended=ended, command=command_line, ablate_version=version)
    write_aside(folder / PROVENANCE, known.to_text())
