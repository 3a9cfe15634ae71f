"""Does `ablate` reach what plain `model.fit` reaches? The plain configuration of cifar_mlp, trained by both.

    python tests/benchmarks/does_it_agree_with_model_fit.py [--seeds 5] [--data-dir DIR] [--set KEY=VALUE ...]

`model.fit` gets a model written by hand with Keras' own layers, the same split, batch size, learning rate, epochs and
early stopping, and its own random draws. Both run in this process, one trial after the other, in turn. Prints each
side's best validation accuracy per seed, the means with 95 % intervals, Welch's interval of the difference, and the
ratio of the training times of each pair.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from scipy import stats

from ablate.engine.device import prepare_tensorflow

prepare_tensorflow()

import keras  # noqa: E402  # after TensorFlow was set up

from ablate.clock import Clock  # noqa: E402
from ablate.datasets import load_dataset, scale_inputs  # noqa: E402
from ablate.engine.workbench import Workbench  # noqa: E402
from ablate.rate_finder import RateFinder  # noqa: E402
from ablate.records import TrialSpec  # noqa: E402
from ablate.study import find_study, load_study  # noqa: E402
from ablate.training import run_trial  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    arguments = parser.parse_args()
    study = load_study(find_study("cifar_mlp", folder=Path.cwd()), overrides=arguments.overrides, quick=False)
    data_dir = arguments.data_dir
    data = load_dataset(study.data.name, data_dir=data_dir, explicit=data_dir is not None, base=study.base)
    if data.stand_in:
        print("STAND-IN DATA: not CIFAR-10")
    bench = Workbench(study, data)
    finder = RateFinder(bench, cache=None)
    rate = finder.find(study.baseline, Clock()).suggestion
    factors = {**study.baseline, "learning_rate": rate}
    print(f"learning rate {rate:.3g}, {study.data.train} images, at most {study.training.epochs} epochs")
    ours, theirs, ratios = [], [], []
    for seed in range(1, arguments.seeds + 1):
        spec = TrialSpec(f"s{seed}", "ablation", "reference", "", "", "", seed, factors)
        outcome = run_trial(spec, bench, finder)
        accuracy, seconds, epochs = fit(bench, seed, rate)
        mine = outcome.timings["train"] + outcome.timings["evaluate"]
        ratios.append((seconds / epochs) / (mine / outcome.epochs))
        ours.append(outcome.val_accuracy)
        theirs.append(accuracy)
        pair = f"ablate {100 * ours[-1]:.2f} in {outcome.epochs} epochs, {mine:.1f} s"
        print(f"seed {seed}: {pair}   model.fit {100 * accuracy:.2f} in {epochs} epochs, {seconds:.1f} s", flush=True)
    for name, scores in (("ablate", ours), ("model.fit", theirs)):
        low, high = stats.t.interval(0.95, len(scores) - 1, np.mean(scores), stats.sem(scores))
        print(f"{name:9} mean {100 * np.mean(scores):.2f} [{100 * low:.2f}, {100 * high:.2f}], n = {len(scores)}")
    low, high = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval()
    print(f"difference {100 * (np.mean(ours) - np.mean(theirs)):+.2f} [{100 * low:.2f}, {100 * high:.2f}] points")
    print(
        f"model.fit takes {np.median(ratios):.2f} times as long an epoch (min {min(ratios):.2f}, max {max(ratios):.2f})"
    )


def fit(bench: Workbench, seed: int, rate: float) -> tuple[float, float, int]:
    """Best validation accuracy, seconds inside fit, epochs."""
    study, data, split = bench.study, bench.data, bench.split(seed)
    x, y = scale_inputs(data.x_train[split.train], split), data.y_train[split.train]
    held_out = scale_inputs(data.x_train[split.validation], split), data.y_train[split.validation]
    keras.utils.set_random_seed(seed)
    layers = [keras.Input(data.x_train.shape[1:]), keras.layers.Flatten()]
    for _ in range(int(study.model.options["depth"])):
        width = int(study.model.options["width"])
        layers.append(keras.layers.Dense(width, activation="elu", kernel_initializer="he_normal"))
    model = keras.Sequential([*layers, keras.layers.Dense(data.n_classes, activation="softmax")])
    model.compile(keras.optimizers.Nadam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping(
        "val_accuracy", patience=study.training.patience, restore_best_weights=True, mode="max"
    )
    began = time.perf_counter()
    history = model.fit(
        x, y,
        batch_size=study.training.batch_size, epochs=study.training.epochs, validation_data=held_out,
        callbacks=[stop], verbose=0,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    return max(history.history["val_accuracy"]), seconds, len(history.history["loss"])


if __name__ == "__main__":
    main()
