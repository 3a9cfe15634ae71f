"""Read a folder of TensorBoard logs: a run per session of the HParams plugin, or per folder named by its settings."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ablate.analysis.sources.event_file import EventLog, LoggedScalar, read_event_files
from ablate.analysis.sources.runs import Runs
from ablate.analysis.sources.setting_columns import SettingColumns, setting_columns
from ablate.errors import DataError
from ablate.text import first_of, number_of, printable

RUN, STATUS, STEP = "run", "status", "step"
SPLITS = ("train", "validation", "val", "test", "eval")  # names of folders that hold a part of a run's curves
SETTING = re.compile(r"([A-Za-z_][\w.\-/]*)=(.+)")
BETWEEN = re.compile(r"[,;&\s]+")
MOST_NAMED = 8
NO_ENDS = "TensorBoard's logs do not say how these runs ended; a run whose file ends within a record counts as killed."


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """A run of a folder of logs."""

    name: str  # its path in the folder
    settings: Mapping[str, object]
    scalars: Mapping[str, LoggedScalar]
    status: str  # "" if the logs do not say
    is_cut: bool


def event_files(folder: Path) -> list[Path]:
    """The event files in a folder and below, without a profiler's."""
    found = (path for path in sorted(folder.rglob("*.tfevents.*")) if path.is_file())
    return [path for path in found if not path.name.endswith(".profile-empty")]


def read_tensorboard(folder: Path) -> Runs:
    """A row per run: its hyperparameters, and the value of each scalar that was logged last.

    A scalar of a folder below the run's has that folder in its name: "validation/epoch_accuracy". Raises `DataError`
    for a damaged file, and where nothing says which settings a run had.
    """
    place = printable(str(folder), 300)
    logs = _logs(folder)
    sessions = {at: log for at, log in logs.items() if log.hparams is not None}
    runs, left_out = _of_sessions(folder, logs, sessions) if sessions else (_of_names(folder, logs), [])
    is_told = any(run.status for run in runs)
    has_ends = is_told or any(run.is_cut for run in runs)
    results = list(dict.fromkeys(tag for run in runs for tag in run.scalars))
    settings = setting_columns([run.settings for run in runs], taken={RUN, STATUS, STEP, *results}, place=place)
    rows = [_row(run, settings) for run in runs]
    if has_ends:
        rows = [row | {STATUS: _status(run, is_told=is_told)} for row, run in zip(rows, runs, strict=True)]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    notes = [_steps(runs), _elsewhere(left_out), _cut(runs), "" if is_told else NO_ENDS]
    return Runs(
        pd.DataFrame(rows, columns=columns, dtype=str).fillna(""),
        place=place,
        name=folder.resolve().name,
        factors=tuple(settings.columns.values()),
        results=tuple(results),
        score=_declared(logs.values(), runs),
        state=STATUS if has_ends else "",
        run_id=RUN,
        ends=STEP if len(_lasts(runs)) > 1 else "",
        notes=tuple(filter(None, notes)),
    )


def _declared(logs: Iterable[EventLog], runs: Sequence[LoggedRun]) -> str:
    """The only scalar that the HParams plugin was told to be a metric, and that varies; "" if there are several."""
    tags = dict.fromkeys(tag for log in logs for tag in log.metrics)
    varying = [tag for tag in tags if len({repr(run.scalars[tag].value) for run in runs if tag in run.scalars}) > 1]
    return varying[0] if len(varying) == 1 else ""


def _logs(folder: Path) -> dict[Path, EventLog]:
    """The log of each folder with event files."""
    files: dict[Path, list[Path]] = {}
    for path in event_files(folder):
        files.setdefault(path.parent, []).append(path)
    logs = {at: read_event_files(paths) for at, paths in files.items()}
    if mixed := [at for at, log in logs.items() if log.is_mixed]:
        raise DataError(
            f"{printable(str(mixed[0]), 300)}: runs with different hyperparameters wrote to this folder\n"
            "  their curves cannot be told apart: log each run to a folder of its own"
        )
    return logs


