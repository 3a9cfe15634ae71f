"""How much longer a program or a function takes as a trial than alone.

`python tests/benchmarks/overhead_of_a_trial.py [N]`: N rounds, each first the program or the call alone, then the same
as a trial, in one process, so that both see the same load. Medians with the quartiles, in milliseconds.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from ablate.data import save_arrays
from ablate.experiment.options import open_data
from ablate.study.load import load_study
from ablate.study.trial import Epoch, Label, Outcome, TrialSpec
from ablate.training.open_trainer import open_trainer
from ablate.training.trainers import TrainerTask

PROGRAM = """
import time
for epoch in range(3):
    time.sleep(0.02)
    print("mae:", 1 / (epoch + 1), flush=True)
"""
FUNCTION = """
import time

def train(depth, report):
    for epoch in range(3):
        time.sleep(0.02)
        report(mae=1 / (epoch + 1))

def alone(depth):
    train(depth, lambda **_: None)
"""
STUDY = """
name = "tiny"
title = "Overhead"
[model]
{model}
[metric]
name = "mae"
[baseline]
depth = 2
[space]
depth = [2, 3]
"""


class Ended:
    """A feed that keeps the last outcome."""

    def report(self, epochs: list[Epoch]) -> list[bool]:
        return [True] * len(epochs)

    def tell(self, outcome: Outcome) -> None:
        assert outcome.state == "finished", outcome.reason
        assert outcome.epochs == 3


def trial_of(folder: Path, model: str) -> Callable[[], None]:
    """What a worker does for one trial of a study with this model."""
    (folder / "tiny.toml").write_text(STUDY.replace("{model}", model))
    study = load_study(folder / "tiny.toml", overrides=[], quick=False)
    arrays = save_arrays(open_data(study, None, announce=print), folder / study.model.role)
    trainer = open_trainer(TrainerTask(study, arrays, 1, folder / "trials"))
    spec = TrialSpec("t", Label("search"), 0, {"depth": 2})
    return lambda: trainer.train([spec], Ended())


def seconds_of(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def compare(what: str, alone: Callable[[], object], trial: Callable[[], object], *, n: int) -> None:
    """Print both times, and their difference by round."""
    alone(), trial()
    rounds = [(seconds_of(alone), seconds_of(trial)) for _ in range(n)]
    columns = {
        "alone": [a for a, _ in rounds],
        "as a trial": [b for _, b in rounds],
        "more": [b - a for a, b in rounds],
    }
    said = []
    for name, values in columns.items():
        low, middle, high = (1000 * value for value in statistics.quantiles(values, n=4))
        said.append(f"{name} {middle:.1f} ({low:.1f} … {high:.1f})")
    print(f"{what:<10} n = {n}   {'   '.join(said)} ms")


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "program.py").write_text(PROGRAM)
        (folder / "mine.py").write_text(FUNCTION)
        command = [sys.executable, "program.py"]
        compare(
            "program",
            lambda: subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True),
            trial_of(folder, 'command = "python program.py"'),
            n=n,
        )
        sys.path.insert(0, str(folder))
        from mine import alone  # the file written above

        compare("function", lambda: alone(2), trial_of(folder, 'train = "mine.py:train"'), n=n)


if __name__ == "__main__":
    main()
