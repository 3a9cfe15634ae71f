"""Take the optimizer that a user's model is compiled with, where a study names no factor `optimizer`.

It is made again from its config, with a state of its own, so that no trial leaves anything to the next. Keras' own
classes have an exact functional form; a class of the user's takes a few steps in both forms first.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import keras
import numpy as np

from ablate.data.array import Array
from ablate.errors import StudyError, is_ours, reason_of
from ablate.study.trial import Factors
from ablate.text import number_of
from ablate.training.engine import backend
from ablate.training.engine.learning import came_compiled
from ablate.training.engine.optimizers import (
    TWINS,
    LossScaled,
    clipping_of,
    functional,
    make_optimizer,
    setting_of,
)
from ablate.training.engine.settings import hyperparameters_of

CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")
_CLIPS = ("clip_norm", "clip_value")  # factors that replace them
K = keras.optimizers
_EXACT = frozenset(
    (K.SGD, K.Adagrad, K.Adadelta, K.RMSprop, K.Adam, K.AdamW, K.Adamax, K.Nadam, K.Lion, K.Adafactor, K.Lamb, K.Ftrl)
)  # their functional form is tested against Keras, weight by weight
_STEPS = 4  # in which a user's own class is compared with its functional form
_SCALARS = (bool, int, float, str, type(None))
_PLACEHOLDER = 0.5  # of a momentum that each trial sets: above 0, so that there is a velocity


def optimizer_for(model: keras.Model, factors: Factors, *, precision: str) -> keras.optimizers.Optimizer:
    """The functional optimizer of a configuration: that of its factor `optimizer`, else the model's own.

    Raises `StudyError` if there is none, or none that programs can train with.
    """
    varied = hyperparameters_of(factors)
    if "optimizer" in factors:
        name, clipping = str(factors["optimizer"]), clipping_of(factors)
        return make_optimizer(name, varied=varied, precision=precision, clipping=clipping)
    optimizer = compiled_optimizer(model)
    if reason := reason_not_compiled(optimizer, model.trainable_variables):
        raise _refused(reason)
    inner = inner_of(optimizer)
    _check_momentum(inner, varied)
    made = functional(_again(inner, factors, varied), varied=varied)
    _exclude(made, inner, model.trainable_variables)
    if inner is optimizer:
        return made
    outer = optimizer.get_config()
    scaled = {name: outer[name] for name in ("initial_scale", "dynamic_growth_steps")}
    return LossScaled(made, **scaled)


def own_optimizer(model: keras.Model, factors: Factors) -> keras.optimizers.Optimizer:
    """The optimizer that a model is compiled with, for `model.fit`: as it is, but for the settings that factors decide.

    Raises `StudyError` as `optimizer_for` does.
    """
    optimizer = compiled_optimizer(model)
    inner, varied = inner_of(optimizer), hyperparameters_of(factors)
    if reason := _never(inner):
        raise _refused(reason)
    _check_momentum(inner, varied)
    config = dict(inner.get_config())
    changed: dict[str, float | None] = {
        setting_of(inner, name): float(factors[name]) for name in varied if setting_of(inner, name)
    }
    if any(name in factors for name in _CLIPS):
        changed |= {**dict.fromkeys(CLIPPING), **clipping_of(factors)}
    if not changed:
        return optimizer
    made = type(inner).from_config({**config, **changed})
    _exclude(made, inner, model.trainable_variables)
    return made if inner is optimizer else keras.optimizers.LossScaleOptimizer(made)


def why_own_optimizer(model: keras.Model, factors: Factors) -> str:
    """Why `model.fit` trains a model for the sake of its own optimizer; "" if programs can, or neither way can."""
    if "optimizer" in factors or not came_compiled(model) or model.optimizer is None:
        return ""
    if _never(inner_of(model.optimizer)):
        return ""
    return reason_not_compiled(model.optimizer, model.trainable_variables)


def _refused(reason: str) -> StudyError:
    return StudyError(
        f"model: build compiles it with an optimizer that ablate cannot use: {reason}\n"
        '  name an optimizer in [baseline], such as optimizer = "adam", or compile the model with another'
    )


def _never(optimizer: keras.optimizers.Optimizer) -> str:
    """Why neither way of training takes an optimizer; "" if one does."""
    name, config = type(optimizer).__name__, optimizer.get_config()
    if config.get("use_ema"):
        return f"{name} with use_ema replaces the weights by their running mean, which no epoch is scored by"
    if not isinstance(config.get("learning_rate"), float):
        return f"the learning rate of {name} follows a schedule of its own, not the study's learning_rate and schedule"
    return ""


def optimizer_key(model: keras.Model, factors: Factors) -> str:
    """What decides the steps of a configuration's optimizer beside its factors: "" if they name it.

    Two builds of one structure may compile with different optimizers; their programs differ.
    """
    if "optimizer" in factors:
        return ""
    optimizer = compiled_optimizer(model)
    inner, varied = inner_of(optimizer), hyperparameters_of(factors)
    config = {name: value for name, value in inner.get_config().items() if name not in ("name", "learning_rate")}
    fixed = {name: value for name, value in config.items() if name not in {setting_of(inner, some) for some in varied}}
    outer = {} if inner is optimizer else optimizer.get_config() | {"inner_optimizer": "", "name": ""}
    excluded = _excluded(inner, model.trainable_variables)
    return json.dumps([type(inner).__qualname__, fixed, outer, excluded], sort_keys=True, default=repr)


def compiled_optimizer(model: keras.Model) -> keras.optimizers.Optimizer:
    """The optimizer of a compiled model. Raises `StudyError` if it has none."""
    is_compiled = came_compiled(model)
    optimizer = getattr(model, "optimizer", None) if is_compiled else None
    if optimizer is None:
        how = "without an optimizer" if is_compiled else "uncompiled"
        raise StudyError(
            f"baseline.optimizer: is missing, and build returns the model {how}\n"
            '  add optimizer = "adam" to [baseline], or compile the model in build with an optimizer'
        )
    return optimizer


def inner_of(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """The optimizer inside of one that scales the loss; another as it is."""
    return optimizer.inner_optimizer if type(optimizer) is keras.optimizers.LossScaleOptimizer else optimizer


def reason_not_compiled(optimizer: keras.optimizers.Optimizer, variables: Sequence[keras.Variable]) -> str:
    """Why compiled programs cannot train with an optimizer as `model.fit` does; "" if they can.

    `variables` are the weights that it trains; they keep their values.
    """
    inner = inner_of(optimizer)
    name = type(inner).__name__
    if reason := _unserved(inner, name):
        return reason
    if type(inner) in _EXACT:
        return ""
    try:
        return _differs(inner, variables, name)
    except Exception as err:  # whatever a user's class raises
        if is_ours(err) or backend.is_out_of_memory(err):
            raise
        return f"{name} fails when it is made again from its config, or in a compiled step: {reason_of(err)}"


def _unserved(optimizer: keras.optimizers.Optimizer, name: str) -> str:
    """The settings that have no functional form."""
    if reason := _never(optimizer):
        return reason
    if optimizer.get_config().get("gradient_accumulation_steps"):
        return f"{name} with gradient_accumulation_steps updates the weights only in every few steps"
    steps = int(optimizer.iterations.numpy())
    return f"{name} comes with the state of {number_of(steps, 'earlier step')}" if steps else ""


def _check_momentum(optimizer: keras.optimizers.Optimizer, varied: Collection[str]) -> None:
    if "momentum" in varied and not setting_of(optimizer, "momentum"):
        raise StudyError(
            f"baseline.momentum: build compiles the model with {type(optimizer).__name__}, whose momentum ablate "
            "cannot set\n  rename the factor, such as rho, and let build pass it on to the optimizer"
        )


def _again(
    optimizer: keras.optimizers.Optimizer,
    factors: Factors = MappingProxyType({}),
    varied: Collection[str] = (),
) -> keras.optimizers.Optimizer:
    """A new optimizer of the same settings, but for those that factors decide."""
    config = dict(optimizer.get_config())
    if any(name in factors for name in _CLIPS):
        config |= {**dict.fromkeys(CLIPPING), **clipping_of(factors)}
    if "momentum" in varied and setting_of(optimizer, "momentum") == "momentum":
        config["momentum"] = config["momentum"] or _PLACEHOLDER
    return TWINS.get(type(optimizer), type(optimizer)).from_config(config)


def _exclude(
    made: keras.optimizers.Optimizer, optimizer: keras.optimizers.Optimizer, variables: Sequence[keras.Variable]
) -> None:
    """Let weight decay leave alone what it leaves alone in the user's optimizer, which no config tells."""
    if places := _excluded(optimizer, variables):
        made.exclude_from_weight_decay(var_list=[variables[place] for place in places])


