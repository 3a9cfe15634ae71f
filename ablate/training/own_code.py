"""Check, before anything starts, that the code of trials that train themselves is there; nothing of it runs."""

from ablate.errors import StudyError
from ablate.study.own_trial import filled
from ablate.study.settings import StudySettings
from ablate.training.command.find_program import check_script, find_program


def check_own_code(study: StudySettings) -> None:
    """Raise `StudyError` if the file of its function, its program or its script is missing."""
    model = study.model
    if model.role == "train" and model.name not in study.functions:
        path = study.base / model.file
        if not path.is_file():
            raise StudyError(
                f"model.train: no such file: {path}\n  give its path relative to the study file, as file.py:function"
            )
    if model.role == "command":
        words = filled(
            model.command,
            {**study.baseline, "seed": 0, "epochs": study.training.epochs, "test": False, "folder": "."},
        )
        find_program(words[0], folder=study.base)
        check_script(words, folder=study.base)
