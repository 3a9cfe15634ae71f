"""Does `ablate` reach what plain `model.fit` reaches? The plain configuration of cifar_mlp, trained by both.

    python tests/benchmarks/does_it_agree_with_model_fit.py [--seeds 5] [--data-dir DIR] [--set KEY=VALUE ...]

`model.fit` lives in a process of its own and gets a model written by hand with Keras' own layers, the same split, batch
size, learning rate, epochs and early stopping, and its own random draws. It trains twice: as it is, and after
`keras.utils.set_random_seed`. The second is not the same: with a global seed Keras 3.15 on TensorFlow 2.21 repeats the
first epoch's batches in every epoch (see DECISIONS.md). All three take turns. Prints the best validation accuracy per
seed, the means with 95 % intervals, Welch's intervals of the differences, and the ratio of the times of an epoch.
"""

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Task:
    """What `model.fit` is asked to do; picklable, for its own process."""

    x: np.ndarray[Any, Any]
    y: np.ndarray[Any, Any]
    held_out: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]
    n_classes: int
    depth: int
    width: int
    rate: float
    batch: int
    epochs: int
    patience: int
    seed: int | None  # None: no global seed


class Alone:
    """The feed of one trial, that keeps how it ended."""

    outcome: Any

    def more(self, _n: int) -> tuple[()]:
        return ()

    def report(self, epochs: Any) -> list[bool]:
        return [True for _ in epochs]

    def tell(self, outcome: Any) -> None:
        self.outcome = outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    arguments = parser.parse_args()

    from ablate.training.engine.device import prepare_backend

    prepare_backend("tensorflow")
    from ablate.clock import Clock
    from ablate.data import load_dataset
    from ablate.study.load import load_study
    from ablate.study.names import find_study
    from ablate.study.trial import Label, TrialSpec
    from ablate.training.engine.context import TrainingContext
    from ablate.training.run_range_test import RateFinder
    from ablate.training.stack import run_trials

    study = load_study(find_study("cifar_mlp", folder=Path.cwd()), overrides=arguments.overrides, quick=False)
    data_dir = arguments.data_dir
    data = load_dataset(study.data.name, data_dir=data_dir, explicit=data_dir is not None, base=study.base)
    if data.stand_in:
        print("STAND-IN DATA: not CIFAR-10")
    context = TrainingContext(study, data)
    finder = RateFinder(context, cache=None)
    rate = finder.find(study.baseline, Clock(), replicate=0).suggestion
    factors = {**study.baseline, "learning_rate": rate}
    print(f"learning rate {rate:.3g}, {study.data.train} images, at most {study.training.epochs} epochs")
    scores: dict[str, list[float]] = {"ablate": [], "model.fit": [], "model.fit, seeded": []}
    ratios = []
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as peer:
        for seed in range(1, arguments.seeds + 1):
            alone = Alone()
            run_trials([TrialSpec(f"s{seed}", Label("ablation"), seed, factors)], context, finder, alone)
            outcome = alone.outcome
            mine = outcome.timings["train"] + outcome.timings["evaluate"]
            score = outcome.metrics["val_accuracy"]
            line = f"seed {seed}: ablate {100 * score:.2f} in {outcome.epochs} epochs, {mine:.1f} s"
            scores["ablate"].append(score)
            for name, global_seed in (("model.fit", None), ("model.fit, seeded", seed)):
                task = make_task(context, seed, rate, global_seed)
                accuracy, seconds, epochs = peer.submit(fit, task).result()
                scores[name].append(accuracy)
                if global_seed is None:
                    ratios.append((seconds / epochs) / (mine / outcome.epochs))
                line += f" · {name} {100 * accuracy:.2f} in {epochs} epochs, {seconds:.1f} s"
            print(line, flush=True)
    for name, values in scores.items():
        low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
        print(f"{name:17} mean {100 * np.mean(values):.2f} [{100 * low:.2f}, {100 * high:.2f}], n = {len(values)}")
    for name in ("model.fit", "model.fit, seeded"):
        mean = np.mean(scores["ablate"]) - np.mean(scores[name])
        low, high = stats.ttest_ind(scores["ablate"], scores[name], equal_var=False).confidence_interval()
        print(f"ablate minus {name}: {100 * mean:+.2f} [{100 * low:.2f}, {100 * high:.2f}] points")
    middle, least, most = np.median(ratios), min(ratios), max(ratios)
    print(f"model.fit takes {middle:.2f} times as long an epoch (min {least:.2f}, max {most:.2f}, n = {len(ratios)})")


def make_task(context: Any, seed: int, rate: float, global_seed: int | None) -> Task:
    """The same split and settings as the trial of `seed`, scaled beforehand."""
    from ablate.data import scale_inputs

    study, data, split = context.study, context.data, context.split(seed, context.study.baseline)
    x, y = scale_inputs(data.x_train[split.train], split), data.y_train[split.train]
    held_out = scale_inputs(data.x_train[split.validation], split), data.y_train[split.validation]
    depth, width = (int(study.model.options[name]) for name in ("depth", "width"))
    training = study.training
    rest = (training.batch_size, training.epochs, training.patience, global_seed)
    return Task(x, y, held_out, data.n_classes, depth, width, rate, *rest)


def fit(task: Task) -> tuple[float, float, int]:
    """Best validation accuracy, seconds inside fit, epochs."""
    import keras
    import tensorflow as tf

    if task.seed is None:
        tf.random.set_seed(None)
    else:
        keras.utils.set_random_seed(task.seed)
    model = keras.Sequential(
        [
            keras.Input(task.x.shape[1:]),
            keras.layers.Flatten(),
            *(keras.layers.Dense(task.width, "elu", kernel_initializer="he_normal") for _ in range(task.depth)),
            keras.layers.Dense(task.n_classes, "softmax"),
        ]
    )
    model.compile(keras.optimizers.Nadam(task.rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=task.patience, restore_best_weights=True, mode="max")
    began = time.perf_counter()
    history = model.fit(
        task.x, task.y,
        batch_size=task.batch, epochs=task.epochs, validation_data=task.held_out, callbacks=[stop], verbose=0,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    return max(history.history["val_accuracy"]), seconds, len(history.history["loss"])


if __name__ == "__main__":
    main()
