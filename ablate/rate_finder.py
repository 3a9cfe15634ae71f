"""A configuration into its learning-rate range test, run once and kept under a digest of all that it depends on.

The test has no side effects because it cannot have any: it is the compiled training program, started from weights
and streams of its own, with a ramp as the learning rates.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np

import ablate
from ablate import seeds
from ablate.clock import Clock
from ablate.engine.batches import ramp_batches
from ablate.engine.program import Curve
from ablate.engine.workbench import Workbench
from ablate.files import write_aside
from ablate.lr_finder import average_curves, read_curve
from ablate.records import Factors, RateTest
from ablate.registry import code_digest


class RateFinder:
    """Finds rates on a workbench; `cache` is a folder of JSON files that outlives the process, or None."""

    def __init__(self, bench: Workbench, *, cache: Path | None) -> None:
        self._bench, self._cache = bench, cache
        self._code = code_digest(bench.study.model.name, base=Path(bench.study.base))
        self._found: dict[str, RateTest] = {}

    def find(self, factors: Factors, clock: Clock) -> RateTest:
        """The range test of a configuration; its learning rate does not matter."""
        key = self.key(factors)
        if key not in self._found:
            self._found[key] = self._load(key) or self._save(self._run(factors, key, clock))
        return self._found[key]

    def key(self, factors: Factors) -> str:
        """A digest of all that decides the numbers of the test."""
        study = self._bench.study
        depends_on = {
            "factors": {name: level for name, level in sorted(factors.items()) if name != "learning_rate"},
            "model": [study.model.name, sorted(study.model.options.items()), self._code],
            "data": [self._bench.split(seeds.SEARCH_REPLICATE).fingerprint, study.data.scaling],
            "training": [study.training.batch_size, study.seed],
            "test": study.lr_test.model_dump(),
            "versions": [ablate.__version__, keras.__version__],
        }
        return hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()[:16]

    def _run(self, factors: Factors, key: str, clock: Clock) -> RateTest:
        settings = self._bench.study.lr_test
        with clock.on("lr_test"):
            curves = [self._curve(factors, seeds.LR_TEST_REPLICATE + i, clock) for i in range(settings.seeds)]
            losses = average_curves(curves)
            ramp = self._bench.ramp.astype(float)
            reading = read_curve(ramp, losses, fallback=settings.fallback)
        return RateTest(
            key=key,
            rates=tuple(float(rate) for rate in ramp[: len(losses)]),
            losses=tuple(float(loss) for loss in losses),
            rules=dict(reading.rules),
            suggestion=reading.suggestion,
            verdict=reading.verdict,
            reason=reading.reason,
            seconds=clock.seconds["lr_test"],
        )

    def _curve(self, factors: Factors, replicate: int, clock: Clock) -> Curve:
        bench, n_steps = self._bench, len(self._bench.ramp)
        split, start = bench.split(seeds.SEARCH_REPLICATE), bench.start(factors, replicate, clock)
        rng = np.random.default_rng(seeds.stream(bench.study.seed, replicate, "order"))
        order = ramp_batches(split.train, bench.study.training.batch_size, n_steps=n_steps, rng=rng)
        rates = np.zeros(len(order), np.float32)
        rates[:n_steps] = bench.ramp
        inputs = bench.train_inputs(split)
        return start.program.train(
            start.state, inputs, order=order, rates=rates, n_steps=n_steps, max_loss=np.inf
        ).losses

    def _load(self, key: str) -> RateTest | None:
        path = self._cache / f"{key}.json" if self._cache else None
        if path is None or not path.exists():
            return None
        return RateTest.from_json(json.loads(path.read_text()))

    def _save(self, test: RateTest) -> RateTest:
        if self._cache:
            write_aside(self._cache / f"{test.key}.json", json.dumps(asdict(test)))
        return test
