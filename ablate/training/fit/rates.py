"""Keras callbacks that set the rate of each step of `model.fit`, and take the curve of a range test."""

from typing import final

import keras
import numpy as np

from ablate.data.array import Floats32, Floats64
from ablate.study.task import LOSS
from ablate.training.fit.fitted import check_loss
from ablate.training.fit.reported import Logs, numbers, trackers
from ablate.training.trial_error import TrialError


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
        for metric in trackers(self.model):
            metric.reset_state()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Take the loss of a batch."""
        super().on_train_batch_end(batch, logs)
        self.losses.append(loss_of(logs))
        if not np.isfinite(self.losses[-1]):
            self.model.stop_training = True


def loss_of(logs: Logs) -> float:
    """The loss among what a model reports. Raises `StudyError` if there is none."""
    found = numbers(logs or {})
    check_loss(found)
    return found[LOSS]


def check_optimizer(model: keras.Model) -> None:
    """Raise `TrialError` if no step has used the model's optimizer, to which rate and optimizer of a study go."""
    if int(model.optimizer.iterations) == 0:
        raise TrialError(
            "failed",
            f"{type(model).__name__} trains without self.optimizer, so the study's optimizer and learning rate change "
            "nothing: use self.optimizer in train_step; several optimizers are not supported",
            "",
        )
