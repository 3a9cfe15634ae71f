"""Prepare a function that a script or a notebook hands over: a name for the study, its digest, its pickle."""

import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import cloudpickle  # type: ignore[import-untyped]  # it ships no types

from ablate.errors import StudyError, reason_of
from ablate.interface.code_behind import CodeBehind, is_users_module
from ablate.study.given_functions import GivenFunction
from ablate.text import printable

MAIN = "__main__"
CALLBACKS = "callbacks"  # the function beside `build` that makes a trial's callbacks, as in a user's file


def give(function: Callable[..., Any], *, place: str, taken: dict[str, GivenFunction]) -> GivenFunction:
    """The function under a name that none of those `taken` has; the same function keeps its name.

    `place` is the key that names it, for messages. Raises `StudyError` if it cannot be sent to a worker process.
    """
    for known in taken.values():
        if known.call is function:
            return known
    callbacks = _callbacks_beside(function)
    behind = CodeBehind.of(function, *([callbacks] if callbacks else []))
    given = GivenFunction(
        name=_free_name(function, taken),
        shown=_shown(function),
        digest=behind.digest,
        arguments=_arguments(function),
        names=behind.names,
        imported=behind.imported,
        opaque=behind.opaque,
        call=function,
        callbacks=callbacks,
        pickled=_pickled(function, callbacks, place),
    )
    taken[given.name] = given
    return given


def in_a_file(function: Callable[..., Any]) -> Path | None:
    """The file of a function that a study file can name: one of a module, outside of packages; None for others."""
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    file = getattr(module, "__file__", None)
    if module is None or module.__name__ == MAIN or file is None or "." in module.__name__:
        return None
    name = getattr(function, "__name__", "")
    return Path(file) if getattr(module, name, None) is function and file.endswith(".py") else None


def plain_name(function: Callable[..., Any]) -> str:
    """Its name as an identifier: "build", and "partial" or "Loss" for objects that can be called."""
    name = getattr(function, "__name__", None) or type(function).__name__
    return name if name.isidentifier() else "lambda"


def needed_arguments(function: Callable[..., Any]) -> tuple[str, ...]:
    """The arguments that a function lists without a value of their own."""
    try:
        listed = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # as below
        return ()
    of_any_number = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return tuple(one.name for one in listed if one.default is one.empty and one.kind not in of_any_number)


def _shown(function: Callable[..., Any]) -> str:
    """ "build (defined in train.py)"; of a functools.partial with the function in it."""
    inner = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    of = "functools.partial of " if inner is not function else ""
    return f"{of}{plain_name(inner)} (defined in {_where(inner)})"


def _where(function: Callable[..., Any]) -> str:
    """The file of a function, without its folder; "__main__" for a notebook or an interactive session."""
    name = getattr(function, "__module__", None) or type(function).__module__
    if name != MAIN:
        return f"{name.replace('.', '/')}.py"
    file = getattr(sys.modules[MAIN], "__file__", None)
    return Path(file).name if file and file.endswith(".py") else MAIN


def _free_name(function: Callable[..., Any], taken: dict[str, GivenFunction]) -> str:
    where = _where(function)
    plain = f"{where.removesuffix('.py')}.py:{plain_name(function)}"
    names = (plain, *(f"{plain}_{n}" for n in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def _arguments(function: Callable[..., Any]) -> tuple[str, ...]:
    try:
        return tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # of a compiled library: calling it tells
        return ()


def _callbacks_beside(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """The function `callbacks` defined where `build` is, which counts as in a file that has both."""
    if not isinstance(function, FunctionType) or function.__name__ == CALLBACKS:
        return None
    found = function.__globals__.get(CALLBACKS)
    return found if inspect.isfunction(found) and found.__module__ == function.__module__ else None


def _pickled(function: Callable[..., Any], callbacks: Callable[..., Any] | None, place: str) -> bytes:
    try:
        with _by_value(_module_of(function)):
            made: bytes = cloudpickle.dumps((function, callbacks))
            return made
    except Exception as err:  # whatever the objects that it refers to raise
        raise StudyError(
            f"{place}: {plain_name(function)} cannot be sent to worker processes: {printable(reason_of(err), 300)}\n"
            "  make what it uses inside of the function, not outside"
        ) from err


def _module_of(function: Callable[..., Any]) -> ModuleType | None:
    while isinstance(function, functools.partial):
        function = function.func
    return sys.modules.get(getattr(function, "__module__", None) or type(function).__module__)


@contextmanager
def _by_value(module: ModuleType | None) -> Iterator[None]:
    """Inside the block, functions of a user's module are pickled with their code.

    By reference, a worker would import the module, and so run a script that is one; or would not find it.
    """
    name = module.__name__ if module else MAIN
    registered = name in cloudpickle.list_registry_pickle_by_value()
    if module is None or name == MAIN or registered or not is_users_module(name):
        yield
        return
    cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        cloudpickle.unregister_pickle_by_value(module)
