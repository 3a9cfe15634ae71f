"""Write specs and outcomes as the tables results.csv and epochs, and read those tables back, checked."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, TypeAlias, get_args

import numpy as np
import pandas as pd

from ablate.errors import DataError
from ablate.storage.files.atomic import write_aside
from ablate.study.csv_text import check_rows, read_csv_text
from ablate.study.trial import (
    ADDED,
    COLUMNS,
    COLUMNS_AFTER,
    COLUMNS_BEFORE,
    DATA_SET,
    RATE_SETTING,
    TRAINED_ON,
    Design,
    Epoch,
    Mode,
    Outcome,
    Phase,
    State,
    TrialSpec,
    is_metric,
    number_in,
)
from ablate.text import printable

Row: TypeAlias = dict[Any, Any]  # Any: a row of a table, of several types
# Numeric columns, besides those of the metrics.
NUMBERS = (
    "seed", "score", "predictive_sd", "best_epoch", "epochs", "learning_rate", "parameters", "seconds", "attempt",
)  # fmt: skip
CLASSIFICATION = ("accuracy", "loss")  # the metrics of tables of older versions
FURTHER = (DATA_SET, TRAINED_ON)  # columns that only some tables have
TEXT = (*(name for name in COLUMNS if name not in NUMBERS), *FURTHER)
REQUIRED = ("trial", "phase", "variant", "factor", "level", "seed", "state", "score")
OF_EPOCHS = ("epoch", "learning_rate", "seconds")  # numeric columns, besides those of the metrics
LARGEST = 1e100  # larger numbers count as missing: their squares are infinite
WORDS: Mapping[str, Collection[str]] = {
    "phase": get_args(Phase),
    "state": get_args(State),
    "design": ("", *get_args(Design)),
    "mode": ("", *get_args(Mode)),  # figures and files are named after it
}
WHOLE = ("seed", "best_epoch", "epoch", "epochs", "parameters", "attempt", "number", "units", "distinct")
_LARGEST_WHOLE = 2**53  # largest whole number up to which a float holds them all
_MOST_DIGITS = 300


def results_table(
    rows: Iterable[tuple[TrialSpec, Outcome, str]], *, metrics: Sequence[str] = CLASSIFICATION
) -> pd.DataFrame:
    """One row per trial from (spec, outcome, MLflow run id): `result_columns`, then one column per factor.

    `metrics` are the names of a task's metrics; others that a model recorded follow them.
    """
    records = [_row(spec, outcome, run_id) for spec, outcome, run_id in rows]
    found = dict.fromkeys(name.partition("_")[2] for record in records for name in record if is_metric(name))
    columns = result_columns([*metrics, *(name for name in found if name not in metrics)])
    columns += [TRAINED_ON] if any(TRAINED_ON in record for record in records) else []
    factors = dict.fromkeys(name for record in records for name in record if name not in columns)
    return pd.DataFrame(records, columns=[*columns, *factors])


def result_columns(metrics: Sequence[str]) -> list[str]:
    """The columns of a results table before those of the factors."""
    measured = [f"{part}_{name}" for part in ("val", "test") for name in metrics]
    return [*COLUMNS_BEFORE, *measured, *COLUMNS_AFTER]


def epochs_table(epochs: Iterable[Epoch]) -> pd.DataFrame:
    """One row per epoch of a trial, its fields and metrics as columns."""
    rows = [epoch.to_json() for epoch in epochs]
    measured = dict.fromkeys(name for row in rows for name in row if is_metric(name))
    return pd.DataFrame(rows, columns=["trial", "epoch", *measured, "learning_rate", "seconds"])


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write as CSV; numbers keep all their digits, so that reading gives the same values."""
    text = table.to_csv(index=False, lineterminator="\n").replace("\0", "�")  # no reader would take it for text
    write_aside(path, text.encode(errors="replace"))


def read_results(path: Path) -> pd.DataFrame:
    """Read the results table, as `checked`; text is never NaN. Raises `DataError` if the file holds no such table."""
    table = read_cells(path)
    table = checked(table, path, required=REQUIRED, numbers=(*NUMBERS, *metric_columns(table)))
    if taken := [name for name in ADDED if name in table.columns]:
        raise DataError(f'{path}: a factor must not be called "{taken[0]}"\n  rename the column')
    return table.astype({name: str for name in TEXT if name in table.columns})


def without_unscored(results: pd.DataFrame) -> pd.DataFrame:
    """The results in which a finished run without a score diverged: its score was not finite."""
    is_lost = (results["state"] == "finished") & results["score"].isna()
    return results.assign(state=results["state"].mask(is_lost, "diverged")) if is_lost.any() else results


def read_epochs(path: Path) -> pd.DataFrame:
    """The table that `epochs_table` made, as `checked`; empty if the file does not exist."""
    if not path.exists():
        return epochs_table([])
    table = read_cells(path)
    table = checked(table, path, required=("trial", "epoch"), numbers=(*OF_EPOCHS, *metric_columns(table)))
    return table[table["epoch"].notna()]


def trial_numbers(trials: "pd.Series[str]", phase: Phase) -> "pd.Series[float]":
    """Trial numbers from the labels of a table that has only these; NaN for a label without a number."""
    return pd.Series([number_in(str(trial), phase) for trial in trials], index=trials.index, dtype=float)


