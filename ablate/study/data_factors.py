"""Data factors: the factors of a study that a user's function of data may read."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from ablate.study.catalog import known_factor
from ablate.study.data_ref import is_function
from ablate.study.given_functions import GivenFunction
from ablate.study.looked_up import LookedUp
from ablate.study.model_ref import ModelRef
from ablate.study.trial import Factors, Level

ARGUMENT = "factors"


def lists_factors(name: object, *, base: Path, given: Mapping[str, GivenFunction] | None = None) -> bool:
    """Whether data.name names a function that lists the argument `factors`, as its file says; nothing is imported.

    A file that cannot be read may: opening the data says what is wrong with it, and a record is kept without it.
    """
    if not isinstance(name, str) or not is_function(name):
        return False
    if given and name in given:
        return ARGUMENT in given[name].arguments
    named = ModelRef.of(name)
    try:
        tree = ast.parse((base / named.file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return True
    found = [arguments for function, arguments in _functions(tree.body) if function == named.function]
    return bool(found) and ARGUMENT in _listed(found[-1])


@final
@dataclass(frozen=True, slots=True)
class DataFactors:
    """A configuration's factors for a function of data."""

    levels: Mapping[str, Level]
    given: LookedUp  # the same, as the function gets them
    reserved: frozenset[str]  # factors of the configuration that the model or the training knows

    def read(self) -> dict[str, Level]:
        """The levels that the function has read."""
        return {name: level for name, level in self.levels.items() if name in self.given.names}


def data_factors(factors: Factors, *, model: str) -> DataFactors:
    """The factors of a configuration that neither the training nor the model of that name knows."""
    reserved = frozenset(name for name in factors if name == "learning_rate" or known_factor(name, model=model))
    levels = {name: level for name, level in factors.items() if name not in reserved}
    return DataFactors(levels, LookedUp(levels), reserved)


def _functions(body: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.arguments]]:
    """The functions of a module by name, in its order, also those under a condition."""
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, node.args
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda(args=arguments)):
                yield name, arguments
            case ast.If() | ast.Try() | ast.With():
                inner: list[Any] = [*node.body, *getattr(node, "orelse", ()), *getattr(node, "finalbody", ())]
                yield from _functions(inner)
            case _:
                pass


def _listed(arguments: ast.arguments) -> list[str]:
    return [one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
