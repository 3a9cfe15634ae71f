"""Tell a user what of `model.compile` decides in a study, and what the study decides instead."""

from collections.abc import Iterator

import keras

from ablate.study.rate import RATE
from ablate.study.settings import Study
from ablate.study.space import Choice
from ablate.study.trial import Factors
from ablate.training.engine.compiled_optimizer import CLIPPING, inner_of
from ablate.training.engine.learning import came_compiled
from ablate.training.engine.optimizers import OPTIMIZERS, clipping_of, setting_of

_NOT_COMPARED = ("name", "learning_rate")


def compile_notices(model: keras.Model, study: Study, factors: Factors) -> Iterator[str]:
    """Sentences on the optimizer and the settings with which build compiles the model of a configuration."""
    if not came_compiled(model):
        return
    if model.optimizer is not None:
        optimizer = inner_of(model.optimizer)
        yield from _of_factor(optimizer, study) if "optimizer" in factors else _of_build(optimizer, factors)
    if model.run_eagerly:
        yield "build compiles the model with run_eagerly=True, but trials run in compiled programs all the same"


def _of_factor(optimizer: keras.optimizers.Optimizer, study: Study) -> Iterator[str]:
    """Where a factor names the optimizer, that of build trains nothing."""
    dimension, named = study.space.dimensions.get("optimizer"), str(study.baseline["optimizer"])
    levels = dimension.options if isinstance(dimension, Choice) else (named,)
    if len(levels) > 1 or _config(optimizer) != _config(OPTIMIZERS[named]()):
        decided = ", ".join(map(str, levels))
        yield f"build compiles the model with {_named(optimizer)}, but the study's factor optimizer decides: {decided}"


def _of_build(optimizer: keras.optimizers.Optimizer, factors: Factors) -> Iterator[str]:
    rate = f"{float(optimizer.get_config()['learning_rate']):.4g}"
    yield (
        f"the model trains with {_named(optimizer)}, as build compiles it, but at the study's learning_rate, "
        f"{factors[RATE]}, not at {rate}"
    )
    for factor, setting in _decided_by_factors(optimizer, factors):
        value, config = factors[factor], optimizer.get_config()
        name = type(optimizer).__name__
        if config.get(setting) and config[setting] != value:
            yield f"build compiles {name} with {setting}={config[setting]}, but the factor {factor} decides: {value}"


def _decided_by_factors(optimizer: keras.optimizers.Optimizer, factors: Factors) -> Iterator[tuple[str, str]]:
    """The factors that set something of a compiled optimizer, with Keras' name for it."""
    yield from ((name, setting_of(optimizer, name)) for name in ("weight_decay", "momentum") if name in factors)
    clips = [name for name in ("clip_norm", "clip_value") if name in factors]
    if clips:
        factor = clips[0] if "clipnorm" in clipping_of(factors) else clips[-1]
        yield from ((factor, setting) for setting in CLIPPING)


def _named(optimizer: keras.optimizers.Optimizer) -> str:
    """Its class, and whether it is the one of a compile that names none."""
    is_default = type(optimizer) is keras.optimizers.RMSprop and _config(optimizer) == _config(
        keras.optimizers.RMSprop()
    )
    return type(optimizer).__name__ + (" (as Keras does by default)" if is_default else "")


def _config(optimizer: keras.optimizers.Optimizer) -> dict[str, object]:
    config = {name: value for name, value in optimizer.get_config().items() if name not in _NOT_COMPARED}
    return {"class": type(optimizer).__name__, **config}
