"""Read the numbers that user code reports: their names as columns, and what is no number."""

from collections.abc import Mapping
from typing import SupportsFloat

from ablate.errors import StudyError
from ablate.study.rate import RATE
from ablate.study.trial import PARTS, is_metric
from ablate.text import printable

PARAMETERS = "parameters"  # a result of this name is the number of parameters, not a metric
_RESERVED = ("trial", "epoch", "seconds")  # columns of the table of epochs


def column_of(name: str) -> str:
    """The column of a reported name: that of validation examples, unless it begins with "train_" or "test_"."""
    return name if is_metric(name) else f"val_{name}"


def checked(values: Mapping[str, object], *, what: str) -> dict[str, float]:
    """The numbers by column. Raises `StudyError` for a name or a value that is none; `what` is their source."""
    found: dict[str, float] = {}
    for name, value in values.items():
        if not isinstance(name, str) or not is_metric_name(name):
            raise StudyError(f"{what}: {printable(repr(name), 60)} cannot be the name of a metric; rename it")
        column = name if name in (RATE, PARAMETERS) else column_of(name)
        if column in found:
            raise StudyError(f"{what}: two names for {column.removeprefix('val_')}; leave one of them out")
        found[column] = _number(value, f"{what}: {name}")
    if (n := found.get(PARAMETERS, 0.0)) != abs(n) // 1:
        raise StudyError(f"{what}: {PARAMETERS} must be a whole number from 0, got {n:g}")
    return found


def is_metric_name(name: str) -> bool:
    """Whether a number may be reported under a name."""
    return name.isidentifier() and name not in (*_RESERVED, *PARTS)


def _number(value: object, what: str) -> float:
    if isinstance(value, SupportsFloat) and not isinstance(value, str):
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError):  # an array of several numbers
            pass
    kind = type(value).__name__
    raise StudyError(f"{what} must be a number, got {printable(repr(value), 60)} ({kind}); convert it with float(…)")
