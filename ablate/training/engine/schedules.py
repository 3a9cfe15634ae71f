"""Compute the learning rates of an epoch's steps for a named schedule, as multiples of the trial's peak rate.

Keras' own schedules are used if they exist. Their lengths are fractions of the trial's epochs, so that a shorter
budget has the same shape: a trial's number of epochs is set at its start, even if early stopping ends it sooner.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ablate.data.array import Floats64
from ablate.study.settings import Schedule

_MIN_DELTA = 1e-4  # minimum improvement of the loss: ReduceLROnPlateau's default
K = keras.optimizers.schedules


@dataclass(frozen=True, slots=True)
class SchedulePosition:
    """The position of a trial when it requests the rates of its next epoch."""

    epoch: int  # from 0
    epochs: int  # maximum number of epochs
    steps: int  # steps per epoch
    val_losses: Sequence[float]  # losses of its epochs so far


def rates(name: str, shape: Schedule, moment: SchedulePosition) -> Floats64:
    """The rate of each step of the next epoch relative to the peak rate, shape (steps,)."""
    if name == "constant":
        return np.ones(moment.steps)
    if name == "plateau":
        return np.full(moment.steps, _on_plateau(shape, moment.val_losses))
    steps = moment.epoch * moment.steps + np.arange(moment.steps)
    if name == "1cycle":
        return one_cycle(steps, moment.epochs * moment.steps, start=shape.cycle_start, end=shape.cycle_end)
    made = _OF_KERAS[name](shape, moment)
    return np.asarray(keras.ops.convert_to_numpy(made(steps.astype(np.float32))), np.float64)


def one_cycle(steps: NDArray[np.int_], total: int, *, start: float, end: float) -> Floats64:
    """The 1cycle policy of Smith (2018, arXiv 1803.09820): up to 1 and back in equal parts, then far down.

    From `start` to the peak and back takes nine tenths of `total` steps, the fall from there to `end` the last tenth.
    """
    last = max(1, total // 10)
    half = max(1, (total - last) // 2)
    found: Floats64 = np.interp(steps, [0, half, 2 * half, max(total - 1, 2 * half + 1)], [start, 1.0, start, end])
    return found


def _power(shape: Schedule, moment: SchedulePosition) -> Any:  # Any: Keras has no types
    return K.InverseTimeDecay(1.0, decay_steps=shape.power * moment.epochs * moment.steps, decay_rate=1.0)


def _exponential(shape: Schedule, moment: SchedulePosition, *, by_epoch: bool) -> Any:
    if by_epoch:
        a_step = 0.1 ** (1 / (shape.exponential * moment.epochs))
        return K.ExponentialDecay(1.0, decay_steps=moment.steps, decay_rate=a_step, staircase=True)
    return K.ExponentialDecay(1.0, decay_steps=shape.exponential * moment.epochs * moment.steps, decay_rate=0.1)


def _piecewise(shape: Schedule, moment: SchedulePosition) -> Any:
    # Keras changes the rate after a boundary's step; here the first step of an epoch already has the new rate.
    ends = [round(share * moment.epochs) * moment.steps - 1 for share in shape.boundaries]
    return K.PiecewiseConstantDecay([float(end) for end in ends], [float(value) for value in shape.values])


def _cosine(shape: Schedule, moment: SchedulePosition) -> Any:
    return K.CosineDecay(1.0, decay_steps=moment.epochs * moment.steps, alpha=shape.cosine_end)


_OF_KERAS: Mapping[str, Callable[[Schedule, SchedulePosition], Any]] = {
    "power": _power,
    "exponential": lambda shape, moment: _exponential(shape, moment, by_epoch=True),
    "exponential_batch": lambda shape, moment: _exponential(shape, moment, by_epoch=False),
    "piecewise": _piecewise,
    "cosine": _cosine,
}


def _on_plateau(shape: Schedule, val_losses: Sequence[float]) -> float:
    """What `keras.callbacks.ReduceLROnPlateau` makes of a rate of 1 after these losses, without a cooldown."""
    rate, best, waited = 1.0, np.inf, 0
    for loss in val_losses:
        if loss < best - _MIN_DELTA:
            best, waited = loss, 0
            continue
        waited += 1
        if waited >= shape.plateau_patience:
            rate, waited = rate * shape.plateau_factor, 0
    return rate
