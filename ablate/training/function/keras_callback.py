"""A Keras callback that reports the logs of each epoch."""

from collections.abc import Mapping
from typing import final

import keras

from ablate.study.rate import RATE
from ablate.training.reported import ReportedTrial


@final
class Reporting(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Reports "loss" as train_loss and "val_loss" as the loss of the validation examples."""

    def __init__(self, trial: ReportedTrial) -> None:
        super().__init__()
        self._trial = trial

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Report; epochs count from 0 here. Counted anew, as a function may fit several times."""
        del epoch
        rate = self._rate()
        used = {} if rate is None else {RATE: rate}
        self._trial.step({**used, **{_named(name): value for name, value in (logs or {}).items()}})

    def _rate(self) -> float | None:
        """The optimizer's learning rate; callbacks that change it put it into the logs only after this one."""
        try:
            return float(self.model.optimizer.learning_rate)
        except (AttributeError, TypeError, ValueError):  # an optimizer without one, as people write them
            return None


def _named(name: str) -> str:
    return name if name.startswith("val_") or name == RATE else f"train_{name}"
