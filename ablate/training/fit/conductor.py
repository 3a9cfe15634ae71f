"""A Keras callback that conducts a trial of `model.fit`, epoch by epoch."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ablate.study.trial import Epoch
from ablate.training.engine.start import ModelFacts
from ablate.training.fit.feeding import in_batches
from ablate.training.fit.fitted import FittedModel
from ablate.training.fit.rates import Rates, check_optimizer, loss_of
from ablate.training.fit.reported import Logs
from ablate.training.fit.stopwatch import Stopwatch
from ablate.training.train import Trial, columns, in_order, lost, out_of_bounds

if TYPE_CHECKING:
    from ablate.data.array import Integers


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
        trial, loss = self._trial, loss_of(logs)
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
        if reason := lost(validated, decides=self._fitted.task.decides):
            trial.diverge(reason)
            self.model.stop_training = True
            return
        task = self._fitted.task
        seen = self._fitted.reported(self.training.of(training))
        metrics = {
            **columns(in_order(seen, task), "train"),
            **columns(in_order(validated, task), "val"),
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
