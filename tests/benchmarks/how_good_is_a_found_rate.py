"""How far is a found learning rate from the best one? Networks trained at multiples of the rate that a test finds.

    python tests/benchmarks/how_good_is_a_found_rate.py [--nets digits shallow …] [--seeds 1] [--data-dir DIR]

Trains real studies by `ablate`'s command line: every combination of some factors at each of seven rates, 0.03 to 30
times the found one, and nothing stopped early. Prints for each network the found rate, the validation accuracy there,
the best of the seven, and by how many points the found rate, and what the other rules would have picked, stay behind it
(between the trained rates by interpolation in the logarithm). The best of seven noisy values is too good by the noise
of one, which `--seeds` divides, so a loss of half a point is none. All nets take an hour on two cores.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ablate.system import hardware
from ablate.training.range_test import PICKS

MULTIPLES = (0.03, 0.1, 0.3, 3.0, 10.0, 30.0)  # besides the found rate itself
STUDY = """
title = "{name}"
[data]
name = "{data}"
train = {train}
validation = {validation}
test = 300
[model]
{model}
[training]
epochs = {epochs}
batch_size = {batch}
patience = 0
[baseline]
{baseline}
learning_rate = "find"
[space]
{space}
learning_rate = {{ around = "find", span = [0.01, 100.0], ablate = {multiples} }}
[search]
trials = 0
[ablation]
design = "factorial"
factorial = {crossed}
seeds = {seeds}
"""
PLAIN = {
    "schedule": "constant", "normalization": "none", "activation": "relu", "initializer": "he_normal", "dropout": 0.0,
    "optimizer": "momentum",
}  # fmt: skip
# Data, model, training, and the levels that are crossed; the first of each stands in the baseline.
NETS: Mapping[str, Mapping[str, Any]] = {
    "digits": {
        "data": ("digits", 1000, 300, 15, 32), "model": 'name = "mlp"\nunits = "64-64"',
        "levels": {"optimizer": ["sgd", "adagrad", "adam", "rmsprop"], "normalization": ["none", "batch"]},
    },
    "shallow": {
        "data": ("fashion_mnist", 10_000, 2000, 6, 32), "model": 'name = "mlp"\nunits = "300-100"',
        "levels": {"schedule": ["constant", "1cycle"], "optimizer": ["sgd", "momentum", "adam"],
                   "normalization": ["none", "batch"]},
    },
    "deep": {
        "data": ("cifar10", 10_000, 2000, 6, 32), "model": 'name = "mlp"\ndepth = 20\nwidth = 100',
        "levels": {"optimizer": ["momentum", "nadam"], "activation": ["relu", "elu", "selu"],
                   "normalization": ["none", "batch", "layer"]},
    },
    "deep-1cycle": {
        "data": ("cifar10", 20_000, 2000, 10, 128), "model": 'name = "mlp"\ndepth = 20\nwidth = 100',
        "levels": {"schedule": ["constant", "1cycle"], "optimizer": ["sgd", "nadam"], "activation": ["elu"],
                   "normalization": ["none", "batch"]},
    },
    "dropout": {
        "data": ("cifar10", 10_000, 2000, 6, 32), "model": 'name = "mlp"\ndepth = 20\nwidth = 100',
        "levels": {"dropout": [0.1, 0.3], "activation": ["elu", "selu"], "initializer": ["lecun_normal"],
                   "optimizer": ["nadam"]},
    },
    "hundred": {
        "data": ("fashion_mnist", 5000, 2000, 4, 32), "model": 'name = "mlp"\ndepth = 100\nwidth = 100',
        "levels": {"activation": ["relu", "selu"], "initializer": ["he_normal", "lecun_normal"], "optimizer": ["adam"]},
    },
    "cnn": {
        "data": ("mnist", 5000, 2000, 5, 32),
        "model": 'name = "cnn"\nstages = 1\nconvolutions = 1\nfilters = 10\nunits = "100"',
        "levels": {"optimizer": ["sgd", "momentum", "adam"], "normalization": ["none", "batch"]},
    },
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", nargs="+", choices=NETS, default=list(NETS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--data-dir", type=lambda text: Path(text).resolve())
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for net in arguments.nets:
        with tempfile.TemporaryDirectory(prefix="rates-") as folder:
            found = list(judged(*trained(net, Path(folder), arguments), levels=NETS[net]["levels"]))
        print(f"\n{net}\n{table(found)}", flush=True)
        rows += found
    print(f"\n{summary(rows)}")
    machine = hardware()
    print(f"{arguments.seeds} seeds; {machine['cpu']}, {machine['cores']} cores; {date.today().isoformat()}")


def trained(net: str, folder: Path, arguments: argparse.Namespace) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The results table of a net's study, and its range tests by their keys."""
    (folder / f"{net}.toml").write_text(study(net, seeds=arguments.seeds))
    where = ["--data-dir", str(arguments.data_dir)] if arguments.data_dir else []
    command = [sys.executable, "-m", "ablate.cli.main", "study", f"{net}.toml", "--json", *where]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": "sqlite:///mlflow.db"}
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    made = (folder / json.loads(done.stdout.splitlines()[-1])["report"]).parent
    tests = {test["key"]: test for test in json.loads((made / "lr_tests.json").read_text())}
    return pd.read_csv(made / "results.csv", keep_default_na=False, na_values=[""]), tests


