"""Advance a trial epoch by epoch: its rate, its order of examples, early stopping, divergence, best weights, outcome.

A trial is a pure function of its spec and the study's settings: the same spec gives the same numbers in this process,
in a worker, or after a crash. Nothing here knows of Optuna, MLflow or processes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar, final

import numpy as np

from ablate.clock import Clock
from ablate.data import Split
from ablate.data.array import Floats64, Integers
from ablate.models.build import advice
from ablate.study import seeds
from ablate.study.catalog import level_in
from ablate.study.rate import rate_of
from ablate.study.settings import Schedule, Training
from ablate.study.task import LOSS, Task
from ablate.study.trial import Epoch, Monitor, Outcome, RateTest, TrialSpec, counted, stopped
from ablate.training.engine.batches import Indices
from ablate.training.engine.context import TrainingContext
from ablate.training.engine.head import TrainingState
from ablate.training.engine.program import Steps
from ablate.training.engine.schedules import SchedulePosition, rates
from ablate.training.engine.settings import UnfreezeSchedule, training_of, unfreeze_schedule_of
from ablate.training.engine.start import ModelFacts, Start
from ablate.training.range_test import rate_for
from ablate.training.run_range_test import RateFinder
from ablate.training.trial_error import TrialError

S = TypeVar("S", bound=ModelFacts)


@final
@dataclass(slots=True)
class Trial(Generic[S]):
    """A trial in training, whichever way it trains: its state outside of the program or model."""

    spec: TrialSpec
    clock: Clock
    start: S
    split: Split
    settings: Training  # [training] as changed by its factors
    monitor: Monitor
    thaw: UnfreezeSchedule
    schedule: str
    rate: float  # peak of its schedule
    rate_test: RateTest | None
    scale: float  # of its loss, at least
    order: np.random.Generator  # generator of this trial's batch order
    outcome: Outcome
    best: TrainingState | None = None
    val_losses: list[float] = field(default_factory=list)  # validation losses of its epochs
    seconds: float = 0.0  # its share of the time of its stack
    limit: float | None = None  # a training batch's loss above it is divergence; None before the first batch

    def permutation(self) -> Indices:
        """The training examples in the order of the next epoch."""
        return self.order.permutation(self.split.train).astype(np.int32)

    def rates(self, shape: Schedule, *, steps: int) -> Floats64:
        """The learning rate of each of the `steps` of its next epoch."""
        moment = SchedulePosition(self.outcome.epochs, self.settings.epochs, steps, self.val_losses)
        lowered = self.thaw.rate if self.outcome.epochs >= self.thaw.after else 1.0
        return lowered * self.rate * rates(self.schedule, shape, moment)

    def take(self, epoch: Epoch) -> bool:
        """Count an epoch; whether it is the best epoch so far, with a strictly better score."""
        self.outcome = counted(self.outcome, epoch, monitor=self.monitor)
        self.val_losses.append(epoch.metrics["val_loss"])
        return self.outcome.best_epoch == epoch.epoch

    def start_at(self, loss: float) -> None:
        """Set the limit of its loss by that of its first batch."""
        self.limit = loss + self.settings.max_loss * max(abs(loss), self.scale)

    def diverge(self, reason: str) -> None:
        """End as diverged in the current epoch."""
        number = self.outcome.epochs + 1
        self.outcome = replace(self.outcome, state="diverged", reason=f"{reason} in epoch {number}", epochs=number)

    def prune(self) -> None:
        """End after the last epoch, as the plan decided."""
        self.outcome = stopped(self.outcome)

    def is_over(self) -> bool:
        """Whether it has ended, used all its epochs, or run out of patience."""
        outcome, settings = self.outcome, self.settings
        out_of_patience = (
            bool(settings.patience)
            and outcome.best_epoch is not None  # the pretrained layers must train, too
            and outcome.epochs - max(outcome.best_epoch, self.thaw.after) >= settings.patience
        )
        return outcome.state != "finished" or outcome.epochs >= settings.epochs or out_of_patience

    def epochs_begun(self) -> int:
        """Its epochs so far, including the current epoch unless it is over."""
        return self.outcome.epochs + (not self.is_over())

    def wants_test(self) -> bool:
        """Whether the best weights are scored on the test set; never before the preregistration."""
        return self.spec.may_test() and self.outcome.state == "finished" and self.outcome.best_epoch is not None

    def ended(self) -> Outcome:
        """The complete outcome."""
        notes = (*advice(self.spec.factors), *self.start.notes)
        if self.rate_test is not None and self.rate_test.verdict == "undetermined":
            notes = (*notes, "the learning-rate range test is undetermined, so the rate is a guess")
        return replace(
            self.outcome,
            learning_rate=self.rate,
            parameters=self.start.parameters,
            data=self.split.fingerprint,
            notes=notes,
            parts=self.start.parts,
            rate_test=self.rate_test,
            seconds=self.seconds,
            timings={**self.clock.seconds},
            initial_weights=self.start.weights,
        )


@final
@dataclass(slots=True)
class EpochAccumulator:
    """Accumulates a trial's results over one pass through its training examples."""

    loss: float = 0.0  # sum over the examples seen
    seen: int = 0
    steps: int = 0
    rate: float = 0.0  # learning rate of the last step
    reason: str = ""  # why it ended early

    def add(self, steps: Steps, slot: int, *, sizes: Integers, limit: float) -> None:
        """Add the results of a slot of a program; `sizes` are the examples of each batch."""
        losses, n = steps.losses[slot], int(steps.done[slot])
        self.loss += float((losses.astype(np.float64) * sizes[:n]).sum())
        self.seen += int(sizes[:n].sum())
        self.steps += n
        self.reason = out_of_bounds(float(losses[-1]), limit=limit, step=self.steps)

    def to_epoch(
        self, trial: Trial[Start], *, training: Mapping[str, float], validation: Mapping[str, float], seconds: float
    ) -> Epoch:
        """The finished epoch of `trial`, with its validation."""
        return Epoch(
            trial=trial.spec.trial,
            epoch=trial.outcome.epochs + 1,
            metrics={
                "train_loss": self.loss / self.seen,
                **columns(training, "train"),
                **columns(validation, "val"),
            },
            learning_rate=self.rate,
            seconds=seconds,
        )


