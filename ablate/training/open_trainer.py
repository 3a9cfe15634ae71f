"""Choose what trains a study: a trainer for each kind of model."""

from ablate.study.backend import backend_of
from ablate.training.engine.device import prepare_backend
from ablate.training.trainers import Trainer, TrainerTask


def open_trainer(task: TrainerTask) -> Trainer:
    """The trainer of a study. Only the compiled way and `model.fit` import Keras and its backend here."""
    match task.study.model.role:
        case "build":
            prepare_backend(backend_of(task.study), task.threads)  # before anything imports Keras
            from ablate.training.built import BuiltModels

            return BuiltModels(task)
        case "train":
            from ablate.training.function.trainer import FunctionTrials

            return FunctionTrials(task)
        case "command":
            from ablate.training.command.trainer import CommandTrials

            return CommandTrials(task)
