"""Keras callbacks that conduct `model.fit`: the rate of each step, the curve of a range test, the epochs of a trial."""

import time
from collections.abc import Callable, Mapping
from typing import Any, final

import keras
import numpy as np

from ablate.data.array import Floats32, Floats64, Integers
from ablate.study.task import LOSS
from ablate.study.trial import Epoch
from ablate.training.engine.backend import TrialError
from ablate.training.engine.context import ModelFacts
from ablate.training.fit.feeding import in_batches
from ablate.training.fit.fitted import FittedModel, check_loss
from ablate.training.fit.reported import Logs, numbers
from ablate.training.fit.stopwatch import Stopwatch
from ablate.training.train import Trial, columns, out_of_bounds


class Rates(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
    """Sets the learning rate of each step. Nothing else may set it: then it would not be the one that is recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.rates: Floats64 | Floats32 = np.zeros(0)  # of the epoch's steps
        self._set: float | None = None

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Set the rate of a step."""
        del logs
        self._check()
        self.model.optimizer.learning_rate = float(self.rates[batch])
        self._set = float(self.model.optimizer.learning_rate)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Check that the step kept its rate."""
        del batch, logs
        self._check()

    def _check(self) -> None:
        now = float(self.model.optimizer.learning_rate)
        if self._set is not None and now != self._set:
            raise TrialError(
                "failed",
                f"training set the learning rate to {now:g}, but the study has it at {self._set:g}: leave it to the "
                "factors learning_rate and schedule",
                "",
            )


@final
class Ramp(Rates):
    """Runs a range test: a rate for each step, and the loss of each batch, until one is not finite."""

    def __init__(self, rates: Floats32) -> None:
        super().__init__()
        self.rates = rates
        self.losses: list[float] = []

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Forget the batches before, over which Keras' trackers average."""
        super().on_train_batch_begin(batch, logs)
        for metric in self.model.metrics:
            metric.reset_state()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Take the loss of a batch."""
        super().on_train_batch_end(batch, logs)
        self.losses.append(_loss(logs))
        if not np.isfinite(self.losses[-1]):
            self.model.stop_training = True


@final
class Conductor(Rates):
    """Conducts a trial: rates, divergence, epochs with their metrics, best weights, early stopping, the plan's verdict.

    A compiled program stops at a batch whose loss is out of bounds. Here it is the mean of the epoch so far, as Keras
    reports it, unless the model reports each batch's own.
    """

    def __init__(self, trial: Trial[ModelFacts], fitted: FittedModel, report: Callable[[Epoch], bool]) -> None:
        super().__init__()
        self.training = fitted.means("train", n=len(trial.split.train))
        self.validation = fitted.means("test", n=len(trial.split.validation))
        self._trial, self._fitted, self._report = trial, fitted, report
        self.order: list[Integers] = []
        self.best: list[Any] = []  # Any: the weights of the best epoch, as Keras has them
        self.raised: BaseException | None = None  # by the plan
        self.stopwatch = Stopwatch()
        self.begin()

    def begin(self) -> None:
        """Draw the next epoch's order of examples, and its rates."""
        trial = self._trial
        self.order = in_batches(trial.permutation(), self._fitted.batch_size)
        self.rates = trial.rates(self._fitted.context.study.schedule, steps=len(self.order))

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Draw the order of a later epoch."""
        del logs
        if epoch:
            self.begin()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """End the trial if its loss is out of bounds."""
        super().on_train_batch_end(batch, logs)
        trial, loss = self._trial, _loss(logs)
        if trial.limit is None:
            trial.start_at(loss)
        assert trial.limit is not None
        limit = trial.limit if np.isfinite(trial.limit) else np.inf
        if reason := out_of_bounds(loss, limit=limit, step=batch + 1):
            trial.diverge(reason)
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Take an epoch, and decide whether another follows."""
        trial = self._trial
        if trial.outcome.state != "finished":
            return
        check_optimizer(self.model)
        logs, rows = logs or {}, trial.split.validation
        training = {name: value for name, value in logs.items() if not name.startswith("val_")}
        validation = {name.removeprefix("val_"): value for name, value in logs.items() if name.startswith("val_")}
        began = time.perf_counter()
        validated = self._fitted.completed(self.validation.of(validation), rows)
        evaluating = self.stopwatch.evaluating + time.perf_counter() - began
        trained = self.stopwatch.training() - (evaluating - self.stopwatch.evaluating)
        for part, seconds in (("compile", self.stopwatch.compiling), ("train", trained), ("evaluate", evaluating)):
            trial.clock.add(part, seconds)
        if lost := self._lost(validated):
            trial.diverge(lost)
            self.model.stop_training = True
            return
        names = ("loss", *self._fitted.task.names)
        seen = self._fitted.reported(self.training.of(training))
        metrics = {
            **columns(_in_order(names, seen), "train"),
            **columns(_in_order(names, validated), "val"),
        }
        spent, rate = trained + evaluating, float(self.rates[-1])
        taken = Epoch(trial.spec.trial, epoch + 1, metrics, learning_rate=rate, seconds=spent)
        if trial.take(taken):
            self.best = self.model.get_weights()
        self._judge(taken)

    def _judge(self, epoch: Epoch) -> None:
        try:
            goes_on = self._report(epoch)
        except BaseException as err:
            self.raised = err
            raise
        if not goes_on:
            self._trial.prune()
        if self._trial.is_over():
            self.model.stop_training = True

    def _lost(self, validation: Mapping[str, float]) -> str:
        for name in dict.fromkeys((LOSS, self._fitted.task.decides)):
            if not np.isfinite(validation.get(name, np.nan)):
                return f"the validation {name.replace('_', ' ')} is not a finite number"
        return ""


def check_optimizer(model: keras.Model) -> None:
    """Raise `TrialError` if no step has used the model's optimizer, to which rate and optimizer of a study go."""
    if int(model.optimizer.iterations) == 0:
        raise TrialError(
            "failed",
            f"{type(model).__name__} trains without self.optimizer, so the study's optimizer and learning rate change "
            "nothing: use self.optimizer in train_step, or take two optimizers into one",
            "",
        )


def _in_order(names: tuple[str, ...], metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: metrics[name] for name in dict.fromkeys(names) if name in metrics}


def _loss(logs: Logs) -> float:
    found = numbers(logs or {})
    check_loss(found)
    return found[LOSS]