def begin(
    spec: TrialSpec, context: TrainingContext, finder: RateFinder, clock: Clock, *, size: int = 1
) -> Trial[Start]:
    """A trial before its first epoch, after its range test, for a program of `size` trials."""
    rate, rate_test = peak_rate(spec, finder, clock, size=size)
    taken = context.taken(spec.factors, spec.seed, clock)
    start = context.start(spec.factors, spec.seed, clock, size=size, taken=taken)
    return new_trial(spec, context, clock, start, rate=rate, rate_test=rate_test)


def peak_rate(spec: TrialSpec, finder: RateFinder, clock: Clock, *, size: int = 1) -> tuple[float, RateTest | None]:
    """The rate at the peak of a trial's schedule, and the range test that found it, if one did."""
    asked, rate_test = rate_of(spec.factors), None
    if asked.value is not None:
        rate = asked.value
    else:
        whose = spec.rate_factors or spec.factors
        rate_test = finder.find(whose, clock, replicate=spec.seed, size=1 if spec.rate_factors else size)
        rate = rate_for(rate_test, str(level_in(whose, "schedule"))) * asked.multiplier
    return rate, rate_test


def new_trial(
    spec: TrialSpec,
    context: TrainingContext,
    clock: Clock,
    start: S,
    *,
    rate: float,
    rate_test: RateTest | None,
) -> Trial[S]:
    """A trial before its first epoch."""
    with clock.on("data"):
        split = context.split(spec.seed, spec.factors)
    order = np.random.default_rng(seeds.stream(context.study.seed, spec.seed, "order"))
    settings, schedule = training_of(context.study, spec.factors), str(level_in(spec.factors, "schedule"))
    outcome = Outcome(spec.trial, "finished")
    thaw = unfreeze_schedule_of(context.study, spec.factors)
    return Trial(
        spec, clock, start, split, settings, context.task.monitor, thaw, schedule, rate, rate_test, context.loss_scale,
        order, outcome,
    )  # fmt: skip


def failed(spec: TrialSpec, broken: TrialError, *, seconds: float, epochs: int = 0, parts: int = 1) -> Outcome:
    """The outcome of a trial that failed with an error, in the last of the `epochs` begun."""
    return Outcome(
        spec.trial,
        broken.state,
        epochs=epochs,
        seconds=seconds,
        reason=broken.reason,
        traceback=broken.trace,
        parts=parts,
    )


def out_of_bounds(loss: float, *, limit: float, step: int) -> str:
    """Why a training loss ends its trial; "" if it does not."""
    if loss <= limit:
        return ""
    what = f"rose to {loss:.3g}, above {limit:g}," if math.isfinite(loss) else "is not finite"
    return f"the training loss {what} at step {step}"


def lost(validation: Mapping[str, float], *, decides: str) -> str:
    """Why an epoch without a usable score ends its trial; "" if it has one."""
    for name in dict.fromkeys((LOSS, decides)):
        if not math.isfinite(validation.get(name, math.nan)):
            return f"the validation {name.replace('_', ' ')} is not a finite number"
    return ""


def in_order(metrics: Mapping[str, float], task: Task) -> dict[str, float]:
    """Metrics in the order of a table's columns: the loss first."""
    return {name: metrics[name] for name in dict.fromkeys((LOSS, *task.names)) if name in metrics}


def columns(metrics: Mapping[str, float], part: str) -> dict[str, float]:
    """Metrics under the columns of a part of the data: "loss" as "val_loss"."""
    return {f"{part}_{name}": value for name, value in metrics.items()}
