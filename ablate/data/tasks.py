"""Make the task of a study from its data: targets, loss, metrics, and the score of guessing."""

from ablate.data.dataset import Dataset
from ablate.data.guessing import guess
from ablate.study.read_task import task_of
from ablate.study.settings import StudySettings
from ablate.study.task import Task


def data_task(study: StudySettings, data: Dataset) -> Task:
    """What the networks of a study learn from `data`. Raises `StudyError` if a metric or a loss does not fit them."""

    def guessed(name: str, *, is_loss: bool = False) -> float:
        return guess(name, data.targets, data.y_train, is_loss=is_loss, weights=data.weights_train)

    return task_of(study, data.targets, guessed)
