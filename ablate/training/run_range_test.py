"""Run the learning-rate range test of a configuration in a replicate once, and cache it by a digest of its inputs.

Each replicate has a test of its own, on its own training examples. If a rate were found once for all seeds of a
variant, the luck of that test would look like an effect of the variant, outside of any interval: of ten copies of a
network, seven were reported to "help" (`tests/benchmarks/does_nothing_help.py`).

The test cannot have side effects: it is the compiled training program, started from weights and streams of its own,
with a ramp as the learning rates.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from ablate.clock import Clock
from ablate.data import Split
from ablate.data.array import Floats32
from ablate.storage.files.kept import keep, load_kept
from ablate.study import seeds
from ablate.study.catalog import factors_of_range_test, ramp_factors
from ablate.study.trial import Factors, RateTest
from ablate.training.engine.backend import contained
from ablate.training.engine.batches import Indices, ramp_batches
from ablate.training.engine.context import TrainingContext
from ablate.training.engine.head import PretrainedWeights
from ablate.training.engine.settings import batch_size_of, scaling_of, target_scaling_of
from ablate.training.ramp_plan import RampPlan, plan_ramps, trial_steps
from ablate.training.range_test import average_curves, read_curve, steps_to_run
from ablate.training.trial_error import TrialError

MOST_HELD = 64  # tests in memory: modes and multiples of a configuration and a seed follow each other closely
_KIND = TypeAdapter(RateTest)


class RateFinder:
    """Finds learning rates in a training context; `cache` is a folder of JSON files for other processes, or None.

    `found` are the tests held in memory, by key; finders of one process share them.
    """

    def __init__(
        self, context: TrainingContext, *, cache: Path | None, found: dict[str, RateTest] | None = None
    ) -> None:
        self._context, self._cache = context, cache
        self._found = {} if found is None else found

    def find(self, factors: Factors, clock: Clock, *, replicate: int, size: int = 1) -> RateTest:
        """The range test of a configuration in a replicate; its learning rate does not matter.

        It runs on the configuration's own examples: the rate of a trial may be that of another configuration.
        """
        if (there := self._context.at(factors)) is not self._context:
            finder = RateFinder(there, cache=self._cache, found=self._found)
            return finder.find(factors, clock, replicate=replicate, size=size)
        while True:
            try:
                return contained(
                    lambda: self._find(factors_of_range_test(factors), clock, replicate=replicate, size=size)
                )
            except TrialError as broken:
                if size > 1:
                    raise
                self._context.shrink_batches(factors, broken)

    def key(self, factors: Factors, *, replicate: int, parts: int = 1) -> str:
        """A digest of everything that decides the numbers of the test.

        The key of a test with micro-batches ends with their number, so that no other study reuses it.
        """
        study = self._context.study
        depends_on = {
            "factors": ramp_factors(factors, model=study.model.name),
            "model": study.model.ingredients(),
            "data": [self._context.split(replicate, factors).fingerprint, scaling_of(study, factors), replicate],
            "training": [batch_size_of(study, factors), study.training.precision, study.seed],
            "loss": [study.training.loss, target_scaling_of(study), study.data.weights],
            "before": self._context.before(factors, replicate=replicate),
            "test": {**asdict(self._plan(factors, replicate)), "fallback": study.lr_test.fallback},
            "conditions": self._context.conditions.digest(),
        }
        digest = hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()[:16]
        return digest if parts == 1 else f"{digest}-{parts}-parts"

    def _find(self, factors: Factors, clock: Clock, *, replicate: int, size: int) -> RateTest:
        taken = self._context.taken(
            factors, replicate, clock
        )  # by the trial itself: a separate network for each curve costs more
        parts = max(self._context.pieces(factors).parts if size == 1 else 1, taken.parts if taken else 1)
        key = self.key(factors, replicate=replicate, parts=parts)
        if key not in self._found:
            while len(self._found) >= MOST_HELD:
                del self._found[next(iter(self._found))]
            found = self._load(key) or self._save(
                self._run(factors, key, clock, replicate=replicate, size=size, taken=taken)
            )
            self._found[key] = found
        return self._found[key]

    def _run(
        self, factors: Factors, key: str, clock: Clock, *, replicate: int, size: int, taken: PretrainedWeights | None
    ) -> RateTest:
        plan, split = self._plan(factors, replicate), self._context.split(replicate, factors)
        replicates = seeds.range_test(replicate, plan.seeds)
        ramp, curves = plan.rates(), list[Floats32]()
        with clock.on("lr_test"):
            for first in range(0, len(replicates), size):
                some = replicates[first : first + size]
                curves += self._curves(factors, split, some, clock, ramp=ramp, size=size, taken=taken)
                ramp = ramp[: min(steps_to_run(curve) for curve in curves)]
            losses, ramp = average_curves(curves), plan.rates().astype(float)
            reading = read_curve(ramp, losses, fallback=self._context.study.lr_test.fallback, lag=plan.lag())
        return RateTest(
            key=key,
            rates=tuple(float(f"{rate:.6g}") for rate in ramp[: len(losses)]),  # a study stores a test per trial
            losses=tuple(float(f"{loss:.5g}") for loss in losses),
            rules=dict(reading.rules),
            suggestion=reading.suggestion,
            verdict=reading.verdict,
            reason=reading.reason,
            seconds=clock.seconds["lr_test"],
        )

    def _curves(
        self,
        factors: Factors,
        split: Split,
        replicates: Sequence[int],
        clock: Clock,
        *,
        ramp: Floats32,
        size: int,
        taken: PretrainedWeights | None = None,
    ) -> Sequence[Floats32]:
        """The loss of each batch along the ramp, one curve per replicate; at most `size` of them."""
        context, n_steps = self._context, len(ramp)
        if context.why_fit(factors):
            return [self._fitted_curve(factors, split, replicate, clock, ramp=ramp) for replicate in replicates]
        starts = [context.start(factors, replicate, clock, size=size, taken=taken) for replicate in replicates]
        batch = batch_size_of(context.study, factors)
        orders = [self._order(split, replicate, batch=batch) for replicate in replicates]
        rates = np.zeros(len(orders[0]), np.float32)
        rates[:n_steps] = ramp
        used = np.arange(size) < len(replicates)
        program = starts[0].program
        steps = program.train(
            program.stacked([start.state for start in starts]),
            context.examples,
            context.scaling([split] * size),
            order=np.stack([*orders, *orders[:1] * (size - len(orders))], axis=1),
            rates=np.tile(rates[:, None], (1, size)),
            n_steps=np.where(used, n_steps, 0).astype(np.int32),
            max_loss=np.inf,
        )
        return steps.losses[: len(replicates)]

    def _fitted_curve(
        self, factors: Factors, split: Split, replicate: int, clock: Clock, *, ramp: Floats32
    ) -> Floats32:
        """The curve of a replicate whose model is trained by `model.fit`."""
        from ablate.training.fit.ramp import ramp_losses  # most studies need none

        order = self._order(split, replicate, batch=batch_size_of(self._context.study, factors))
        return ramp_losses(self._context, factors, split, replicate, clock, rates=ramp, order=list(order))

    def _order(self, split: Split, replicate: int, *, batch: int) -> Indices:
        study = self._context.study
        rng = np.random.default_rng(seeds.stream(study.seed, replicate, "order"))
        return ramp_batches(split.train, min_rows=len(self._context.ramp), batch=batch, rng=rng)

    def _plan(self, factors: Factors, replicate: int) -> RampPlan:
        study, n_train = self._context.study, len(self._context.split(replicate, factors).train)
        return plan_ramps(study.lr_test, trial_steps=trial_steps(study, factors, n_train=n_train))

    def _load(self, key: str) -> RateTest | None:
        test = load_kept(self._cache / f"{key}.json", _KIND) if self._cache else None
        return test if test is not None and _is_whole(test, key) else None

    def _save(self, test: RateTest) -> RateTest:
        if self._cache:
            keep(self._cache / f"{test.key}.json", json.dumps(asdict(test)))
        return test


def _is_whole(test: RateTest, key: str) -> bool:
    """Whether it is the test of this key, with a rate that can be used in training."""
    usable = math.isfinite(test.suggestion) and test.suggestion > 0
    return test.key == key and len(test.rates) == len(test.losses) and usable