def _excluded(optimizer: keras.optimizers.Optimizer, variables: Sequence[keras.Variable]) -> list[int]:
    return [place for place, variable in enumerate(variables) if not optimizer._use_weight_decay(variable)]


def _differs(optimizer: keras.optimizers.Optimizer, variables: Sequence[keras.Variable], name: str) -> str:
    """Why the functional form of a user's class would take other steps; "" if it takes the same."""
    theirs, ours = _again(optimizer), functional(_again(optimizer))
    if lost := _lost(optimizer, theirs):
        return f"get_config of {name} leaves out {lost}"
    for made in (theirs, ours):
        _exclude(made, optimizer, variables)
    rng = np.random.default_rng(0)
    gradients = [[rng.standard_normal(v.shape).astype(np.float32) for v in variables] for _ in range(_STEPS)]
    expected, changed = _own_steps(theirs, variables, gradients)
    if changed:
        return f"{name} changes its attribute {changed} from step to step, which a compiled program does only once"
    for mine, own in zip(_functional_steps(ours, variables, gradients), expected, strict=True):
        if not np.allclose(mine, own, rtol=1e-4, atol=1e-6, equal_nan=True):
            return f"{name} takes other steps in a compiled program than in model.fit"
    return ""


def _own_steps(
    optimizer: keras.optimizers.Optimizer, variables: Sequence[keras.Variable], gradients: Sequence[Sequence[Array]]
) -> tuple[list[Array], str]:
    """The weights after some steps, and an attribute that the steps changed; the weights keep their values."""
    kept = [variable.numpy() for variable in variables]
    try:
        optimizer.apply([keras.ops.convert_to_tensor(g) for g in gradients[0]], variables)
        before = _plain(optimizer)
        for some in gradients[1:]:
            optimizer.apply([keras.ops.convert_to_tensor(g) for g in some], variables)
        after = _plain(optimizer)
        return [variable.numpy() for variable in variables], next((k for k in after if after[k] != before.get(k)), "")
    finally:
        for variable, value in zip(variables, kept, strict=True):
            variable.assign(value)


