"""Turn what a user's function returns under one name into an array, or say why it is none."""

import inspect
from typing import Any

import numpy as np

from ablate.data.array import Array
from ablate.errors import DataError
from ablate.text import number_of, printable

_LIBRARIES = ("tensorflow", "keras", "torch", "jax")
INSTEAD = "return arrays, which can be read in any order; arrays larger than the memory as numpy.memmap"


def to_array(value: Any, name: str, *, origin: str) -> Array:
    """An array as it is, memory-mapped or not; what is no array becomes one. Raises `DataError`."""
    if isinstance(value, np.ndarray):
        array: Array = value
    else:
        _check_indexable(value, name, origin=origin)
        if is_table(value):
            value = _plain_table(value, name, origin=origin)
        try:
            array = np.asarray(value)
        except Exception as err:  # whatever a library's or a user's `__array__` raises
            rule = f"{printable(name, 60)} cannot be made an array: {printable(str(err), 200)}"
            raise DataError(f"{origin}: {rule}\n  {INSTEAD}") from err
    if array.ndim == 0:
        raise DataError(
            f"{origin}: {printable(name, 60)} must be an array of examples, got {described(value)}\n  {INSTEAD}"
        )
    return array


def _plain_table(table: Any, name: str, *, origin: str) -> Any:
    """The numbers of a DataFrame among the arrays. Raises `DataError` if it has columns of another kind."""
    kinds = {str(column): getattr(kind, "kind", "O") for column, kind in table.dtypes.items()}
    if others := [column for column, kind in kinds.items() if kind not in "buif"]:
        raise DataError(
            f'{origin}: column "{printable(others[0], 40)}" of {printable(name, 60)} does not hold plain numbers\n'
            "  return the whole table, with its target, as one DataFrame, and name data.target: categories become flags"
        )
    return table.to_numpy()


def _check_indexable(value: object, name: str, *, origin: str) -> None:
    if is_stream(value) or _is_of(value, "scipy"):
        way_out = f"{name} = {name}.toarray()" if _is_of(value, "scipy") else INSTEAD
        raise DataError(f"{origin}: {printable(name, 60)} is {described(value)}, not an array\n  {way_out}")


def is_table(value: object) -> bool:
    """Whether a value is a pandas DataFrame."""
    return _is_of(value, "pandas", "DataFrame")


def is_stream(value: object) -> bool:
    """Whether a value yields examples in an order of its own: a generator, or a data set of a library."""
    if inspect.isgenerator(value) or hasattr(value, "__next__") or callable(value):
        return True
    of_library = any(_is_of(value, library) for library in _LIBRARIES)
    return of_library and not (hasattr(value, "__array__") or hasattr(value, "numpy"))


def described(value: object) -> str:
    """What a value is, in a few words."""
    kind = type(value)
    named = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__.split('.')[0]} {kind.__name__}"
    if isinstance(value, tuple):
        return f"a tuple of {number_of(len(value), 'item')}"
    return "nothing (None)" if value is None else f"a {printable(named, 60)}"


def _is_of(value: object, library: str, name: str = "") -> bool:
    """Whether a value is of a library's class, of that name if one is given, without importing the library."""
    return any(
        kind.__module__.split(".")[0] == library and (not name or kind.__name__ == name) for kind in type(value).__mro__
    )
