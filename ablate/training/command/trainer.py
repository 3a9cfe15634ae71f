"""Train trials by a user's program, one process a trial."""

from collections.abc import Sequence
from typing import final

from ablate.errors import StudyError
from ablate.study.trial import TrialSpec
from ablate.training.trainers import Feed, TrainerTask


@final
class CommandTrials:
    """The trials of a study whose [model] has `command`."""

    def __init__(self, task: TrainerTask) -> None:
        raise StudyError(f"model.command: programs are not run yet: {task.study.model.command}")

    def check(self) -> tuple[str, ...]:
        """Check what can be checked before the first trial."""
        return ()

    def train(self, specs: Sequence[TrialSpec], feed: Feed) -> None:
        """Train specs to their ends, each by a run of the program."""
