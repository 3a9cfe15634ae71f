"""Read an Optuna study from a database, a journal or memory: parameters as factors, values as scores, with pruned."""

import re
import shutil
import sqlite3
import tempfile
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ablate.analysis.sources.json_text import clashing_words, label
from ablate.analysis.sources.other_files import OPTUNA, read_only, refuse_sqlite, sqlite_tables
from ablate.analysis.sources.runs import Runs
from ablate.analysis.sources.setting_columns import named_apart
from ablate.errors import DataError, known_names
from ablate.text import number_of, printable

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial


SCORE, STATE, TRIAL = "value", "state", "trial"
NAMELESS = re.compile(r"no-name-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # Optuna's name for a study without one


def is_storage_url(source: str) -> bool:
    """Whether `source` is a database URL, as "sqlite:///study.db". No other URLs: files may hold pickles."""
    return re.match(r"[a-z0-9]+(\+[a-z0-9_]+)?://", source) is not None


def read_optuna_runs(url: str, *, study: str | None) -> Runs:
    """The study of that name, which may be left out if there is only one.

    Columns: the parameters (the factors), `value`, `state`, `trial`, and the trials' plain user attributes.
    Nothing is written: an SQLite file is read from a copy, and a database on a server must already have Optuna's
    tables. A study with several objectives has a column for each, `values_0` or by its name, and no score. Raises
    `DataError` if there is no such database or study.
    """
    from sqlalchemy import make_url

    try:
        parsed = make_url(url)
    except Exception as err:
        raise DataError(f"{shown(url)}: is not a database URL\n  e.g. sqlite:///study.db") from err
    with _reading(shown(url)), tempfile.TemporaryDirectory() as folder:
        if parsed.get_backend_name() == "sqlite":
            copy = _copied(Path(parsed.database or ""), shown(url), Path(folder))
            return _read(_rdb(f"sqlite:///{copy}"), place=shown(url), study=study)
        _check_server(url)
        return _read(_rdb(url), place=shown(url), study=study)


def is_journal(path: Path) -> bool:
    """Whether a file is Optuna's journal, with one operation per line."""
    try:
        with path.open("rb") as file:
            return b'"op_code"' in file.readline(10_000)
    except OSError:
        return False


def read_optuna_journal(path: Path, *, study: str | None) -> Runs:
    """Read a study from a file of Optuna's JournalStorage, through a copy."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    place = printable(str(path), 300)
    with _reading(place), tempfile.TemporaryDirectory() as folder:
        copy = shutil.copy(path, folder)
        return _read(JournalStorage(JournalFileBackend(str(copy))), place=place, study=study)


def read_optuna_study(study: "Study") -> Runs:
    """Read a study in memory, or a connected one: what its storage holds."""
    is_named = NAMELESS.fullmatch(study.study_name) is None
    place = f'the Optuna study "{printable(study.study_name)}"' if is_named else "the Optuna study"
    with _reading(place):
        return _runs(study, place=place, name=study.study_name if is_named else "study")


def shown(url: str) -> str:
    """The URL without its password."""
    return re.sub(r"://([^:/@]*):.*@", r"://\1:***@", url)


@contextmanager
def _reading(place: str) -> Iterator[None]:
    """Silence Optuna, and turn any error of a database driver into a message."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
            yield
    except DataError:
        raise
    except Exception as err:
        reason = shown(str(err).strip().partition("\n")[0])[:200]
        raise DataError(f"{place}: cannot be read as an Optuna storage: {reason}") from err
    finally:
        optuna.logging.set_verbosity(before)


def _read(storage: "BaseStorage", *, place: str, study: str | None) -> Runs:
    import optuna

    names = optuna.get_all_study_names(storage)
    loaded = optuna.load_study(study_name=_chosen(place, names, study), storage=storage)
    return _runs(loaded, place=f"{printable(loaded.study_name)} in {place}", name=loaded.study_name)


def _rdb(url: str) -> "BaseStorage":
    from optuna.storages import RDBStorage
    from sqlalchemy.pool import NullPool

    return RDBStorage(url, engine_kwargs={"poolclass": NullPool})  # leaves no connection open


def _copied(path: Path, place: str, folder: Path) -> Path:
    """A copy of an SQLite file that holds studies: opening the file itself could create or change tables in it."""
    if not path.is_file():
        raise DataError(f"{place}: no such file\n  sqlite:///NAME is relative to this folder, sqlite:////… is absolute")
    if not OPTUNA & (tables := sqlite_tables(path)):
        raise refuse_sqlite(path, tables=tables)
    copy = folder / "copy.db"
    with closing(read_only(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def _check_server(url: str) -> None:
    """Raise `DataError` if a database holds no studies: Optuna would create its tables there."""
    from sqlalchemy import create_engine, inspect

    engine = create_engine(url)
    try:
        tables = set(inspect(engine).get_table_names())
    finally:
        engine.dispose()
    if not tables >= OPTUNA:
        raise DataError(f"{shown(url)}: holds no Optuna studies\n  for MLflow experiments use mlflow:EXPERIMENT")


def _chosen(place: str, names: list[str], study: str | None) -> str:
    if study is not None and study not in names:
        raise DataError(f'{place}: no study "{printable(study)}"\n  {known_names(study, names)}')
    if study is None and len(names) != 1:
        raise DataError(f"{place}: holds {len(names)} studies\n  choose one with --study; {known_names('', names)}")
    return names[0] if study is None else study


def _runs(study: "Study", *, place: str, name: str) -> Runs:
    trials = study.get_trials(deepcopy=False)
    begun = [trial for trial in trials if trial.state.name not in ("RUNNING", "WAITING")]
    unended = len(trials) - len(begun)
    _check_ended(begun, place=place, unended=unended)
    scores = _scores(study)
    names = dict.fromkeys(name for trial in begun for name in trial.params)
    columns = named_apart(names, taken=(*scores, STATE, TRIAL), place=place)
    clashing = {name: clashing_words(_choices(begun, name)) for name in names}
    rows = [_row(trial, columns, clashing, list(scores)) for trial in begun]
    table = pd.DataFrame(rows, columns=list(dict.fromkeys(name for row in rows for name in row)), dtype=str).fillna("")
    is_single = len(scores) == 1
    return Runs(
        table,
        place=place,
        name=name,
        factors=tuple(columns.values()),
        score=SCORE if is_single else "",
        direction=scores[SCORE] if is_single else "",
        directions={} if is_single else scores,
        state=STATE,
        run_id=TRIAL,
        notes=(f"Left out {number_of(unended, 'trial')} that {'has' if unended == 1 else 'have'} not ended.",)
        if unended
        else (),
    )


def _scores(study: "Study") -> dict[str, str]:
    """The column of each objective with its direction, named as in Optuna's own table."""
    directions = [direction.name.lower() for direction in study.directions]
    if len(directions) == 1:
        return {SCORE: directions[0]}
    names = study.metric_names or range(len(directions))
    return {f"values_{name}": direction for name, direction in zip(names, directions, strict=True)}


def _check_ended(begun: Sequence["FrozenTrial"], *, place: str, unended: int) -> None:
    if not begun:
        what = f"none of {number_of(unended, 'trial')} has ended" if unended else "has no trials"
        raise DataError(f"{place}: {what}\n  run the study first")
    if all(trial.state.name == "FAIL" for trial in begun):
        what = "its only trial" if len(begun) == 1 else f"all {len(begun):,} trials"
        raise DataError(f"{place}: {what} failed, so there is no value to compare\n  Optuna's log says why they failed")


def _choices(trials: Sequence["FrozenTrial"], name: str) -> list[object]:
    found = [trial.distributions[name] for trial in trials if name in trial.distributions]
    return [choice for each in dict.fromkeys(found) for choice in getattr(each, "choices", ())]


def _row(
    trial: "FrozenTrial", columns: Mapping[str, str], clashing: Mapping[str, Collection[str]], scores: Sequence[str]
) -> dict[str, str]:
    attributes = {
        name: str(value)
        for name, value in trial.user_attrs.items()
        if isinstance(value, str | int | float) and name not in columns
    }
    values = [*trial.values] if trial.values is not None else [None] * len(scores)
    if values == [None] and trial.state.name == "PRUNED" and trial.intermediate_values:
        values = [trial.intermediate_values[max(trial.intermediate_values)]]
    factors = {columns[name]: label(level, clashing[name]) for name, level in trial.params.items()}
    results = {name: "" if value is None else repr(value) for name, value in zip(scores, values, strict=True)}
    return attributes | factors | results | {STATE: trial.state.name, TRIAL: str(trial.number)}
