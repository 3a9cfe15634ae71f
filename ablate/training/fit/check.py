"""Check, before anything trains, that `model.fit` can train a configuration, and that nothing asked for is lost."""

from dataclasses import replace

import numpy as np

from ablate.errors import StudyError, explained
from ablate.study.trial import Factors
from ablate.training.engine.backend import TrialError
from ablate.training.engine.context import TrainingContext
from ablate.training.engine.scaling import is_weighted
from ablate.training.engine.settings import mc_samples_of, target_scaling_of
from ablate.training.fit.feeding import in_batches
from ablate.training.fit.fitted import check_loss, fitted_model, users_callbacks
from ablate.training.fit.rates import Ramp, check_optimizer

_STEPS = 8  # of the trial run


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
    users_callbacks(context, factors, 0)
    order = in_batches(split.train, fitted.batch_size)[:_STEPS]
    ramp = Ramp(np.full(len(order), 1e-6, np.float32))
    what = f"model: training it by model.fit, since {why}, fails on the first batches"
    batches = fitted.feeding.dataset(lambda: order, part="train")
    try:
        explained(lambda: fitted.model.fit(batches, epochs=1, callbacks=[ramp], shuffle=False, verbose=0), what)
        check_optimizer(fitted.model)
    except TrialError as broken:
        raise StudyError(f"model: {broken.reason}") from broken
    scored = explained(lambda: fitted.evaluated(short.validation), "model: evaluating it by model.evaluate fails")
    check_loss(scored)
    return f"trained by model.fit: {why}"


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
            f"data.weights: weigh the places of targets in compiled programs only, but {by}\n  leave it out"
        )
    if mc_samples_of(study, factors):
        raise StudyError(f"mc_samples: needs a compiled program, but {by}\n  set mc_samples to 0")
    if target_scaling_of(study) != "none":
        raise StudyError(
            f"data.target_scaling: the metrics that a model itself reports would be of scaled numbers, and {by}\n"
            '  set data.target_scaling = "none"'
        )
