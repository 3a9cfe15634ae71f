"""Read W&B's local folder: config.yaml as factors and wandb-summary.json as results of each run."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ablate.analysis.sources.json_text import flattened, json_record
from ablate.analysis.sources.runs import Runs
from ablate.analysis.sources.setting_columns import SettingColumns, setting_columns
from ablate.analysis.sources.yaml_text import yaml_record
from ablate.errors import DataError
from ablate.text import first_of, number_of, printable

CONFIG, SUMMARY = "config.yaml", "wandb-summary.json"
RUN, STATE, STEP = "run", "state", "_step"
OWN = ("_step", "_runtime", "_timestamp")  # of a summary: W&B's own
FOLDER = re.compile(r"(?:offline-)?run-(\d{8}_\d{6})-(.+)")
MOST_NAMED = 8
NO_STATES = (
    "W&B's local files do not say how runs ended, so a run that crashed counts with its last values; the runs' table "
    "of W&B's page has a column State."
)
EXPORT = """\
    import json, pandas, wandb
    runs = [{"name": r.name, "state": r.state, "config": r.config, "summary": r.summary._json_dict}
            for r in wandb.Api().runs("ENTITY/PROJECT")]
    pandas.DataFrame(runs).map(lambda cell: json.dumps(cell) if isinstance(cell, dict) else cell).to_csv("runs.csv")"""


@dataclass(frozen=True, slots=True)
class LocalRun:
    """A run of W&B's local folder."""

    name: str  # its id
    config: Mapping[str, object]
    summary: Mapping[str, float] | None  # None if W&B wrote none


def has_runs(folder: Path) -> bool:
    """Whether it is the folder in which W&B keeps runs, "wandb" in the working folder."""
    return any(_run_folders(folder))


def read_wandb(folder: Path) -> Runs:
    """A row per run: the values of its config, nested ones as "model.depth", and the numbers of its summary.

    A resumed run has several folders, of which the newest counts. Runs without a config.yaml are left out. Raises
    `DataError` for a damaged file, and where W&B saved only its binary files.
    """
    place = printable(str(folder), 300)
    newest = {_named(path)[1]: path for path in sorted(_run_folders(folder), key=_named)}
    runs = [_run(name, path) for name, path in newest.items() if (path / "files" / CONFIG).is_file()]
    if not runs:
        raise DataError(
            f"{place}: has no {CONFIG}, as W&B writes it for online runs; its binary .wandb files are not read\n"
            "  sync offline runs with: wandb sync --sync-all\n"
            "  then download the runs' table as CSV from W&B's page, or write it with these lines, and analyze that\n"
            f"{EXPORT}"
        )
    without = [path.name for path in newest.values() if not (path / "files" / CONFIG).is_file()]
    results = dict.fromkeys(name for run in runs for name in run.summary or ())
    settings = setting_columns([run.config for run in runs], taken={RUN, STATE, *OWN, *results}, place=place)
    has_states = any(run.summary is None for run in runs)
    rows = [_row(run, settings, has_states=has_states) for run in runs]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    steps = {run.summary[STEP] for run in runs if run.summary and STEP in run.summary}
    return Runs(
        pd.DataFrame(rows, columns=columns, dtype=str).fillna(""),
        place=place,
        name=_name(folder),
        factors=tuple(settings.columns.values()),
        results=tuple(name for name in results if name not in OWN),
        state=STATE if has_states else "",
        run_id=RUN,
        ends=STEP if len(steps) > 1 else "",
        notes=(*_left_out(without), *_unfinished(runs), NO_STATES),
    )


def _run_folders(folder: Path) -> Iterator[Path]:
    found = (path for pattern in ("run-*", "offline-run-*") for path in folder.glob(pattern))
    return (path for path in found if FOLDER.fullmatch(path.name) and path.is_dir() and not path.is_symlink())


def _named(path: Path) -> tuple[str, str]:
    """When a run's folder was made, and the run's id."""
    found = FOLDER.fullmatch(path.name)
    return (found[1], found[2]) if found else ("", path.name)


def _name(folder: Path) -> str:
    at = folder.resolve()
    return at.parent.name if at.name == "wandb" else at.name


def _run(name: str, path: Path) -> LocalRun:
    way_out = f"delete the folder {printable(path.name)} to leave this run out"
    saved = yaml_record(path / "files" / CONFIG, way_out=way_out)
    entries = {key: value for key, value in saved.items() if key not in ("_wandb", "wandb_version")}
    if wrong := [key for key, value in entries.items() if not isinstance(value, dict) or "value" not in value]:
        rule = f'"{printable(wrong[0])}" has no value, as W&B writes it'
        raise DataError(f"{printable(str(path / 'files' / CONFIG), 300)}: {rule}\n  {way_out}")
    config = flattened({key: value["value"] for key, value in entries.items()})
    summary = path / "files" / SUMMARY
    results = _numbers(json_record(summary, way_out=way_out)) if summary.is_file() else None
    return LocalRun(name, config, results)


def _numbers(summary: Mapping[str, object]) -> dict[str, float]:
    """The numbers of a summary, those of `define_metric` as "acc.max"; no pictures or tables."""
    plain = {key: value for key, value in summary.items() if not (isinstance(value, dict) and "_type" in value)}
    found = flattened({key: value for key, value in plain.items() if key != "_wandb"})
    return {key: value for key, value in found.items() if isinstance(value, int | float)}


def _row(run: LocalRun, settings: SettingColumns, *, has_states: bool) -> dict[str, str]:
    results = {name: repr(value) for name, value in (run.summary or {}).items()}
    state = {STATE: "finished" if run.summary is not None else "unfinished"} if has_states else {}
    return settings.cells(run.config) | results | state | {RUN: run.name}


def _left_out(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    shown = first_of([printable(name) for name in names], MOST_NAMED)
    return [f"Left out {number_of(len(names), 'run')} without a {CONFIG} (offline, running or killed): {shown}."]


def _unfinished(runs: Sequence[LocalRun]) -> list[str]:
    n = sum(run.summary is None for run in runs)
    return [f"{number_of(n, 'run')} without a {SUMMARY} did not finish."] if n else []
