"""The two sides of a description, reference and variant, and how a value over their seeds is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from ablate.report.inputs import Inputs
from ablate.report.numbers import NONE, number

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Side:
    """A side's name, and its trials by seed."""

    name: str
    trials: Sequence[str]

    def of(self, by_trial: Mapping[str, T]) -> list[T]:
        """What is kept of its trials."""
        return [by_trial[trial] for trial in self.trials if trial in by_trial]


@dataclass(frozen=True, slots=True)
class Spread:
    """The mean over the seeds, and the range from the lowest to the highest; NaN where no seed has a value."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: ArrayLike) -> "Spread":
        """Of the values of each seed; NaN are left out."""
        known = np.asarray(values, dtype=float)
        known = known[np.isfinite(known)]
        if not known.size:
            return cls(np.nan, np.nan, np.nan)
        return cls(float(known.mean()), float(known.min()), float(known.max()))

    def text(self, decimals: int, *, scale: float = 1.0) -> str:
        """ "83.1 [80.2, 85.9]", without a range if there is none; a dash without a value."""
        mean, low, high = (number(value * scale, decimals) for value in (self.mean, self.low, self.high))
        return NONE if mean == NONE else mean if low == high else f"{mean} [{low}, {high}]"


def class_name(at: int, inputs: Inputs) -> str:
    """The name of a class or tag, or its number."""
    names = inputs.task.names or ()
    return str(names[at]) if at < len(names) else str(at)
