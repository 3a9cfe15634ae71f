"""Check, before anything starts, that the code of trials that train themselves is there; nothing of it runs."""

from ablate.study.own_trial import filled
from ablate.study.settings import StudySettings
from ablate.study.user_functions import check_file
from ablate.training.command.find_program import check_script, find_program


def check_own_code(study: StudySettings) -> None:
    """Raise `StudyError` if the file of its function, its program or its script is missing."""
    match study.model.role:
        case "train" if study.model.name not in study.functions:
            check_file(study.base / study.model.file, setting="model.train")
        case "command":
            check_command(study)


def check_command(study: StudySettings) -> str:
    """The first word of the baseline's command line. Raises `StudyError` if its program or its script is missing."""
    words = filled(
        study.model.command,
        {**study.baseline, "seed": 0, "epochs": study.training.epochs, "test": False, "folder": "."},
    )
    find_program(words[0], folder=study.base)
    check_script(words, folder=study.base)
    return words[0]
