"""Choose what trains a study: a trainer for each kind of model."""

from ablate.training.trainers import Trainer, TrainerTask


def open_trainer(task: TrainerTask) -> Trainer:
    """The trainer of a study. Only the compiled way and `model.fit` import TensorFlow here."""
    match task.study.model.role:
        case "build":
            from ablate.training.built import BuiltModels

            return BuiltModels(task)
        case "train":
            from ablate.training.function.trainer import FunctionTrials

            return FunctionTrials(task)
        case "command":
            from ablate.training.command.trainer import CommandTrials

            return CommandTrials(task)
