"""Make the task of a study from its data: targets, loss, metrics, and the score of guessing."""

from ablate.data.dataset import Dataset
from ablate.data.guessing import guess
from ablate.study.read_task import task_of
from ablate.study.settings import Study
from ablate.study.task import Task
from ablate.study.user_code import mentions

_COMPILES = ("compile", "compile_from_config", "load_model", "compute_loss")  # how a model gets a loss of its own


def data_task(study: Study, data: Dataset) -> Task:
    """What the networks of a study learn from `data`. Raises `StudyError` if a metric or a loss does not fit them."""

    def guessed(name: str, *, is_loss: bool = False) -> float:
        return guess(name, data.targets, data.y_train, is_loss=is_loss)

    return task_of(study, data.targets, guessed, may_differ=may_compile(study))


def may_compile(study: Study) -> bool:
    """Whether build may return a model with a loss of its own, which nobody knows before it is built."""
    names_loss = study.training.loss is not None  # then a model with another loss is refused
    return study.model.is_users and not names_loss and mentions(study.model, _COMPILES, base=study.base)
