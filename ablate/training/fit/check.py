"""Check, before anything trains, that `model.fit` can train a configuration, and that nothing asked for is lost."""

import inspect
from collections.abc import Collection, Sequence
from dataclasses import replace

import keras
import numpy as np

from ablate.data.array import Integers
from ablate.errors import StudyError, explained
from ablate.models.own_training import own_methods
from ablate.study.trial import Factors
from ablate.training.engine.context import TrainingContext
from ablate.training.engine.scaling import is_weighted
from ablate.training.engine.settings import mc_samples_of, target_scaling_of
from ablate.training.fit.feeding import in_batches
from ablate.training.fit.fitted import FittedModel, check_loss, fitted_model, users_callbacks
from ablate.training.fit.rates import Ramp, check_optimizer
from ablate.training.trial_error import TrialError

# What Keras passes to the steps of a model; on JAX it holds the model's state and gets it back.
_GIVEN = {"jax": ("state", "data"), "tensorflow": ("data",)}
_STEPS = 64  # of the trial run: gradients may be accumulated over several
_RATE = 1e-6


def check_fitted(context: TrainingContext) -> tuple[str, ...]:
    """Check each kind of model that `model.fit` trains in a study whose models were checked; what to say of them."""
    return tuple(check_fit(context, dict(factors)) for factors in context.fitted.values())


def check_fit(context: TrainingContext, factors: Factors) -> str:
    """Train and validate a few batches of a configuration as a study will; returns what to say of it.

    Raises `StudyError` if that fails, or if the study asks for what only compiled programs do.
    """
    context = context.at(factors)
    study, why = context.study, context.why_fit(factors)
    _check_study(context, factors, why=why)
    split = context.split(0, factors)
    short = replace(split, validation=split.validation[: 2 * study.training.batch_size])
    fitted = fitted_model(context, factors, 0, split=short)
    _check_steps(fitted.model, file=study.model.file)
    users = users_callbacks(context, factors, 0)
    order = in_batches(split.train, fitted.batch_size)[:_STEPS]
    seen = _trained(fitted, order, why=why)
    own = explained(lambda: fitted.own_report(short.validation), "model: evaluating it by model.evaluate fails")
    check_loss(own)
    _check_monitors(users, {*seen, *(f"val_{name}" for name in own)}, file=study.model.file)
    explained(lambda: fitted.completed(own, short.validation), "model: predicting with it by model.predict fails")
    return f"trained by model.fit: {why}"


def _check_steps(model: keras.Model, *, file: str) -> None:
    """Raise `StudyError` if a step of the user's is written for another backend."""
    here = keras.backend.backend()
    for name in own_methods(model):
        if name.endswith("_step") and not _takes(model, name, _GIVEN[here]):
            other = next((backend for backend, given in _GIVEN.items() if _takes(model, name, given)), "")
            way = f'set training.backend = "{other}", or ' if other else ""
            raise StudyError(
                f"model: {file} overrides {name}, to which Keras passes {' and '.join(_GIVEN[here])} on {here}\n"
                f"  {way}write {name}(self, {', '.join(_GIVEN[here])})"
            )


def _takes(model: keras.Model, name: str, given: Sequence[str]) -> bool:
    """Whether a method of a model can be called with that many arguments."""
    try:
        inspect.signature(getattr(model, name)).bind(*given)
    except TypeError:
        return False
    return True


def _trained(fitted: FittedModel, order: Sequence[Integers], *, why: str) -> Collection[str]:
    """Train on a few batches; the names of what the model reports."""
    ramp = Ramp(np.full(len(order), _RATE, np.float32))
    means = fitted.means("train", n=sum(map(len, order)))
    batches = fitted.feeding.dataset(lambda: order, part="train")
    what = f"model: training it by model.fit, since {why}, fails on the first batches"
    try:
        explained(lambda: fitted.model.fit(batches, epochs=1, callbacks=[means, ramp], shuffle=False, verbose=0), what)
        if not ramp.losses:
            raise StudyError("model: its own fit passes no callbacks on, so nothing sees its epochs\n  pass them on")
        check_optimizer(fitted.model)
    except TrialError as broken:
        raise StudyError(f"model: {broken.reason}") from broken
    return means.names()


def _check_monitors(users: Sequence[keras.callbacks.Callback], names: Collection[str], *, file: str) -> None:
    """Raise `StudyError` if a callback of the user's waits for something that the model does not report."""
    for callback in users:
        monitor = getattr(callback, "monitor", None)
        if isinstance(monitor, str) and monitor not in names:
            kind = type(callback).__name__
            raise StudyError(
                f"model.name: {file}:callbacks returns {kind}, which monitors {monitor}, but the model reports "
                f"{', '.join(sorted(names))}\n  compile the model with that metric, or monitor another"
            )


def _check_study(context: TrainingContext, factors: Factors, *, why: str) -> None:
    """Raise `StudyError` for what only a compiled program does."""
    study = context.study
    by = f"this model is trained by model.fit, since {why}"
    if study.transfer is not None:
        raise StudyError(f"transfer: needs a model that a compiled program trains, but {by}\n  leave [transfer] out")
    if study.inspect.layers:
        raise StudyError(f"inspect.layers: looks into compiled programs, but {by}\n  leave inspect.layers out")
    if is_weighted(study, context.data) and any(target.is_dense for target in context.data.targets.values()):
        raise StudyError(
            f"data.weights: masks and series are weighed in compiled programs only, but {by}\n  leave weights out"
        )
    if mc_samples_of(study, factors):
        raise StudyError(f"mc_samples: needs a compiled program, but {by}\n  set mc_samples to 0")
    if target_scaling_of(study) != "none":
        raise StudyError(
            f"data.target_scaling: the metrics that a model itself reports would be of scaled numbers, and {by}\n"
            '  set data.target_scaling = "none"'
        )
