"""Examples that a script holds in memory, in the place of a function that loads them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ablate.errors import StudyError
from ablate.study.given_functions import GivenFunction

_PARTS = ("train", "test", "validation", "val")
SHAPES = "(x, y), or ((x_train, y_train), (x_test, y_test)) as keras.datasets load them"


def is_held(value: object) -> bool:
    """Whether a value holds examples: a DataFrame, a tuple, or a dict of arrays as a `load` function returns it."""
    if isinstance(value, tuple):
        return True
    if isinstance(value, Mapping):
        names = [str(name) for name in value]
        return any(name in (f"{kind}_{part}" for kind in "xy" for part in _PARTS) for name in names)
    return any(
        kind.__module__.split(".")[0] == "pandas" and kind.__name__ == "DataFrame" for kind in type(value).__mro__
    )


def lists_examples(value: Any) -> bool:  # Any: the user's
    """Whether a value is a list of examples or of arrays; a list of names is several data sets."""
    return isinstance(value, list) and any(is_held(item) or is_array(item) for item in value)


def is_array(value: Any) -> bool:  # Any: the user's
    """Whether a value is an array of any library."""
    return hasattr(value, "__array__") and not isinstance(value, str)  # numpy's texts have it, too


@dataclass(frozen=True, slots=True)
class ArraysGiven:
    """Arrays by name, or a DataFrame."""

    held: Any  # Any: the user's

    @classmethod
    def of(cls, value: Any, *, place: str) -> "ArraysGiven":  # Any: the user's
        """Also of the tuples that people have; raises `StudyError` for others."""
        match value:
            case ((x_train, y_train), (x_test, y_test)):
                return cls({"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test})
            case (x, y):
                return cls({"x_train": x, "y_train": y})
            case tuple():
                raise StudyError(f"{place}: a tuple of {len(value)} items is not known as examples\n  give {SHAPES}")
        return cls(dict(value) if isinstance(value, Mapping) else value)

    def as_function(self, name: str) -> GivenFunction:
        """A function that returns them. Its digest says nothing: arrays are known by their fingerprint.

        Workers read the examples from the files that the study's process writes for them, so nothing is pickled.
        """
        return GivenFunction(name, shown="arrays in memory", digest="", call=lambda: self.held)
