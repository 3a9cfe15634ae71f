"""Choose the arguments for a user's function: those of the offered values that its signature lists by name."""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter

from ablate.errors import StudyError, known_names

_PLACED = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_NAMED = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_OPEN = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a call."""

    positional: tuple[object, ...]
    named: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ListedNames:
    """The names of a function's parameters, and whether it takes any others as **kwargs."""

    names: frozenset[str]
    takes_all: bool


def listed_names(function: Callable[..., object]) -> ListedNames:
    """What a function lists; nothing if it is not written in Python."""
    signature = _signature(function)
    parameters = list(signature.parameters.values()) if signature is not None else []
    takes_all = any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters)
    return ListedNames(frozenset(p.name for p in parameters if p.kind not in _OPEN), takes_all)


def listed_arguments(
    function: Callable[..., object],
    offered: Mapping[str, object],
    options: Mapping[str, object],
    *,
    what: str,
    table: str,
    in_order: Sequence[str] = (),
    key: str = "name",
) -> Arguments:
    """The arguments for a function named `what` in messages: what it lists of `offered`, and all `options`.

    The `options` are keys of the study file's `table`, whose `key` names the function; one of the name of an offered
    value replaces it. A function that does not list the names `in_order` gets these values by position, whatever it
    calls them: it takes as many, and the parameters in these places that have no default are not all known names.
    Raises `StudyError` for a parameter without a default that nothing is known for, and for an option that the
    function does not take.
    """
    signature = _signature(function)
    if signature is None:
        return Arguments(tuple(offered[name] for name in in_order), options)
    parameters = list(signature.parameters.values())
    values = {**offered, **options}
    n = len(in_order) if _is_by_order(parameters, in_order, offered, options) else 0
    first, rest = tuple(offered[name] for name in in_order[:n]), _after(parameters, n)
    _check_options(parameters, rest, options, what=what, table=table)
    _check_known(rest, values, what=what, table=table, key=key)
    if n:
        return Arguments(first, _named(rest, values, options))
    leading = _leading(rest, offered, options)
    return Arguments(tuple(values[p.name] for p in leading), _named(rest[len(leading) :], values, options))


def _signature(function: Callable[..., object]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):  # not written in Python
        return None


def _is_by_order(
    parameters: Sequence[Parameter], in_order: Sequence[str], offered: Mapping[str, object], options: Collection[str]
) -> bool:
    """Whether a function takes the values `in_order` by position, under names of its own."""
    placed = [parameter for parameter in parameters if parameter.kind in _PLACED][: len(in_order)]
    takes_more = any(parameter.kind is Parameter.VAR_POSITIONAL for parameter in parameters)
    if not in_order or (len(placed) < len(in_order) and not takes_more):
        return False
    required = [p for p in parameters if p.kind not in _OPEN and p.default is Parameter.empty]
    others = [p for p in (*placed, *required) if p.name in offered and p.name not in in_order]
    if others and all(parameter.name in offered or parameter.name in options for parameter in required):
        return False  # it lists a value that is passed by name only, and nothing unknown
    named = [parameter for parameter in placed if parameter.name in offered or parameter.name in options]
    return len(named) < len(in_order)


def _after(parameters: Sequence[Parameter], n: int) -> list[Parameter]:
    """The parameters without the first `n` that are passed by position."""
    placed = [parameter for parameter in parameters if parameter.kind in _PLACED][:n]
    return [parameter for parameter in parameters if parameter not in placed]


def _leading(
    parameters: Sequence[Parameter], offered: Mapping[str, object], options: Mapping[str, object]
) -> list[Parameter]:
    """The parameters before the first that is not offered; by position, as a wrapper may have other names for them."""
    leading: list[Parameter] = []
    for parameter in parameters:
        is_offered = parameter.name in offered and parameter.name not in options
        is_bare = parameter.kind is Parameter.POSITIONAL_ONLY and parameter.name in options
        if parameter.kind not in _PLACED or not (is_offered or is_bare):
            break
        leading.append(parameter)
    return leading


def _named(
    parameters: Sequence[Parameter], values: Mapping[str, object], options: Mapping[str, object]
) -> dict[str, object]:
    """The values of the other parameters, and the options, which a function may take as **kwargs."""
    named = {p.name: values[p.name] for p in parameters if p.kind in _NAMED and p.name in values}
    takes_all = any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters)
    return {**named, **options} if takes_all else named


def _check_known(
    parameters: Sequence[Parameter], values: Mapping[str, object], *, what: str, table: str, key: str
) -> None:
    for parameter in parameters:
        is_needed = parameter.kind not in _OPEN and parameter.default is Parameter.empty
        if is_needed and parameter.name not in values:
            raise StudyError(
                f"{table}.{key}: {what} lists {parameter.name}, but ablate has no value of that name\n"
                f"  {known_names(parameter.name, values)}\n"
                f"  for a value of your own, write {parameter.name} = … in [{table}]"
            )


def _check_options(
    parameters: Sequence[Parameter], rest: Sequence[Parameter], options: Mapping[str, object], *, what: str, table: str
) -> None:
    if any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters):
        return
    taken = [parameter.name for parameter in rest if parameter.kind not in _OPEN]
    for name in options:
        if name not in taken:
            every = [parameter.name for parameter in parameters if parameter.kind not in _OPEN]
            raise StudyError(
                f"{table}.{name}: {what} takes no argument {name}\n"
                f"  {known_names(name, every) if every else 'it takes no arguments'}"
            )