def _functional_steps(
    optimizer: keras.optimizers.Optimizer, variables: Sequence[keras.Variable], gradients: Sequence[Sequence[Array]]
) -> list[Array]:
    """The weights after the same steps of a graph that is traced once."""
    optimizer.build(list(variables))
    weights = [backend.resident(variable.value) for variable in variables]
    slots = [backend.resident(variable.value) for variable in optimizer.variables]
    first = [backend.resident(g) for g in gradients[0]]
    graph = backend.compiled(optimizer.stateless_apply, (slots, first, weights), loose={}, xla=False)
    for some in gradients:
        weights, slots = graph(slots, [backend.resident(g) for g in some], weights)
    return [np.asarray(weight) for weight in weights]


def _lost(optimizer: keras.optimizers.Optimizer, again: keras.optimizers.Optimizer) -> str:
    """An attribute of a user's class that is another after it was made again; "" if there is none."""
    made, of_keras = vars(again), vars(K.SGD())
    compared = {k: v for k, v in _own(optimizer).items() if k not in of_keras or isinstance(v, _SCALARS)}
    return next((name for name, value in compared.items() if name not in made or not _equal(value, made[name])), "")


def _equal(one: Any, other: Any) -> bool:  # Any: attributes of a user's class
    if isinstance(one, keras.Variable) and isinstance(other, keras.Variable):
        one, other = one.numpy(), other.numpy()
    return bool(np.array_equal(one, other)) if isinstance(one, np.ndarray) else bool(one is other or one == other)


def _plain(optimizer: keras.optimizers.Optimizer) -> Mapping[str, str]:
    """The attributes that no step of a graph changes: numbers, texts, and collections of them."""
    held = (*_SCALARS, list, tuple, dict, set)
    own = {name: value for name, value in _own(optimizer).items() if isinstance(value, held)}
    return {name: repr(value) for name, value in own.items() if not _holds_variables(value)}


def _holds_variables(value: Any) -> bool:  # Any: as above
    return any(isinstance(leaf, keras.Variable) for leaf in keras.tree.flatten(value))


def _own(optimizer: keras.optimizers.Optimizer) -> Mapping[str, Any]:  # Any: attributes of a user's class
    """The attributes without the memory of Keras for `exclude_from_weight_decay`."""
    return {k: v for k, v in vars(optimizer).items() if not k.startswith(("_exclude_from_weight", "_self_"))}
