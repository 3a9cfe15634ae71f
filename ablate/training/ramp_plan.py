"""Plan the learning-rate range tests of a study: as many steps as they are worth beside a trial's own."""

import math
from dataclasses import dataclass

import numpy as np

from ablate.data.array import Floats32
from ablate.study.rate import is_found
from ablate.study.settings import LrTest, StudySettings
from ablate.study.trial import Factors
from ablate.training.engine.settings import batch_size_of
from ablate.training.range_test import ramp

USUAL_PER_DECADE, USUAL_SEEDS = 25, 3
# Rates of a curve of 5 steps per decade lose over 3 points of accuracy in one test of 20, of 7 in one of 80. With a
# single curve of 8, a network of 20 layers lost 2 points on 180 images, with two 1.
LEAST_PER_DECADE, LEAST_SEEDS = 8, 2


@dataclass(frozen=True, slots=True)
class RampPlan:
    """The ramps of a range test: one for each seed, whose curves are averaged."""

    low: float
    high: float
    steps_per_decade: int
    seeds: int

    def rates(self) -> Floats32:
        """The learning rate of each step of a ramp."""
        return ramp(self.low, self.high, steps_per_decade=self.steps_per_decade).astype(np.float32)

    def lag(self) -> float:
        """What the rates found on a coarse ramp are multiplied by.

        With fewer steps per decade a network has trained less when it comes to a rate, so its loss falls later: by the
        inverse ratio of the steps if only their sum counted, not at all where rates are limited by stability.
        """
        return min(1.0, math.cbrt(self.steps_per_decade / USUAL_PER_DECADE))

    def n_steps(self) -> int:
        """Training steps of the whole test."""
        return self.seeds * len(self.rates())


def plan_ramps(test: LrTest, *, trial_steps: float = math.inf) -> RampPlan:
    """The ramps of tests for trials of `trial_steps` training steps.

    What the study states, holds. The rest is reduced until a test takes `test.share` of the trial's steps: first the
    points of each ramp, then the seeds, since the mean of two coarse curves is more reliable than one fine curve. The
    shortest test has `LEAST_SEEDS` ramps of `LEAST_PER_DECADE`, even if it takes more.
    """
    most = test.share * trial_steps
    options = [
        RampPlan(test.low, test.high, per_decade, seeds)
        for seeds in _options(test.seeds, most=USUAL_SEEDS, least=LEAST_SEEDS)
        for per_decade in _options(test.steps_per_decade, most=USUAL_PER_DECADE, least=LEAST_PER_DECADE)
    ]
    return next((plan for plan in options if plan.n_steps() <= most), options[-1])


def trial_steps(study: StudySettings, factors: Factors, *, n_train: int) -> int:
    """Training steps of a trial with `n_train` examples, without early stopping.

    A smaller `budget` does not count: trials that differ in nothing else share a test.
    """
    return math.ceil(n_train / min(batch_size_of(study, factors), n_train)) * study.training.epochs


def cost_said(study: StudySettings, *, n_train: int) -> str:
    """What a range test of the baseline costs, if it had to be reduced or takes more than its share; else ""."""
    if not _is_tested(study):
        return ""
    own = trial_steps(study, study.baseline, n_train=n_train)
    plan, usual = plan_ramps(study.lr_test, trial_steps=own), plan_ramps(study.lr_test)
    if plan == usual and plan.n_steps() <= study.lr_test.share * own:
        return ""
    curves = f"{plan.seeds} curve{'s' if plan.seeds > 1 else ''} of {len(plan.rates())} steps"
    short = "" if plan == usual else f" instead of {usual.seeds} of {len(usual.rates())}, since trials are short"
    cost = f"a range test takes {plan.n_steps() / own:.0%} of a trial's {own:,} training steps: {curves}{short}"
    return f"{cost}; lr_test.seeds and lr_test.steps_per_decade set them"


def _options(stated: int | None, *, most: int, least: int) -> list[int]:
    return list(range(most, least - 1, -1)) if stated is None else [stated]


def _is_tested(study: StudySettings) -> bool:
    compares = bool(study.ablation.seeds) and set(study.ablation.learning_rate) != {"carry"}
    return is_found(study.baseline) or compares
