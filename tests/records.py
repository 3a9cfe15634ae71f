"""Epochs and outcomes of classification, as tests of other rooms write them."""

from ablate.storage.provenance import TaskFacts
from ablate.study.task import classification
from ablate.study.trial import Epoch


def epoch_of_classes(
    trial: str,
    epoch: int,
    train_loss: float,
    train_accuracy: float,
    val_loss: float,
    val_accuracy: float,
    learning_rate: float,
    seconds: float,
) -> Epoch:
    """An epoch with the metrics of a classification."""
    metrics = {
        "train_loss": train_loss, "train_accuracy": train_accuracy, "val_loss": val_loss, "val_accuracy": val_accuracy,
    }  # fmt: skip
    return Epoch(trial, epoch, metrics, learning_rate, seconds)


def classes_task(monitor: str, n_classes: int | None) -> TaskFacts:
    """The task of a classification, judged by `monitor`: "val_accuracy" or "val_loss"."""
    return TaskFacts.of(classification(monitor, n_classes or 0))
