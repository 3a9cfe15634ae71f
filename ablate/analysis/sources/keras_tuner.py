"""Read the trials of a KerasTuner project: hyperparameters as factors, the objective as the score."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ablate.analysis.sources.json_text import JsonRecord, json_record
from ablate.analysis.sources.runs import Runs
from ablate.analysis.sources.setting_columns import SettingColumns, setting_columns
from ablate.errors import DataError
from ablate.text import first_of, number_of, printable

SCORE, STATUS, TRIAL, STEP, REPEAT = "score", "status", "trial_id", "best_step", "repeat"
UNENDED = ("RUNNING", "IDLE", None)
DIRECTIONS = {"max": "maximize", "min": "minimize"}
MOST_NAMED = 8
SUMMED = "multi_objective"  # KerasTuner's metric for several objectives
UNNAMED = "default_objective"  # where run_trial returns a number
SUM = (
    "The score is KerasTuner's sum of several objectives, with a minus where higher is better; to compare one of them, "
    "name it with --score."
)
SINGLE = (
    "KerasTuner saves one score per trial: with executions_per_trial above 1 it is their mean, and the single runs are "
    "not in the project."
)
REPEATED = "KerasTuner saved several executions of a trial, so each is a run, and they are paired by their number."


@dataclass(frozen=True, slots=True)
class TunerTrial:
    """A trial that ended, as KerasTuner saved it."""

    trial_id: str
    status: str
    score: float | None
    step: int | None
    hyperparameters: Mapping[str, object]
    observed: Mapping[str, tuple[float, ...]]  # metric -> its values at the best step, one per execution
    directions: Mapping[str, str]  # of the metrics; KerasTuner takes "min" for a metric that it does not know


def is_project(folder: Path) -> bool:
    """Whether KerasTuner keeps a project in the folder."""
    return (folder / "oracle.json").is_file() or next(folder.glob("trial_*/trial.json"), None) is not None


def read_keras_tuner(folder: Path) -> Runs:
    """A row per trial that ended: hyperparameters, metrics, `score` and `status`; per execution where all were saved.

    KerasTuner does not save the name of its objective: it is the metric whose value is the score in each trial. If
    there is none, the direction is unknown. Raises `DataError` for a file that is damaged.
    """
    place = printable(str(folder), 300)
    records = [_record(path) for path in sorted(folder.glob("trial_*/trial.json"))]
    ended = [_trial(record, path) for path, record in records if record.get("status") not in UNENDED]
    if not ended:
        what = f"none of {number_of(len(records), 'trial')} has ended" if records else "has no trials"
        raise DataError(f"{place}: is a KerasTuner project, but {what}\n  run the search first")
    objective = _objective(ended)
    results = dict.fromkeys([SCORE, *(name for trial in ended for name in trial.observed)])
    settings = setting_columns(
        [trial.hyperparameters for trial in ended], taken={*results, STATUS, TRIAL, STEP, REPEAT}, place=place
    )
    rows = [row for trial in ended for row in _rows_of(trial, settings, objective)]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    has_repeats = REPEAT in columns
    return Runs(
        pd.DataFrame(rows, columns=columns, dtype=str).fillna(""),
        place=place,
        name=folder.resolve().name,
        factors=tuple(column for name, column in settings.columns.items() if not name.startswith("tuner/")),
        results=tuple(results),
        score=SCORE if objective in ("", SUMMED, UNNAMED) else objective,
        direction=_direction(ended, objective),
        state=STATUS,
        run_id="" if has_repeats else TRIAL,
        notes=(
            REPEATED if has_repeats else SINGLE,
            *[SUM] * (objective == SUMMED),
            *_missing(folder, [record["trial_id"] for _, record in records]),
            *_unended(len(records) - len(ended)),
        ),
    )


def _record(path: Path) -> tuple[Path, JsonRecord]:
    record = json_record(path, way_out=f"delete the folder {printable(path.parent.name)} to leave this trial out")
    if not isinstance(record.get("trial_id"), str) or not isinstance(record.get("status"), str | None):
        raise _damaged(path, "has no trial_id or status")
    return path, record


def _trial(record: JsonRecord, path: Path) -> TunerTrial:
    try:
        values, metrics = record["hyperparameters"]["values"], record["metrics"]["metrics"]
        step, score = record["best_step"], record["score"]
        if not isinstance(values, dict):
            raise TypeError
        observed = {name: _at(metric["observations"], step) for name, metric in metrics.items()}
        directions = {name: str(metric["direction"]) for name, metric in metrics.items()}
        score = None if score is None else float(score)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as err:
        raise _damaged(path, "lacks hyperparameters, metrics or a score as KerasTuner writes them") from err
    return TunerTrial(record["trial_id"], record["status"], score, step, values, observed, directions)


def _damaged(path: Path, rule: str) -> DataError:
    way_out = f"delete the folder {printable(path.parent.name)} to leave this trial out"
    return DataError(f"{printable(str(path), 300)}: {rule}\n  {way_out}")


def _at(observations: Sequence[JsonRecord], step: int | None) -> tuple[float, ...]:
    """The values of a metric at the best step, else at its last."""
    steps = {each["step"]: tuple(map(float, each["value"])) for each in observations}
    return steps.get(step, steps[max(steps)]) if steps else ()


def _objective(trials: Sequence[TunerTrial]) -> str:
    """The metric whose mean is the score in each trial that has one; "" if there is none, or several disagree."""
    scored = [trial for trial in trials if trial.score is not None and math.isfinite(trial.score)]
    names = [name for name in (scored[0].observed if scored else ()) if all(_is_score(trial, name) for trial in scored)]
    return names[0] if len({trial.directions[name] for trial in scored for name in names}) == 1 else ""


def _direction(trials: Sequence[TunerTrial], objective: str) -> str:
    found = [trial.directions[objective] for trial in trials if objective in trial.directions]
    return DIRECTIONS.get(found[0], "") if found else ""


def _is_score(trial: TunerTrial, name: str) -> bool:
    values = trial.observed.get(name, ())
    mean = sum(values) / len(values) if values else math.nan
    return trial.score is not None and math.isclose(mean, trial.score, rel_tol=1e-9, abs_tol=1e-12)


def _rows_of(trial: TunerTrial, settings: SettingColumns, objective: str) -> list[dict[str, str]]:
    """A row per execution of the trial that was saved by itself."""
    step = "" if trial.step is None else str(trial.step)
    same = settings.cells(trial.hyperparameters) | {STATUS: trial.status, TRIAL: trial.trial_id, STEP: step}
    n = len(trial.observed.get(objective, ()))
    if n < 2 or trial.score is None:
        means = {name: repr(sum(values) / len(values)) for name, values in trial.observed.items() if values}
        return [same | means | {SCORE: "" if trial.score is None else repr(trial.score)}]
    return [
        same
        | {name: repr(values[at]) for name, values in trial.observed.items() if len(values) == n}
        | {SCORE: repr(trial.observed[objective][at]), REPEAT: str(at)}
        for at in range(n)
    ]


def _missing(folder: Path, there: Collection[str]) -> list[str]:
    """A sentence on trials that the oracle lists and whose files are gone."""
    if not (folder / "oracle.json").is_file():
        return []
    way_out = "delete it to read the trials without the list of their names"
    listed = json_record(folder / "oracle.json", way_out=way_out).get("start_order", [])
    gone = [str(trial) for trial in listed if trial not in there] if isinstance(listed, list) else []
    if not gone:
        return []
    shown = first_of([printable(trial) for trial in gone], MOST_NAMED)
    return [f"Missing: {number_of(len(gone), 'trial')} of oracle.json, with no file of its own: {shown}."]


def _unended(n: int) -> list[str]:
    return [f"Left out {number_of(n, 'trial')} that {'has' if n == 1 else 'have'} not ended."] if n else []
