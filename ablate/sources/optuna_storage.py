"""A study in an Optuna database into runs: parameters as factors, the value as score, pruned trials with their last."""

import re
import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ablate.errors import DataError, known_names
from ablate.plural import number_of
from ablate.printable import printable
from ablate.sources.runs import Runs

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

SCORE, STATE, TRIAL = "value", "state", "trial"


def is_storage_url(source: str) -> bool:
    """Whether `source` is a database's URL, as "sqlite:///study.db". Nothing else is opened: files may hold pickles."""
    return re.match(r"[a-z0-9]+(\+[a-z0-9_]+)?://", source) is not None


def read_optuna_runs(url: str, *, study: str | None) -> Runs:
    """The study of that name; of one study alone it need not be said.

    Columns: the parameters (the factors), `value`, `state`, `trial`, and the trials' user attributes that are plain.
    Raises `DataError` where there is no such database or study, or the study has several objectives.
    """
    import optuna

    _check_file(url)
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        storage = optuna.storages.RDBStorage(url)
        names = optuna.get_all_study_names(storage)
        loaded = optuna.load_study(study_name=_chosen(shown(url), names, study), storage=storage)
        return _runs(loaded, place=f"{printable(loaded.study_name)} in {shown(url)}")
    except DataError:
        raise
    except Exception as err:  # whatever a database's driver raises means the same to the user
        reason = shown(str(err).strip().partition("\n")[0])[:200]
        raise DataError(f"{shown(url)}: cannot be read as an Optuna storage: {reason}") from err
    finally:
        optuna.logging.set_verbosity(before)


def shown(url: str) -> str:
    """The URL without its password."""
    return re.sub(r"://([^:/@]*):.*@", r"://\1:***@", url)


def _check_file(url: str) -> None:
    """An SQLite file must be there and hold studies: opening another would make the tables in it."""
    from sqlalchemy import make_url

    try:
        parsed = make_url(url)
    except Exception as err:
        raise DataError(f"{shown(url)}: is no database URL\n  e.g. sqlite:///study.db") from err
    if parsed.get_backend_name() != "sqlite":
        return
    path = Path(parsed.database or "")
    if not path.is_file():
        raise DataError(f"{shown(url)}: no such file\n  sqlite:///NAME is relative to this folder, sqlite:////… is not")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            tables = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'studies'").fetchone()[0]
    except sqlite3.Error as err:
        raise DataError(f"{path}: cannot be read as an SQLite file: {err}") from err
    if not tables:
        raise DataError(f"{path}: holds no Optuna studies\n  MLflow's experiments are read as mlflow:EXPERIMENT")


def _chosen(place: str, names: list[str], study: str | None) -> str:
    if study is not None and study not in names:
        raise DataError(f'{place}: no study "{printable(study)}"\n  {known_names(study, names)}')
    if study is None and len(names) != 1:
        raise DataError(f"{place}: holds {len(names)} studies\n  choose with --study; {known_names('', names)}")
    return names[0] if study is None else study


def _runs(study: "Study", *, place: str) -> Runs:
    if len(study.directions) > 1:
        raise DataError(f"{place}: has {len(study.directions)} objectives\n  export one of them as a CSV table")
    trials = study.get_trials(deepcopy=False)
    begun = [trial for trial in trials if trial.state.name not in ("RUNNING", "WAITING")]
    unended = len(trials) - len(begun)
    parameters = dict.fromkeys(name for trial in begun for name in trial.params)
    factors = tuple(map(_factor, parameters))
    if len(set(factors)) < len(factors):
        way_out = "export the study as a CSV table, and rename one"
        raise DataError(f"{place}: two parameters would have one column\n  {way_out}")
    rows = [_row(trial, parameters) for trial in begun]
    table = pd.DataFrame(rows, columns=list(dict.fromkeys(name for row in rows for name in row)), dtype=str).fillna("")
    return Runs(
        table,
        place=place,
        name=study.study_name,
        factors=factors,
        score=SCORE,
        direction=study.direction.name.lower(),
        state=STATE,
        run_id=TRIAL,
        notes=(f"Left out, as not ended: {number_of(unended, 'trial')}.",) if unended else (),
    )


def _row(trial: "FrozenTrial", parameters: Collection[str]) -> dict[str, str]:
    attributes = {
        name: str(value)
        for name, value in trial.user_attrs.items()
        if isinstance(value, str | int | float) and name not in parameters
    }
    value = trial.value
    if value is None and trial.state.name == "PRUNED" and trial.intermediate_values:
        value = trial.intermediate_values[max(trial.intermediate_values)]
    factors = {_factor(name): str(level) for name, level in trial.params.items()}
    outcome = {SCORE: "" if value is None else repr(value), STATE: trial.state.name, TRIAL: str(trial.number)}
    return attributes | factors | outcome


def _factor(parameter: str) -> str:
    """A parameter called "value" would hide what the trial came to."""
    return f"{parameter}_setting" if parameter in (SCORE, STATE, TRIAL) else parameter
