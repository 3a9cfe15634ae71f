"""Studies whose trials are small shell programs, and a feed that keeps what they report."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ablate.data import save_arrays
from ablate.experiment.options import open_data
from ablate.study.load import load_study
from ablate.study.trial import Epoch, Label, Outcome, TrialSpec
from ablate.training.command.trainer import CommandTrials
from ablate.training.trainers import TrainerTask

STUDY = """
name = "tiny"
title = "A program"
[model]
command = '''{command}'''
[training]
epochs = 2
[metric]
name = "mae"
goal = "minimize"
[baseline]
depth = 2
name = "a b"
[space]
depth = [2, 3]
[ablation]
seeds = 6
"""


def read_study(folder: Path, command: str):
    """A study with this command line; a script goes beside it, as train.sh."""
    (folder / "tiny.toml").write_text(STUDY.replace("{command}", command))
    return load_study(folder / "tiny.toml", overrides=[], quick=False)


def open_trials(folder: Path, command: str) -> CommandTrials:
    study = read_study(folder, command)
    arrays = save_arrays(open_data(study, None, announce=print), folder / "arrays")
    return CommandTrials(TrainerTask(study, arrays, 1, folder / "trials"))


def spec(trial: str = "t", seed: int = 3, **others) -> TrialSpec:
    return TrialSpec(trial, Label("search"), seed, {"depth": 2, "name": "a b"}, **others)


def confirmatory() -> TrialSpec:
    label = Label("ablation", variant="reference")
    return TrialSpec("t", label, 3, {"depth": 2, "name": "a b"}, test=True, frozen="digest")


class Told:
    """A feed that keeps epochs and outcomes; `goes_on` is the verdict on an epoch."""

    def __init__(self, goes_on: Callable[[Epoch], bool] = lambda _: True) -> None:
        self._goes_on = goes_on
        self.epochs: list[Epoch] = []
        self.outcomes: list[Outcome] = []

    def more(self, _: int) -> Sequence[TrialSpec]:
        return ()

    def report(self, epochs: Sequence[Epoch]) -> Sequence[bool]:
        self.epochs += epochs
        return [self._goes_on(epoch) for epoch in epochs]

    def tell(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


def run(folder: Path, script: str, *, one: TrialSpec | None = None, goes_on=lambda _: True) -> tuple[Outcome, Told]:
    """The outcome of a trial whose program is a shell script."""
    (folder / "train.sh").write_text(script)
    told = Told(goes_on)
    open_trials(folder, "sh train.sh").train([one or spec()], told)
    return told.outcomes[0], told


def are_gone(pids: Sequence[int], *, seconds: float = 5.0) -> bool:
    """Whether all these processes end within some seconds."""
    deadline = time.monotonic() + seconds
    while living := [pid for pid in pids if is_alive(pid)]:
        if time.monotonic() > deadline:
            print("still there:", living)
            return False
        time.sleep(0.02)
    return True


def is_alive(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def marked(name: str, value) -> list[int]:
    """The processes with this variable in their environment."""
    found = []
    for folder in Path("/proc").iterdir():
        with suppress(OSError):
            if folder.name.isdigit() and f"{name}={value}".encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
    return found
