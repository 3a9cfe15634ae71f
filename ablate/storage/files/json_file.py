"""Read JSON files that users may have edited as plain values or typed records, limited in size and depth."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from ablate.errors import DataError
from ablate.text import printable

Checked = TypeVar("Checked")
MOST_BYTES = 2**28  # 30,000 range tests
_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


@dataclass(frozen=True, slots=True)
class Within:
    """The range of a numeric record field, as in `Annotated[int, Within(0, 10)]`."""

    least: float
    most: float
    is_open: bool = False  # `least` itself is excluded

    def __contains__(self, number: float) -> bool:
        return self.least <= number <= self.most and not (self.is_open and number == self.least)

    def __str__(self) -> str:
        return f"{'above' if self.is_open else 'at least'} {self.least:g} and at most {self.most:g}"


Count: TypeAlias = Annotated[int, Within(0, 2**63 - 1)]
Size: TypeAlias = Annotated[float, Within(0, 1e100)]  # squares of larger numbers are infinite
Scale: TypeAlias = Annotated[float, Within(0, 1e100, is_open=True)]


def read_json(path: Path, *, otherwise: Any) -> Any:  # Any: JSON
    """The content of the file; `otherwise` if it does not exist. Raises `DataError` if it cannot be read.

    Its text can be written back.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
        value = json.loads(content)
        json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate can be read, not written
    except FileNotFoundError:
        return otherwise
    except OSError as err:
        raise DataError(f"{path}: cannot be read: {err.strerror}") from err
    except (ValueError, RecursionError) as err:
        reason = printable(str(err), 200)
        raise DataError(
            f"{path}: is not JSON: {reason}\n  delete the file to leave its sections out of the report"
        ) from err
    return value


def to_record(value: Any, kind: type[Checked], *, place: Path) -> Checked:  # Any: JSON
    """A table of the file at `place` as a record; keys without a field in the record are ignored.

    A field that may be None is None for null and for an empty table. Raises `DataError`: key, rule, value.
    """
    record: Checked = _read(value, kind, place)
    return record


def to_records(value: Any, kind: type[Checked], *, place: Path) -> Sequence[Checked]:  # Any: JSON
    """A list of tables of the file at `place` as records."""
    records: Sequence[Checked] = _read(value, Sequence[kind], place)  # type: ignore[valid-type]  # a type at run time
    return records


def to_plain(record: Any) -> dict[str, Any]:  # Any: of records, JSON
    """A record as a JSON table: its fields in order, except those that are None."""
    named = {field.name.removesuffix("_"): getattr(record, field.name) for field in fields(record)}
    return {name: _plain(value) for name, value in named.items() if value is not None}


def _plain(value: Any) -> Any:  # Any: of records, JSON
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return to_plain(value) if is_dataclass(value) else value


def _read(value: Any, kind: Any, place: Path) -> Any:  # Any: JSON, and any type annotation
    try:
        return _typed(value, kind, "")
    except ValueError as err:
        raise DataError(f"{place}: {err}\n  delete the file to leave its sections out of the report") from err


def _typed(value: Any, kind: Any, key: str) -> Any:
    """`value` as a `kind`. Raises `ValueError` with the key at fault, the rule and the value."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        if _typed(value, inner[0], key) not in inner[1]:
            raise _refused(key, str(inner[1]), value)
        return value
    if origin in (Union, UnionType):
        return _first_of(value, inner, key)
    if origin is Sequence and isinstance(value, list):
        return [_typed(one, inner[0], f"{key}[{number}]") for number, one in enumerate(value)]
    if origin is Mapping and isinstance(value, dict):
        return {_typed(name, inner[0], key): _typed(one, inner[1], f"{key}.{name}") for name, one in value.items()}
    if is_dataclass(kind) and isinstance(value, dict):
        return _record(value, kind, key)
    fits = value in inner if origin is Literal else type(value) is kind or (kind is float and type(value) is int)
    if not fits and kind is not Any:
        raise _refused(key, _in_words(kind), value)
    return value


def _record(value: Mapping[str, Any], kind: Any, key: str) -> Any:
    hints, found = _hints(kind), {}
    for field in fields(kind):
        name = field.name.removesuffix("_")  # "from_": "from" is a Python keyword
        if name in value:
            found[field.name] = _typed(value[name], hints[field.name], f"{key}.{name}" if key else name)
        elif field.default is MISSING:
            raise ValueError(f"{_at(key)}{name} is missing")
    return kind(**found)


def _first_of(value: Any, kinds: Sequence[Any], key: str) -> Any:
    """`value` as the first of `kinds` that it matches."""
    if NoneType in kinds and (value is None or value == {}):
        return None
    kinds = [kind for kind in kinds if kind is not NoneType]
    if len(kinds) == 1:
        return _typed(value, kinds[0], key)
    for kind in kinds:
        with suppress(ValueError):
            return _typed(value, kind, key)
    words = [_in_words(kind) for kind in kinds if not (kind is int and float in kinds)]
    raise _refused(key, " or ".join(words), value)


def _refused(key: str, rule: str, value: Any) -> ValueError:
    return ValueError(f"{_at(key)}must be {rule}, got {printable(json.dumps(value), 60)}")


def _at(key: str) -> str:
    return f"{printable(key)}: " if key else ""


def _in_words(kind: Any) -> str:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _in_words(inner[0])
    if origin is Literal:
        return f"one of {', '.join(map(json.dumps, inner))}"
    return "a list" if origin is Sequence else _WORDS.get(kind, "a table")


@cache
def _hints(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind, include_extras=True)
