"""Read runs of any tool, write the folder of their report, and build the report: for the command line and Python."""

import json
import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

import ablate
from ablate.analysis.imports import ImportOptions, read_imported
from ablate.analysis.sources import Runs, is_in_memory, is_storage_url, open_source
from ablate.errors import AblateError
from ablate.experiment.report_source import SOURCE_ID, check_same, file_id, memory_id, store_id
from ablate.storage.files.atomic import opening, write_aside
from ablate.storage.files.foreign_files import check_folder
from ablate.storage.files.json_file import read_json
from ablate.storage.provenance import Provenance
from ablate.storage.results import REQUIRED, WORDS, write_table
from ablate.study.names import NAME_RULE, is_safe_name, to_safe_name
from ablate.text import printable
from ablate.tracking import DEFAULT_URI, experiment_rows, mlflow_runs, shown_uri

if TYPE_CHECKING:
    from ablate.report import ReportFiles

MLFLOW = "mlflow:"
TABLE = "table"  # the report's name where the source's name has no letter
OWN = "This is a results table of ablate, so its columns are known."
RESULTS, PROVENANCE = "results.csv", "provenance.json"
# Files that the report on a study's own table reads besides the table.
BESIDE = ("epochs.csv", "layers.csv", "lr_tests.json", "test_predictions.npz", "study.toml")


@dataclass(frozen=True, slots=True)
class ReportPlace:
    """Where to find the source, and where the report goes."""

    source: object  # "mlflow:EXPERIMENT", or what `open_source` takes
    study: str | None = None  # the study's name, for an Optuna storage that holds several
    tracking_uri: str = DEFAULT_URI  # of mlflow:EXPERIMENT
    name: str = ""  # of the report's folder; "": named after the source
    out: Path = Path("reports")


@dataclass(frozen=True, slots=True)
class Analyzed:
    """A report on runs of another tool, or of a study that ablate ran."""

    folder: Path  # holds results.csv, provenance.json and the report
    notes: tuple[str, ...]  # how the source was read, as sentences; the first lists the roles of the columns
    files: "ReportFiles"


def analyze_source(place: ReportPlace, asked: ImportOptions, *, command_line: str) -> Analyzed:
    """Read the source, write the folder and build its report; `command_line` is what the user wrote, for the report.

    Raises `AblateError` if the source cannot be read as runs, or the folder cannot be written.
    """
    with opening(place.out):
        folder, notes = prepare(place, asked, command_line=command_line)
        from ablate.report import build_report

        return Analyzed(folder, tuple(notes), build_report(folder))


def prepare(place: ReportPlace, asked: ImportOptions, *, command_line: str) -> tuple[Path, list[str]]:
    """Write the folder with its table and facts; also return the choices that were made without asking the user."""
    if place.name and not is_safe_name(place.name):
        raise AblateError(f"--name {printable(place.name)}: must have {NAME_RULE}")
    if isinstance(place.source, str) and place.source.startswith(MLFLOW):
        return _from_mlflow(place, place.source.removeprefix(MLFLOW), asked, command_line=command_line)
    runs = open_source(place.source, study=place.study)
    if not _is_own(runs) or asked != ImportOptions():
        return _foreign(runs, place, asked, command_line=command_line)
    if isinstance(place.source, str | os.PathLike):
        return _own_table(Path(place.source), place)
    source_id = _source_id(runs, place)
    folder = _folder(place, runs.name, source=runs.place, source_id=source_id)
    facts = Provenance(source=runs.place, source_id=source_id)
    _write(folder, runs.table, facts, command_line=command_line)
    return folder, [OWN]


def _from_mlflow(
    place: ReportPlace, experiment: str, asked: ImportOptions, *, command_line: str
) -> tuple[Path, list[str]]:
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
    if target.resolve() == path.resolve().parent and path.name == RESULTS:
        return target, [OWN]
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
    return folder, [OWN]


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
    if is_in_memory(place.source):
        return memory_id(runs.place, map(str, runs.table))
    source = str(place.source)
    if source.startswith(MLFLOW) or is_storage_url(source):
        return store_id(runs.place)
    path = Path(source)
    if path.is_dir():
        return file_id(path, place.out)
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
