"""Interpret a jaxpr, replacing equations by rules for their primitives."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Primitive

# The outputs of an equation from its inputs and parameters; None: leave the equation as it is.
# Any: what a primitive's parameters hold.
Replacement: TypeAlias = Callable[..., list[jax.Array] | None]
Replacements: TypeAlias = Mapping[Primitive, Replacement]

# Primitives that run a jaxpr of their parameters. A rewritten jaxpr takes and returns the same, so their other
# parameters stay true of it. Any other primitive with a jaxpr inside is left as it is.
CALLS = frozenset(
    {"jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call", "checkpoint", "scan", "while", "cond"}
)

_JAXPRS = ClosedJaxpr | Jaxpr


def interpreted(closed: ClosedJaxpr, inputs: Sequence[jax.Array], rules: Replacements) -> list[jax.Array]:
    """The outputs of a jaxpr, its equations replaced where a rule applies."""
    values = dict(zip(closed.jaxpr.constvars, closed.consts, strict=True))
    values |= zip(closed.jaxpr.invars, inputs, strict=True)

    def read(variable: Any) -> Any:  # Any: a variable or a literal
        return variable.val if isinstance(variable, Literal) else values[variable]

    for equation in closed.jaxpr.eqns:
        outputs = _replaced(equation, [read(v) for v in equation.invars], rules)
        values |= zip(equation.outvars, outputs, strict=True)
    return [read(v) for v in closed.jaxpr.outvars]


def holds(jaxpr: Jaxpr, rules: Replacements) -> bool:
    """Whether a rule is for an equation of this jaxpr, or of one inside it."""
    return any(
        equation.primitive in rules
        or (equation.primitive.name in CALLS and any(holds(inner, rules) for inner in _inner(equation)))
        for equation in jaxpr.eqns
    )


def _replaced(equation: JaxprEqn, inputs: list[jax.Array], rules: Replacements) -> list[jax.Array]:
    rule = rules.get(equation.primitive)
    outputs = rule(*inputs, **equation.params) if rule is not None else None
    return outputs if outputs is not None else _bound(equation, inputs, rules)


def _bound(equation: JaxprEqn, inputs: list[jax.Array], rules: Replacements) -> list[jax.Array]:
    primitive, params = equation.primitive, equation.params
    if primitive.name in CALLS:
        params = {name: _rewritten(value, rules) for name, value in params.items()}
    bind: Callable[..., Any] = primitive.bind  # Any: one array or several; JAX's own annotation has no parameters
    given: Callable[..., dict[str, Any]] = primitive.get_bind_params
    outputs = bind(*inputs, **given(params))
    return list(outputs) if primitive.multiple_results else [outputs]


def _rewritten(
    value: Any, rules: Replacements
) -> Any:  # Any: a primitive's parameter; a jaxpr or several are rewritten
    match value:
        case ClosedJaxpr() if holds(value.jaxpr, rules):
            return _traced(value, rules)
        case Jaxpr() if holds(value, rules) and not value.constvars:
            new = _traced(ClosedJaxpr(value, []), rules)
            return value if new.consts else new.jaxpr
        case tuple():
            return tuple(_rewritten(item, rules) for item in value)
    return value


def _traced(closed: ClosedJaxpr, rules: Replacements) -> ClosedJaxpr:
    """The rewritten jaxpr; the original if the types of its outputs would change, which a loop does not allow."""
    new: ClosedJaxpr = jax.make_jaxpr(lambda *inputs: interpreted(closed, inputs, rules))(*closed.in_avals)
    return new if [str(aval) for aval in new.out_avals] == [str(aval) for aval in closed.out_avals] else closed


def _inner(equation: JaxprEqn) -> list[Jaxpr]:
    values = [item for value in equation.params.values() for item in (value if isinstance(value, tuple) else [value])]
    return [item.jaxpr if isinstance(item, ClosedJaxpr) else item for item in values if isinstance(item, _JAXPRS)]