def metric_columns(table: pd.DataFrame) -> list[str]:
    """The names of the columns that hold metrics."""
    return [str(name) for name in table.columns if is_metric(str(name))]


def factor_columns(table: pd.DataFrame) -> Sequence[str]:
    """The names of the factors of a results table, in its order (including the learning rate's setting)."""
    return [str(name) for name in table.columns if name not in (*COLUMNS, *FURTHER) and not is_metric(str(name))]


def column_of(factor: str) -> str:
    """The factor's column in the results table; renamed if the name already has a meaning there: "epochs_setting"."""
    return f"{factor}_setting" if _is_taken(factor) else factor


def factor_name(column: str) -> str:
    """The factor of a column, the inverse of `column_of`: "epochs" for "epochs_setting"."""
    return column.removesuffix("_setting") if _is_taken(column.removesuffix("_setting")) else column


def _is_taken(name: str) -> bool:
    """Whether a factor's name is that of another column, or would be taken for that of a renamed factor."""
    while name.endswith("_setting"):
        name = name.removesuffix("_setting")
    return name in (*COLUMNS, *ADDED, *FURTHER) or is_metric(name)


def _row(spec: TrialSpec, outcome: Outcome, run_id: str) -> dict[str, object]:
    known = {name: getattr(record, name) for record in (outcome, spec, spec.label) for name in record.__slots__}
    known |= {"run_id": run_id, "lr_test": outcome.rate_test.key if outcome.rate_test else ""}
    row: dict[str, object] = {name: known[name] for name in COLUMNS} | dict(outcome.metrics)
    row |= {TRAINED_ON: outcome.trained_on} if outcome.trained_on else {}
    return row | {RATE_SETTING if name == "learning_rate" else name: level for name, level in spec.factors.items()}


def read_cells(path: Path) -> pd.DataFrame:
    """Read a CSV file, columns of numbers as numbers. Raises `DataError` if it is no table."""
    text = read_csv_text(path)
    names = check_rows(text, path)
    if twice := [name for name, n in Counter(names).items() if n > 1]:
        raise DataError(f'{path}: two columns are called "{printable(twice[0])}"')
    try:
        # Only an empty field is missing: "none" is a level, and so might "NA" be.
        # Read in chunks, a chunk of a level column that holds only numbers would lose their trailing zeros.
        table = pd.read_csv(
            StringIO(text), keep_default_na=False, na_values={}, low_memory=False, index_col=False,
            dtype=dict.fromkeys(TEXT, str),
        )  # fmt: skip
        numeric = {str(name): _to_number(column) for name, column in table.items() if _is_number(column)}
    except ValueError as err:
        raise DataError(f"{path}: cannot be read as a CSV table: {printable(str(err), 200)}") from err
    return table.assign(**numeric)


def _is_number(column: "pd.Series[Any]") -> bool:
    if column.name in TEXT:
        return False
    try:
        _to_number(column)
    except (ValueError, TypeError, OverflowError):
        return False
    return True


def _to_number(column: "pd.Series[Any]") -> "pd.Series[float]":
    return pd.to_numeric(column)  # an empty field becomes NaN


def checked(table: pd.DataFrame, path: Path, *, required: Collection[str], numbers: Collection[str]) -> pd.DataFrame:
    """The table with plain, finite numbers in the columns `numbers`, NaN if missing. Raises `DataError`."""
    missing = [name for name in required if name not in table.columns]
    if missing:
        raise DataError(f"{path}: columns {', '.join(missing)} are missing\n  a results table has one row per trial")
    for name in WORDS:
        if name in table.columns:
            _check_words(table[name], path)
    return table.assign(**{name: _number(table[name], path) for name in numbers if name in table.columns})


def coerced(column: "pd.Series[Any]") -> "pd.Series[float]":
    """The column as numbers, NaN for a cell that is no number or has more digits than a float holds."""
    try:
        return pd.to_numeric(column, errors="coerce")
    except OverflowError:
        return pd.to_numeric(column.where(column.astype(str).str.len() < _MOST_DIGITS), errors="coerce")


def _check_words(column: "pd.Series[str]", path: Path) -> None:
    known = WORDS[str(column.name)]
    text = column.astype(str)
    if (wrong := ~text.isin(known)).any():
        rule = f"must be one of {', '.join(word or 'nothing' for word in known)}"
        raise _refused(text, wrong, path, rule)


def _number(column: "pd.Series[str]", path: Path) -> "pd.Series[float]":
    """The column as numbers; infinities, which a diverged run may have, count as missing."""
    text = column.astype(str)
    found = coerced(text if column.dtype == bool else column)
    is_empty = column.isna() | text.str.strip().str.lower().isin(("", "nan"))
    if (wrong := found.isna() & ~is_empty).any():
        raise _refused(text, wrong, path, "must be a number, or nothing")
    if column.name in WHOLE and (wrong := found.notna() & ~((found % 1 == 0) & (found.abs() <= _LARGEST_WHOLE))).any():
        raise _refused(text, wrong, path, "must be a whole number, or nothing")
    return found.where(np.isfinite(found) & (found.abs() <= LARGEST))


def _refused(text: "pd.Series[str]", wrong: "pd.Series[bool]", path: Path, rule: str) -> DataError:
    row = int(np.argmax(wrong.to_numpy()))
    return DataError(f'{path}: {text.name}: {rule}, got "{printable(text.iloc[row])}" in row {row + 2:,}')
