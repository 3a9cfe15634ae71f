"""`report`: the argument by which a user's function tells its numbers while it trains."""

from typing import TYPE_CHECKING, final

from ablate.training.reported import ReportedTrial

if TYPE_CHECKING:
    import keras


@final
class Report:
    """Tells numbers of a trial to the study: `report(epoch=3, mae=0.2)`.

    A name stands for the validation examples unless it begins with "train_" or "test_". A call with the study's metric
    is a step at which the trial may be stopped. Raises `ablate.Stopped` where the trial is to end, `StudyError` for
    what is no number.
    """

    def __init__(self, trial: ReportedTrial) -> None:
        self._trial = trial

    def __call__(self, *, epoch: int | None = None, **metrics: object) -> None:
        """Report numbers of an epoch; without `epoch`, of the next one. Epochs count up, from 0 or from 1."""
        self._trial.step(metrics, epoch=epoch)

    def callback(self) -> "keras.callbacks.Callback":
        """A Keras callback that reports the logs of each epoch of `model.fit`."""
        from ablate.training.function.keras_callback import Reporting

        return Reporting(self._trial)
