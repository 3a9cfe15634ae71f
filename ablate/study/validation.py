"""Read a table of a study file as a record, with pydantic's complaints in plain English."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from ablate.errors import StudyError
from ablate.study.settings import StudyTable
from ablate.study.tree import Key, Layered, shown

T = TypeVar("T", bound=StudyTable)
_RULES = {
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": 'must be text, in "quotes"',
    "tuple_type": "must be a list",
    "dict_type": "must be a table",
    "finite_number": "must be a finite number",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must not be empty",
    "too_long": "has too many items",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "value_error": "{error}",
}


def read_table(layered: Layered, key: Key) -> Mapping[str, object]:
    """The table at `key`, empty if the file has none. Raises `StudyError` if it is something else."""
    found: object = layered.tree
    for name in key:
        found = found.get(name, {}) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        raise layered.error(key, f"must be a table, got {shown(found)}")
    return found


def validated(record: type[T], table: Mapping[str, object], layered: Layered, key: Key) -> T:
    """The record of `table`. Raises `StudyError` at the first broken rule, unknown keys first."""
    unknown = [name for name in table if name not in record.model_fields]
    if unknown:
        raise layered.unknown((*key, unknown[0]), unknown[0], known=list(record.model_fields), kind="key")
    try:
        return record.model_validate(table)
    except ValidationError as err:
        raise _plain(err.errors(include_url=False), layered, key) from err


def read_section(record: type[T], name: str, layered: Layered, most: Mapping[tuple[str, str], int]) -> T:
    """The record of the table `name`, limited to `most` by (table, field) unless an override set the value."""
    section = validated(record, read_table(layered, (name,)), layered, (name,))
    values = dict(section)
    cut = {
        field: min(values[field], limit) if isinstance(values[field], int) else limit  # no number: open-ended
        for (table, field), limit in most.items()
        if table == name and not layered.is_overridden((name, field))
    }
    return section.model_copy(update=cut)


def _plain(errors: Sequence[Any], layered: Layered, key: Key) -> StudyError:  # Any: pydantic_core's ErrorDetails
    error = errors[0]
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    place = (*key, *(str(part) for part in error["loc"][:1]))
    if kind == "missing" and len(error["loc"]) == 1:
        return layered.error(place, "is missing", hint=f"write it as {place[-1]} = ... in [{'.'.join(key)}]")
    if kind == "literal_error":
        known = re.findall("'([^']*)'", context["expected"])
        if isinstance(value, str):
            return layered.unknown(place, value, known=known, kind="value")
        return layered.error(place, f"must be one of {', '.join(known)}, got {shown(value)}")
    if kind == "missing":
        return layered.error(place, "has too few items")
    rule = _RULES.get(kind, "is not allowed here").format(**context)
    if any(one["loc"][:1] == error["loc"][:1] and "float" in str(one["loc"][1:]) for one in errors[1:]):
        rule = "must be a whole number from 1 up or a share between 0 and 1"  # the only fields of two kinds of number
    # A field that takes a number or a word reports an error for both.
    words = [
        e["ctx"]["expected"] for e in errors[1:] if e["type"] == "literal_error" and e["loc"][0] == error["loc"][0]
    ]
    either = "".join(f" or {word}" for word in words).replace("'", '"')
    return layered.error(place, f"{rule}{either}, got {shown(value)}")
