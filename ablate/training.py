"""A spec into a trained outcome: early stopping, divergence, best weights, test scores.

A trial is a pure function of its spec and the study's settings: the same spec gives the same numbers in this process,
in a worker, or after a crash. Nothing here knows of Optuna, MLflow or processes.
"""

import math
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from ablate import seeds
from ablate.clock import Clock
from ablate.datasets import Split
from ablate.engine.batches import epoch_batches, evaluation_chunks
from ablate.engine.program import State
from ablate.engine.workbench import Start, Workbench
from ablate.levels import parse_rate
from ablate.models import advice
from ablate.rate_finder import RateFinder
from ablate.records import Epoch, Outcome, RateTest, TrialSpec

OnEpoch: TypeAlias = Callable[[Epoch], bool]  # False: stop this trial


def keep_going(_: Epoch) -> bool:
    """An `OnEpoch` that never stops a trial."""
    return True


def run_trial(spec: TrialSpec, bench: Workbench, finder: RateFinder, on_epoch: OnEpoch = keep_going) -> Outcome:
    """Train one spec to its end. Whatever goes wrong inside becomes the outcome's state and reason."""
    clock = Clock()
    try:
        outcome = _run(spec, bench, finder, on_epoch, clock)
    except tf.errors.ResourceExhaustedError as err:
        outcome = Outcome(spec.trial, "out_of_memory", reason=str(err)[:500], traceback=traceback.format_exc())
    except Exception as err:
        reason = f"{type(err).__name__}: {err}"[:500]
        outcome = Outcome(spec.trial, "failed", reason=reason, traceback=traceback.format_exc())
    return replace(outcome, seconds=clock.total(), timings=dict(clock.seconds))


def _run(spec: TrialSpec, bench: Workbench, finder: RateFinder, on_epoch: OnEpoch, clock: Clock) -> Outcome:
    rate, rate_test = _learning_rate(spec, finder, clock)
    with clock.on("data"):
        split = bench.split(spec.seed)
    start = bench.start(spec.factors, spec.seed, clock)
    best, outcome = None, Outcome(spec.trial, "finished")
    for step in _epochs(spec, bench, start, split, rate, clock):
        if isinstance(step, _Diverged):
            outcome = replace(outcome, state="diverged", reason=step.reason, epochs=step.epoch)
            break
        outcome, best = _after(outcome, best, step, monitor=bench.study.training.monitor)
        if not on_epoch(step.epoch):
            outcome = replace(outcome, state="pruned", reason=f"stopped after epoch {step.epoch.epoch}")
            break
        if _out_of_patience(outcome, bench.study.training.patience):
            break
    if spec.test and outcome.state == "finished" and best is not None:
        outcome = _tested(outcome, bench, start, best, split, clock)
    notes = advice(spec.factors)
    if rate_test is not None and rate_test.verdict == "undetermined":
        notes = (*notes, f"the range test is undetermined ({rate_test.reason}): the fallback rate was used")
    facts = replace(outcome, learning_rate=rate, parameters=start.parameters, data=split.fingerprint)
    return replace(facts, notes=notes, rate_test=rate_test)


@dataclass(frozen=True, slots=True)
class _Trained:
    epoch: Epoch
    state: State


@dataclass(frozen=True, slots=True)
class _Diverged:
    epoch: int
    reason: str


def _learning_rate(spec: TrialSpec, finder: RateFinder, clock: Clock) -> tuple[float, RateTest | None]:
    asked = parse_rate(spec.factors["learning_rate"])
    if asked.value is not None:
        return asked.value, None
    found = finder.find(spec.rate_factors or spec.factors, clock)
    return found.suggestion * asked.multiplier, found


def _epochs(
    spec: TrialSpec, bench: Workbench, start: Start, split: Split, rate: float, clock: Clock
) -> Iterator[_Trained | _Diverged]:
    """Train epoch after epoch; a divergence is the last item."""
    program, state, inputs = start.program, start.state, bench.train_inputs(split)
    rng = np.random.default_rng(seeds.stream(bench.study.seed, spec.seed, "order"))
    validation, n_validation = evaluation_chunks(split.validation), len(split.validation)
    for number in range(1, bench.study.training.epochs + 1):
        began = time.perf_counter()
        with clock.on("train"):
            state, passed = _train_epoch(bench, start, state, rng.permutation(split.train), split, rate)
        if passed.reason:
            yield _Diverged(number, f"{passed.reason} in epoch {number}")
            return
        with clock.on("evaluate"):
            loss, accuracy = program.evaluate(state, inputs, order=validation, n=n_validation)
        if not math.isfinite(loss):
            yield _Diverged(number, f"the validation loss is not a finite number in epoch {number}")
            return
        seconds = time.perf_counter() - began
        yield _Trained(Epoch(spec.trial, number, passed.loss, passed.accuracy, loss, accuracy, rate, seconds), state)


@dataclass(frozen=True, slots=True)
class _Pass:
    loss: float  # mean over the examples seen
    accuracy: float
    reason: str = ""  # why the pass ended early


def _train_epoch(
    bench: Workbench, start: Start, state: State, permutation: np.ndarray, split: Split, rate: float
) -> tuple[State, _Pass]:
    settings, inputs = bench.study.training, bench.train_inputs(split)
    loss, correct, seen = 0.0, 0, 0
    for order, n_steps in epoch_batches(permutation, settings.batch_size, min_rows=len(bench.ramp)):
        rates = np.full(len(order), rate, np.float32)
        steps = start.program.train(
            state, inputs, order=order, rates=rates, n_steps=n_steps, max_loss=settings.max_loss
        )
        state, correct, seen = steps.state, correct + steps.correct, seen + steps.seen
        loss += float(steps.losses.sum(dtype=np.float64)) * order.shape[1]
        last = float(steps.losses[-1])
        if not last <= settings.max_loss:
            what = f"rose to {last:.3g}, above {settings.max_loss:g}," if math.isfinite(last) else "is not finite"
            return state, _Pass(loss / seen, correct / seen, f"the training loss {what} at step {steps.done}")
    return state, _Pass(loss / seen, correct / seen)


def _tested(outcome: Outcome, bench: Workbench, start: Start, best: State, split: Split, clock: Clock) -> Outcome:
    """The outcome with the test set's verdict on the best weights: the one place where the test set is read."""
    inputs, n = bench.test_inputs(split), len(bench.data.y_test)
    order = evaluation_chunks(np.arange(n, dtype=np.int32))
    with clock.on("compile"):
        start.program.evaluate(best, inputs, order=order, n=0)
    with clock.on("evaluate"):
        loss, accuracy = start.program.evaluate(best, inputs, order=order, n=n)
    return replace(outcome, test_loss=loss, test_accuracy=accuracy)


def _after(outcome: Outcome, best: State | None, step: _Trained, *, monitor: str) -> tuple[Outcome, State | None]:
    """The outcome and best weights with one more epoch: a better score, strictly, takes both over."""
    epoch = step.epoch
    score = epoch.val_accuracy if monitor == "val_accuracy" else -epoch.val_loss
    if outcome.score is not None and score <= outcome.score:
        return replace(outcome, epochs=epoch.epoch), best
    better = replace(outcome, epochs=epoch.epoch, score=score, best_epoch=epoch.epoch)
    return replace(better, val_accuracy=epoch.val_accuracy, val_loss=epoch.val_loss), step.state


def _out_of_patience(outcome: Outcome, patience: int) -> bool:
    return bool(patience) and outcome.best_epoch is not None and outcome.epochs - outcome.best_epoch >= patience