def study(net: str, *, seeds: int) -> str:
    """The study file of a net."""
    data, train, validation, epochs, batch = NETS[net]["data"]
    levels = NETS[net]["levels"]
    baseline = PLAIN | {name: some[0] for name, some in levels.items()}
    varied = {name: some for name, some in levels.items() if len(some) > 1}
    return STUDY.format(
        name=net, data=data, train=train, validation=validation, epochs=epochs, batch=batch, seeds=seeds,
        model=NETS[net]["model"], multiples=list(MULTIPLES), crossed=json.dumps([*varied, "learning_rate"]),
        baseline="\n".join(f"{name} = {json.dumps(level)}" for name, level in baseline.items()),
        space="\n".join(f"{name} = {json.dumps(some)}" for name, some in varied.items()),
    )  # fmt: skip


def judged(
    results: pd.DataFrame, tests: Mapping[str, Any], *, levels: Mapping[str, list[Any]]
) -> Iterator[dict[str, Any]]:
    """For each network: its found rate, the accuracy there, the best one, and what each rule loses against it."""
    ran = results[(results["design"] == "factorial") & results["learning_rate"].notna()]
    for cell, runs in ran.groupby(list(levels), sort=False):
        # A run that diverged has no score and counts at chance level: ten classes in all of these sets.
        score = runs["val_accuracy"].where(runs["state"] == "finished", 0.1).astype(float)
        multiple = runs["learning_rate_setting"].map(lambda setting: float(str(setting).partition("*")[2] or 1))
        mean = (100 * score).groupby(multiple).mean().sort_index()
        at = np.log10(mean.index.to_numpy(float))
        best = float(mean.max())
        own = runs[multiple == 1.0]
        picks: dict[str, list[float]] = {}
        for rate, key in zip(own["learning_rate"], own["lr_test"], strict=True):
            test = tests[str(key)]
            for rule in PICKS:
                pick = test["rules"].get(rule)
                behind = best - np.interp(np.log10(pick / rate), at, mean) if pick else np.nan
                picks.setdefault(rule, []).append(float(behind))
        yield {
            "network": " ".join(str(level) for level in cell),
            "rate": float(own["learning_rate"].median()),
            "accuracy": float(mean[1.0]),
            "best": best,
            "at": float(10 ** at[mean.to_numpy().argmax()]),
            "found": best - float(mean[1.0]),
            **{rule: float(np.nanmean(some)) if np.isfinite(some).any() else np.nan for rule, some in picks.items()},
        }


def table(rows: list[dict[str, Any]]) -> str:
    """A line a network; behind the best, in points, from the sixth column on."""
    head = f"{'network':32} {'rate':>8} {'there':>6} {'best':>6} {'at ×':>6}   behind: {'found':>6}"
    lines = [head + "".join(f"{rule:>14}" for rule in PICKS)]
    lines += [
        f"{row['network']:32} {row['rate']:8.1e} {row['accuracy']:6.1f} {row['best']:6.1f} {row['at']:6g}"
        f"           {row['found']:6.1f}" + "".join(f"{row[rule]:14.1f}" for rule in PICKS)
        for row in rows
    ]
    return "\n".join(lines)


def summary(rows: list[dict[str, Any]]) -> str:
    """Of all networks: points behind the best rate."""
    made = pd.DataFrame(rows)
    lines = [
        f"{rule:14} median {made[rule].median():5.2f}, mean {made[rule].mean():5.2f}, most {made[rule].max():5.1f}"
        for rule in ("found", *PICKS)
    ]
    return f"points behind the best of {len(MULTIPLES) + 1} rates, {len(made)} networks\n" + "\n".join(lines)


if __name__ == "__main__":
    main()
