"""Turn what a script hands over into the tables of a study file: tables as dicts, functions and arrays by names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from ablate.errors import StudyError
from ablate.interface.arrays import SHAPES, ArraysGiven, is_array, is_held, lists_examples
from ablate.interface.functions import give, needed_arguments, plain_name
from ablate.study.given_functions import GivenFunction
from ablate.study.tree import Layered, TomlTree, given_layers, shown
from ablate.text import listed, printable

# Where a function may stand in the place of "my.py:f".
FUNCTIONS = (
    ("data", "name"), ("model", "name"), ("model", "train"), ("training", "loss"), ("metric", "name"),
    ("metric", "also"),
)  # fmt: skip
NAMED = ("data", "model", "metric")  # tables of which the name alone may be given
ARRAYS = "arrays.py:given"  # the name of arrays in memory
OF_TRIALS = ("report", "epochs", "test", "folder")  # arguments that only a function that trains gets

Given: TypeAlias = Mapping[str, Any]  # Any: the user's


def read_tables(name: str, tables: Given) -> Layered:
    """The tables of `Study(name, …)`; None for a table that is not given. Raises `StudyError`."""
    reader = _TablesGiven(f'Study("{printable(str(name), 100)}")')
    tree: TomlTree = {"name": reader.plain(name, ("name",))}
    for table, value in tables.items():
        if value is not None:
            tree[table] = reader.table(table, value)
    return given_layers(reader.place, tree, functions=reader.functions)


@dataclass(slots=True)
class _TablesGiven:
    """Reads one study's tables, and collects the functions in them."""

    place: str
    functions: dict[str, GivenFunction] = field(default_factory=dict)

    def table(self, table: str, value: Any) -> object:  # Any: the user's
        """A table as the study file has it."""
        is_examples = table == "data" and is_held(value)
        if is_examples or (table in NAMED and not isinstance(value, Mapping)):
            value = {"name": value}
        return self.plain(value, (table,))

    def plain(self, value: Any, key: tuple[str, ...]) -> object:  # Any: the user's
        """A value as TOML has it."""
        if key == ("data", "name") and is_held(value):
            return self._arrays(value)
        if key == ("data", "name") and (lists_examples(value) or is_array(value)):
            what = "a list of arrays" if isinstance(value, list) else "an array without targets"
            raise StudyError(
                f"{self.place}: data: {what} is no data set\n"
                f"  give {SHAPES}; for several data sets in memory run a study of each"
            )
        match value:
            case Mapping():
                return {self._key(name, key): self.plain(item, (*key, name)) for name, item in value.items()}
            case list() | tuple():
                return [self.plain(item, key) for item in value]
            case str() | bool() | int() | float():
                return value
            case Path():
                return str(value)
            case _ if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
                return self.plain(value.item(), key)
            case _ if callable(value):
                return self._function(value, key)
        dotted = ".".join(map(printable, key))
        kind = printable(type(value).__name__, 60)
        raise StudyError(
            f"{self.place}: {dotted}: must be text, a number, true, false, a list or a table, got a {kind}"
        )

    def _key(self, name: object, key: tuple[str, ...]) -> str:
        if isinstance(name, str):
            return name
        raise StudyError(f"{self.place}: {'.'.join(map(printable, key))}: keys must be text, got {shown(name)}")

    def _function(self, function: Callable[..., Any], key: tuple[str, ...]) -> str:  # Any: the user's
        dotted = ".".join(map(printable, key))
        if key not in FUNCTIONS:
            places = listed(".".join(one) for one in FUNCTIONS)
            raise StudyError(f"{self.place}: {dotted}: must not be a function\n  functions may stand at {places}")
        if key == ("model", "name"):
            self._check_builds(function)
        return give(function, place=f"{self.place}: {dotted}", taken=self.functions).name

    def _check_builds(self, function: Callable[..., Any]) -> None:  # Any: the user's
        """Refuse a function that trains where one that builds a network stands."""
        needed = needed_arguments(function)
        if named := [name for name in OF_TRIALS if name in needed]:
            called = plain_name(function)
            raise StudyError(
                f"{self.place}: model: {called} lists {listed(named)}, as a function that trains does, but model=… "
                f'takes a function that builds a network\n  write model={{"train": {called}}}'
            )

    def _arrays(self, value: Any) -> str:  # Any: a table, or arrays by name
        self.functions[ARRAYS] = ArraysGiven.of(value, place=f"{self.place}: data").as_function(ARRAYS)
        return ARRAYS
