"""Does a change that changes nothing look as if it helped? The reference against itself under other names.

    python tests/benchmarks/does_nothing_help.py [--variants 10] [--seeds 10] [--train 10000] [--epochs 5]
        [--data-dir DIR]

Trains a real study of CIFAR-10 by `ablate`'s command line. All variants are one and the same network of four dense
layers of 100; only their initial weights are drawn anew, as a change of the network would do (with the same draws the
differences would all be exactly 0), and each gets a range test and so a learning rate of its own. All else is paired by
seed as in any study. Whatever "helps" or "hurts" here is a false alarm: at 5 %, at most one such run in twenty has any.
Prints each difference, its intervals and its verdict.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

STUDY = """
title = "The reference against itself under other names"
[data]
name = "cifar10"
train = {train}
[model]
name = "{code}:build"
[training]
epochs = {epochs}
[baseline]
name = "a0"
optimizer = "nadam"
learning_rate = "find"
[space]
name = {names}
[search]
trials = 0
[ablation]
seeds = {seeds}
"""


def build(factors: dict[str, Any], input_shape: tuple[int, ...], n_classes: int) -> Any:
    """The same network whatever its name; the name decides where in the replicate's stream its weights begin."""
    import random

    import keras
    from keras import layers

    # A user's model draws from the global stream, which the replicate has seeded, alike for all variants.
    draws = [[random.randrange(2**31) for _ in range(5)] for _ in range(int(factors["name"][1:]) + 1)][-1]
    x = inputs = keras.Input(input_shape)
    x = layers.Flatten()(x)
    for seed in draws[:4]:
        x = layers.Dense(100, "elu", kernel_initializer=keras.initializers.HeNormal(seed=seed))(x)
    last = keras.initializers.GlorotUniform(seed=draws[4])
    return keras.Model(inputs, layers.Dense(n_classes, kernel_initializer=last)(x))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--train", type=int, default=10000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--data-dir", type=lambda text: Path(text).resolve())
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aa-") as folder:
        write_study(arguments, Path(folder))
        where = ["--data-dir", str(arguments.data_dir)] if arguments.data_dir else []
        command = [sys.executable, "-m", "ablate.cli.main", "study", "aa.toml", "--json", *where]
        environment = {**os.environ, "MLFLOW_TRACKING_URI": "sqlite:///mlflow.db"}
        done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        closed = json.loads(done.stdout.splitlines()[-1])
        print("\n".join(report(Path(folder) / closed["report"], arguments)))


def write_study(arguments: argparse.Namespace, folder: Path) -> None:
    """The study file, and this file beside it as its model."""
    code = "aa_model.py"
    (folder / code).write_text(Path(__file__).read_text())
    names = json.dumps([f"a{number}" for number in range(arguments.variants + 1)])
    text = STUDY.format(train=arguments.train, epochs=arguments.epochs, seeds=arguments.seeds, names=names, code=code)
    (folder / "aa.toml").write_text(text)


def report(html: Path, arguments: argparse.Namespace) -> list[str]:
    """Each contrast, and how many were false alarms."""
    import pandas as pd

    from ablate.system import hardware

    effects = pd.read_csv(html.with_name("effects.csv"))
    lines = [
        f"{'variant':10} {'mean':>7} {'SD':>6}  {'95 %':>16}  {'all at once':>16} {'p':>6} {'adjusted':>8}  verdict"
    ]
    for row in effects.to_dict("records"):
        mean, sd, low, high, low_all, high_all = (
            100 * row[name] for name in ("mean", "sd", "low", "high", "low_adjusted", "high_adjusted")
        )
        lines.append(
            f"{row['variant']:10} {mean:+7.2f} {sd:6.2f}  [{low:+6.2f}, {high:+6.2f}]  "
            f"[{low_all:+6.2f}, {high_all:+6.2f}] {row['p']:6.3f} {row['p_adjusted']:8.3f}  {row['verdict']}"
        )
    alarms = int(effects["verdict"].isin(("helps", "hurts")).sum())
    alone = int(((effects["low"] > 0) | (effects["high"] < 0)).sum())
    machine = hardware()
    return [
        *lines,
        f"{alarms} of {len(effects)} contrasts are called helps or hurts; {alone} intervals of their own exclude 0",
        f"{arguments.seeds} seeds, {arguments.train:,} images, {arguments.epochs} epochs; {machine['cpu']}, "
        f"{machine['cores']} cores; {date.today().isoformat()}",
    ]


if __name__ == "__main__":
    main()