def _of_sessions(
    folder: Path, logs: Mapping[Path, EventLog], sessions: Mapping[Path, EventLog]
) -> tuple[list[LoggedRun], list[str]]:
    """A run per session with the curves below its folder, and the names of the folders that belong to none.

    PyTorch's `add_hparams` makes a session in a folder below the run's: the curves above it are the run's, too, unless
    several sessions are below them.
    """
    belongs = {at: next((above for above in (at, *at.parents) if above in sessions), None) for at in logs}
    below = {at: [each for each in sessions if at in each.parents] for at, root in belongs.items() if root is None}
    alone = {at: roots[0] for at, roots in below.items() if len(roots) == 1 and at != folder}
    runs = []
    for root, log in sessions.items():
        parts = {at: part for at, part in logs.items() if belongs[at] == root or alone.get(at) == root}
        scalars = {name: each for at, part in sorted(parts.items()) for name, each in _named(part, at, root)}
        is_cut = any(part.is_cut for part in parts.values())
        runs.append(LoggedRun(_relative(root, folder), log.hparams or {}, scalars, log.status, is_cut))
    left_out = [_relative(at, folder) for at in below if at not in alone and logs[at].scalars]
    return runs, left_out


def _named(log: EventLog, at: Path, root: Path) -> Iterable[tuple[str, LoggedScalar]]:
    """The scalars of a folder by their names in the run's table."""
    before = "" if at == root or at in root.parents else f"{at.relative_to(root).as_posix()}/"
    return [(f"{before}{tag}", scalar) for tag, scalar in log.scalars.items()]


def _of_names(folder: Path, logs: Mapping[Path, EventLog]) -> list[LoggedRun]:
    """A run per folder, with the settings that its path holds: "opt=adam,lr=0.1/seed=3"."""
    roots: dict[Path, list[Path]] = {}
    for at in logs:
        roots.setdefault(at.parent if at.name in SPLITS and at != folder else at, []).append(at)
    runs = []
    for root, parts in roots.items():
        name = _relative(root, folder)
        settings = {found[1]: found[2] for piece in _pieces(name) if (found := SETTING.fullmatch(piece))}
        if not settings:
            raise _no_settings(folder, name)
        scalars = {tag: each for at in parts for tag, each in _named(logs[at], at, root)}
        runs.append(LoggedRun(name, settings, scalars, "", any(logs[at].is_cut for at in parts)))
    return runs


def _pieces(name: str) -> list[str]:
    return [piece for part in name.split("/") for piece in BETWEEN.split(part)]


def _no_settings(folder: Path, name: str) -> DataError:
    return DataError(
        f"{printable(str(folder), 300)}: is a folder of TensorBoard logs, and nothing says which settings the run "
        f'"{printable(name)}" had\n'
        "  log them with hp.hparams or SummaryWriter.add_hparams, or name each folder by them, as in lr=0.1,seed=3"
    )


def _relative(at: Path, folder: Path) -> str:
    return at.relative_to(folder).as_posix()


def _row(run: LoggedRun, settings: SettingColumns) -> dict[str, str]:
    scalars = {tag: repr(each.value) for tag, each in run.scalars.items()}
    return settings.cells(run.settings) | scalars | {RUN: run.name, STEP: str(_last(run))}


def _status(run: LoggedRun, *, is_told: bool) -> str:
    """How the run ended; where other sessions have an end, one without did not come to it."""
    if run.is_cut:
        return "killed"
    return run.status or ("unfinished" if is_told else "finished")


def _last(run: LoggedRun) -> int:
    return max((each.step for each in run.scalars.values()), default=0)


def _lasts(runs: Sequence[LoggedRun]) -> set[int]:
    """The last steps of the runs that ended well and have a curve."""
    is_told = any(run.status for run in runs)
    return {_last(run) for run in runs if run.scalars and _status(run, is_told=is_told) == "finished"}


def _elsewhere(names: Sequence[str]) -> str:
    if not names:
        return ""
    shown = first_of([printable(name) for name in names], MOST_NAMED)
    return f"Left out {number_of(len(names), 'folder')} with curves but no hyperparameters: {shown}."


def _cut(runs: Sequence[LoggedRun]) -> str:
    names = [printable(run.name) for run in runs if run.is_cut]
    if not names:
        return ""
    shown = first_of(names, MOST_NAMED)
    return f"The files of {number_of(len(names), 'run')} end within a record, as of a killed run: {shown}."


def _steps(runs: Sequence[LoggedRun]) -> str:
    """A sentence on the step that counts, and on runs that ended before the others."""
    said = "The value of each run's last step counts, not the best"
    if len(lasts := _lasts(runs)) < 2:
        return f"{said}."
    return f"{said}. The runs ended at different steps, between {min(lasts):,} and {max(lasts):,}."
