"""What do the range tests of short trials cost, in time and in accuracy, against tests of three fine ramps?

    python tests/benchmarks/short_range_tests.py [--nets digits …] [--sizes 180 500] [--seeds 6] [--data-dir DIR]

Trains small versions of the networks of `how_good_is_a_found_rate.py`, each seed at two rates in turn: that of three
ramps of 25 steps per decade, and that of the test which `ablate.training.ramp_plan` plans for so few examples. Prints
for each size and network the share of a trial's seconds (range test, training and evaluation, without compiling) that
the tests take, and the difference in validation accuracy, in points and paired by seed. Programs are warmed up first.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from how_good_is_a_found_rate import NETS, PLAIN

from ablate.clock import Clock
from ablate.study.trial import Epoch, Label, Outcome, RateTest, TrialSpec
from ablate.system import hardware

EPOCHS, VALIDATION = 20, 500
LONG = {"seeds": 3, "steps_per_decade": 25}
SMALL: Mapping[str, Mapping[str, Sequence[str]]] = {
    "digits": {"optimizer": ["sgd", "adagrad", "adam", "rmsprop"], "normalization": ["none", "batch"]},
    "shallow": {"optimizer": ["sgd", "momentum", "adam"], "normalization": ["none", "batch"]},
    "deep": {"optimizer": ["momentum", "nadam"], "normalization": ["none", "batch"], "activation": ["elu"]},
    "cnn": {"optimizer": ["sgd", "momentum", "adam"], "normalization": ["none", "batch"]},
}
STUDY = """
[data]
name = "{data}"
train = {train}
validation = {validation}
[model]
{model}
[training]
epochs = {epochs}
batch_size = 32
patience = 0
[baseline]
{baseline}
learning_rate = "find"
[space]
normalization = ["none", "batch"]
[search]
trials = 0
"""


@dataclass(slots=True)
class Last:
    """Takes the outcome of the trial that it is the feed of."""

    outcome: Outcome | None = None

    def more(self, n: int) -> Sequence[TrialSpec]:
        assert n
        return []

    def report(self, epochs: Sequence[Epoch]) -> Sequence[bool]:
        return [True] * len(epochs)

    def tell(self, outcome: Outcome) -> None:
        self.outcome = outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", nargs="+", choices=SMALL, default=list(SMALL))
    parser.add_argument("--sizes", nargs="+", type=int, default=[180, 500, 1000])
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--data-dir", type=lambda text: Path(text).resolve())
    arguments = parser.parse_args()
    from ablate.study.backend import usual_backend
    from ablate.training.engine.device import prepare_backend

    prepare_backend(usual_backend())
    rows: list[dict[str, Any]] = []
    for size in arguments.sizes:
        for net in arguments.nets:
            rows += compared(net, size, seeds=arguments.seeds, data_dir=arguments.data_dir)
            print(line(f"{net} {size}", pd.DataFrame(rows).query("net == @net and size == @size")))
    for size, some in pd.DataFrame(rows).groupby("size"):
        print(line(f"all {size}", some))
    print(line("all", pd.DataFrame(rows)))
    machine = hardware()
    print(f"{arguments.seeds} seeds; {machine['cpu']}, {machine['cores']} cores; {date.today().isoformat()}")


def compared(net: str, size: int, *, seeds: int, data_dir: Path | None) -> Iterator[dict[str, Any]]:
    """For each configuration and seed: the trials at the rates of the long and of the planned test."""
    from ablate.data import load_dataset
    from ablate.study.load import load_study
    from ablate.training.engine.context import TrainingContext
    from ablate.training.run_range_test import RateFinder

    name, levels = str(NETS[net]["data"][0]), SMALL[net]
    baseline = PLAIN | {factor: some[0] for factor, some in levels.items()}
    with tempfile.TemporaryDirectory(prefix="short-") as folder:
        path = Path(folder) / "short.toml"
        path.write_text(STUDY.format(
            data=name, train=size, validation=VALIDATION if name != "digits" else 300, model=NETS[net]["model"],
            epochs=EPOCHS, baseline="\n".join(f"{factor} = {json.dumps(level)}" for factor, level in baseline.items()),
        ))  # fmt: skip
        study = load_study(path, overrides=[], quick=False)
        data = load_dataset(name, data_dir=data_dir, explicit=data_dir is not None, base=path.parent)
    context = TrainingContext(study, data, stack=1)
    long = study.model_copy(update={"lr_test": study.lr_test.model_copy(update=LONG)})
    for optimizer in levels["optimizer"]:
        for normalization in levels["normalization"]:
            factors = {**study.baseline, "optimizer": optimizer, "normalization": normalization}
            for seed in range(seeds + 1):
                row: dict[str, Any] = {"net": net, "size": size, "optimizer": optimizer, "normalization": normalization}
                for which, its in (("long", long), ("short", study)):
                    context.study = its
                    test, outcome, seconds = trained(factors, seed, context, RateFinder(context, cache=None))
                    accuracy = outcome.val_accuracy if outcome.state == "finished" else 0.1  # ten classes
                    row |= {f"{which} rate": test.suggestion, f"{which} accuracy": accuracy}
                    row |= {f"{which} {part}": seconds.get(part, 0.0) for part in ("lr_test", "train", "evaluate")}
                if seed:  # the first one warms up
                    yield row


def trained(factors: Any, seed: int, context: Any, finder: Any) -> tuple[RateTest, Outcome, Mapping[str, float]]:
    """A trial with a found rate, its test and the seconds of its parts."""
    from ablate.training.stack import run_trials

    clock = Clock()
    finder.find(factors, clock, replicate=seed)
    feed = Last()
    run_trials([TrialSpec("trial", Label("search"), seed, factors)], context, finder, feed)
    assert feed.outcome is not None
    assert feed.outcome.rate_test is not None
    return feed.outcome.rate_test, feed.outcome, {**feed.outcome.timings, "lr_test": clock.seconds["lr_test"]}


def line(name: str, rows: pd.DataFrame) -> str:
    """Shares of the time, and points lost by the short test: n, mean, median, tenth and ninetieth percentile, most."""
    own = rows["short train"] + rows["short evaluate"]
    shares = [(rows[f"{which} lr_test"] / (rows[f"{which} lr_test"] + own)).median() for which in ("long", "short")]
    lost = 100 * (rows["long accuracy"] - rows["short accuracy"]).to_numpy(float)
    decades = np.log10(rows["short rate"] / rows["long rate"])
    low, median, high = np.percentile(lost, (10, 50, 90))
    return (
        f"{name:14} share of the time {shares[0]:4.0%} → {shares[1]:4.0%}; "
        f"test {(rows['long lr_test'] / rows['short lr_test']).median():4.1f} times shorter; "
        f"points lost: n {len(lost)}, mean {lost.mean():+.2f} (SE {lost.std(ddof=1) / len(lost) ** 0.5:.2f}), "
        f"median {median:+.2f} [{low:+.1f} … {high:+.1f}], most {lost.max():.1f}, least {lost.min():.1f}; "
        f"rate {decades.median():+.2f} decades (SD {decades.std():.2f})"
    )


if __name__ == "__main__":
    main()
