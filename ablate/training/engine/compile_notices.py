"""Tell a user what of `model.compile` decides in a study, and what the study decides instead."""

from collections.abc import Collection, Iterator, Mapping

import keras

from ablate.errors import StudyError
from ablate.study.metrics import find_metric
from ablate.study.settings import StudySettings
from ablate.study.space import Choice
from ablate.study.task import LOSS, Task
from ablate.study.trial import Factors
from ablate.study.user_code import may_compile
from ablate.text import listed
from ablate.training.engine.compiled_optimizer import CLIPPING, inner_of
from ablate.training.engine.learning import came_compiled
from ablate.training.engine.optimizers import OPTIMIZERS, clipping_of, setting_of

_NOT_COMPARED = ("name", "learning_rate")


def compile_notices(model: keras.Model, study: StudySettings, task: Task, factors: Factors) -> Iterator[str]:
    """Sentences on the optimizer, metrics and settings with which build compiles the model of a configuration.

    Raises `StudyError` if the loss decides, and nothing in the user's files told that it is the model's own.
    """
    if not came_compiled(model):
        return
    _check_loss_is_expected(study, task)
    if model.optimizer is not None:
        optimizer = inner_of(model.optimizer)
        yield from _of_factor(optimizer, study) if "optimizer" in factors else _of_build(optimizer, factors)
    recorded = {*task.names, "loss"}
    others = [name for name in _reported(model) if _metric(name) not in recorded and name not in recorded]
    if named := [name for name in others if not name.endswith("_loss")]:
        yield f"build compiles the model with {listed(named)}, but only metrics that [metric] names are recorded"


def _reported(model: keras.Model) -> Collection[str]:
    """The names of what a model reports; none before its metrics are built, as where `model.fit` trains it."""
    try:
        found: Mapping[str, object] = model.get_metrics_result()
    except ValueError:
        return ()
    return found


def _metric(name: str) -> str:
    """The name of a metric in a study: "mae" of Keras' "mean_absolute_error"."""
    try:
        found = find_metric(name)
    except ValueError:
        return name
    return found.name if found else name


def _check_loss_is_expected(study: StudySettings, task: Task) -> None:
    if task.decides == LOSS and study.training.loss is None and not may_compile(study.model, base=study.base):
        raise StudyError(
            f"model: build returns a compiled model, but no line of {study.model.file} or of the files beside it "
            "compiles one, so the score of guessing is that of another loss\n  compile the model in build"
        )


def _of_factor(optimizer: keras.optimizers.Optimizer, study: StudySettings) -> Iterator[str]:
    """Where a factor names the optimizer, that of build trains nothing."""
    dimension, named = study.space.dimensions.get("optimizer"), str(study.baseline["optimizer"])
    levels = dimension.options if isinstance(dimension, Choice) else (named,)
    if len(levels) > 1 or _config(optimizer) != _config(OPTIMIZERS[named]()):
        decided = ", ".join(map(str, levels))
        yield f"build compiles the model with {_named(optimizer)}, but the study's factor optimizer decides: {decided}"


def _of_build(optimizer: keras.optimizers.Optimizer, factors: Factors) -> Iterator[str]:
    rate = f"{float(optimizer.get_config()['learning_rate']):.4g}"
    yield (
        f"the model trains with {_named(optimizer)}, as build compiles it, but at the study's learning rates, "
        f"not at {rate}"
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
