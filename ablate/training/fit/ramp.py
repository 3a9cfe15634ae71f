"""Run the ramps of a learning-rate range test by `model.fit`, whose rate a callback raises from batch to batch."""

from collections.abc import Sequence

import numpy as np

from ablate.clock import Clock
from ablate.data import Split
from ablate.data.array import Floats32, Integers
from ablate.study.trial import Factors
from ablate.training.engine.context import TrainingContext
from ablate.training.fit.fitted import fitted_model
from ablate.training.fit.rates import Ramp, check_optimizer


def ramp_losses(
    context: TrainingContext,
    factors: Factors,
    split: Split,
    replicate: int,
    clock: Clock,
    *,
    rates: Floats32,
    order: Sequence[Integers],
) -> Floats32:
    """The loss of each batch of `order` along the rates; shorter if a loss is not finite.

    The network has the weights and streams of `replicate` and sees examples of `split`. Callbacks of the user's are
    left out: their effects would not end with the test.
    """
    with clock.on("build"):
        fitted = fitted_model(context, factors, replicate, split=split)
    ramp = Ramp(rates)
    batches = fitted.feeding.dataset(lambda: order[: len(rates)], part="train")
    fitted.model.fit(batches, epochs=1, callbacks=[ramp], shuffle=False, verbose=0)
    check_optimizer(fitted.model)
    return np.asarray(ramp.losses, np.float32)
