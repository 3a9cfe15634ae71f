"""Read JSON text as a table: an array of records, a record per line, or the output of pandas' `to_json`."""

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ablate.errors import DataError
from ablate.text import printable

MOST_BYTES = 2**26  # of a file that a tool writes for one run
JsonRecord = dict[str, Any]  # Any: JSON


def json_table(text: str, path: Path, *, is_json: bool) -> pd.DataFrame | None:
    """The records as a table of text, nested records as "config.lr"; None if the text is no JSON."""
    if not is_json and not text.lstrip()[:2].startswith(("{", "[{", "[\n", "[ ")):
        return None
    if _is_curve(_parsed(text)):
        raise curve_alone(path)
    records = _records(text)
    if records is None and not is_json:
        return None
    if not records:
        rule = "holds no records; it must be a list of objects, or one object per line, with one key per column"
        raise DataError(f"{printable(str(path), 300)}: {rule}")
    flat = [flattened(record) for record in records]
    names = dict.fromkeys(name for record in flat for name in record)
    return pd.DataFrame({name: texts([record.get(name) for record in flat]) for name in names}, dtype=str)


def json_record(path: Path, *, way_out: str) -> JsonRecord:
    """The object that a tool's JSON file holds. Raises `DataError` with the way out if it cannot be read."""
    place = printable(str(path), 300)
    try:
        value = json.loads(bounded_bytes(path, most=MOST_BYTES))
        check_characters(value)
    except OSError as err:
        raise DataError(f"{place}: cannot be read: {err.strerror}\n  {way_out}") from err
    except (ValueError, RecursionError) as err:
        raise DataError(f"{place}: is not JSON: {printable(str(err), 200)}\n  {way_out}") from err
    if not isinstance(value, dict):
        raise DataError(f"{place}: must hold a JSON object, got a {type(value).__name__}\n  {way_out}")
    return value


def bounded_bytes(path: Path, *, most: int) -> bytes:
    """The content of a file. Raises `OSError`, and `ValueError` if it has more than `most` bytes."""
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it has more than {most:,} bytes")
    return content


def check_characters(value: object) -> None:
    """Raise `ValueError` for half a character, "\\ud800", which JSON and YAML can spell and no file can hold."""
    json.dumps(value, ensure_ascii=False, default=str).encode()


def flattened(record: JsonRecord, before: str = "") -> JsonRecord:
    """A record without nested records: {"config": {"lr": 1}} -> {"config.lr": 1}."""
    found: JsonRecord = {}
    for name, value in record.items():
        if isinstance(value, dict) and value:
            found |= flattened(value, f"{before}{name}.")
        else:
            found[f"{before}{name}"] = value
    return found


def _records(text: str) -> list[JsonRecord] | None:
    whole = _parsed(text)
    if whole is None:
        lines = [_parsed(line) for line in text.splitlines() if line.strip()]
        return lines if lines and all(isinstance(line, dict) for line in lines) else None
    if isinstance(whole, dict):
        whole = _of_pandas(whole)
    return whole if isinstance(whole, list) and all(isinstance(record, dict) for record in whole) else None


def _of_pandas(whole: JsonRecord) -> list[JsonRecord]:
    """The output of `DataFrame.to_json` by columns or split, or of TensorBoard's HParams page; else one record."""
    if whole.keys() == {"header", "rows"}:
        whole = {"columns": whole["header"], "data": whole["rows"]}
    columns, data = whole.get("columns"), whole.get("data")
    if isinstance(columns, list) and isinstance(data, list) and all(isinstance(row, list) for row in data):
        return [dict(zip(map(str, columns), row, strict=False)) for row in data]
    values = list(whole.values())
    if values and all(isinstance(value, dict) and value.keys() == values[0].keys() for value in values):
        return [{name: column[row] for name, column in whole.items()} for row in values[0]]
    return [whole]


def _parsed(text: str) -> Any:  # Any: JSON
    try:
        value = json.loads(text)
        check_characters(value)
    except (ValueError, RecursionError):
        return None
    return value


def _is_curve(value: object) -> bool:
    """Whether JSON is a curve as TensorBoard downloads it: [wall time, step, value] for each step."""
    return isinstance(value, list) and bool(value) and all(map(_is_point, value))


def _is_point(value: object) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(isinstance(each, int | float) for each in value)


def curve_alone(path: Path) -> DataError:
    """Reject one run's curve: a comparison needs all runs and their settings."""
    return DataError(
        f"{printable(str(path), 300)}: is the curve of one run, as TensorBoard downloads it\n"
        "  analyze the folder of the logs, or the table of the HParams tab (download as CSV or JSON)"
    )


def texts(values: Sequence[object]) -> list[str]:
    """A text for each value, "" for None and NaN; if 1 and "1" occur in the same column, the word is quoted."""
    words = {value for value in values if isinstance(value, str)}
    others = {_text(value) for value in values if not isinstance(value, str) and not is_missing(value)}
    clashing = words & others
    return ["" if is_missing(value) else label(value, clashing) for value in values]


def label(value: object, clashing: Iterable[str] = ()) -> str:
    """A value's text; quoted if it is one of the words that read as another value does."""
    return f'"{value}"' if isinstance(value, str) and value in clashing else _text(value)


def clashing_words(values: Iterable[object]) -> set[str]:
    """The words among a factor's values that read as another of its values, or as missing."""
    found = list(values)
    words = {value for value in found if isinstance(value, str)}
    return words & {_text(value) for value in found if not isinstance(value, str)} | words & {""}


def is_missing(value: object) -> bool:
    """Whether a cell of a typed table is missing."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _text(value: object) -> str:
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, default=str, ensure_ascii=False)
    return repr(value) if isinstance(value, float) else str(value)
