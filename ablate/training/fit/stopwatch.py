"""Time the epochs of `model.fit`: training, evaluation, and compiling, which makes the first batch of each longer."""

import time
from typing import final

import keras

from ablate.training.fit.reported import Logs


@final
class Stopwatch(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
    """The seconds of the current epoch, without compiling: Keras traces a step as it first takes it."""

    def __init__(self) -> None:
        super().__init__()
        self.compiling = self.evaluating = 0.0
        self._began = self._testing = self._batch = self._before = 0.0
        self._first: float | None = None  # seconds of the first batch of a first pass
        self._compiled: set[str] = set()  # parts whose compiling is known

    def training(self) -> float:
        """The seconds of training so far."""
        return time.perf_counter() - self._began - self.evaluating - self.compiling

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Start an epoch."""
        del epoch, logs
        self._began, self.compiling, self.evaluating = time.perf_counter(), 0.0, 0.0

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Start a batch."""
        del batch, logs
        self._batch = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Compare the first two batches."""
        del logs
        self._compare("train", batch)

    def on_test_begin(self, logs: Logs = None) -> None:
        """Start an evaluation."""
        del logs
        self._testing, self._before = time.perf_counter(), self.compiling

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Start a batch."""
        del batch, logs
        self._batch = time.perf_counter()

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Compare the first two batches."""
        del logs
        self._compare("test", batch)

    def on_test_end(self, logs: Logs = None) -> None:
        """End an evaluation."""
        del logs
        self.evaluating += time.perf_counter() - self._testing - (self.compiling - self._before)

    def _compare(self, part: str, batch: int) -> None:
        seconds = time.perf_counter() - self._batch
        if part in self._compiled:
            return
        if batch == 0:
            self._first = seconds
        elif self._first is not None:
            self.compiling += max(0.0, self._first - seconds)
            self._first = None
            self._compiled.add(part)
