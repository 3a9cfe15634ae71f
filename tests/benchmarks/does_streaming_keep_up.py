"""Does streaming keep up? Epochs on images four times a process' memory limit, against the same images in memory.

    python tests/benchmarks/does_streaming_keep_up.py [--gigabytes 2.4] [--epochs 3] [--folder DIR]

Writes uint8 images of 64 × 64 × 3 as a .npy file of so many gigabytes into a temporary folder of DIR, and trains a
small convolutional network and a dense one on them: in one process that streams the file, in another that holds the
examples in memory, epochs in turn. Both are the code of a study's workers; validation is part of an epoch.

The limit of the streaming process is a quarter of the data: once TensorFlow has started and has compiled the programs,
RLIMIT_DATA lets it allocate so much more private memory. Mapped files do not count there. "held" is the most private
memory that the process had at once beyond that moment, sampled every 20 ms.

A machine with more memory keeps the whole file in its page cache, so the ratio says what streaming itself costs. The
"cold" epoch starts after the file's pages were dropped; "disk" is what the process then read from the disk. The last
lines are the driver's way to a study: loading, examining and saving the same file, with the private memory it took.
"""

import argparse
import json
import mmap
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

SIDE, N_CLASSES, BATCH = 64, 10, 128
MOST = 1.3  # times the epoch of examples in memory
STUDY = """
title = "Images from disk"
[data]
name = "mine.py:load"
validation = 0.02
scaling = "none"
[model]
name = "mine.py:{model}"
[training]
epochs = 100
patience = 0
batch_size = {batch}
[baseline]
optimizer = "sgd"
learning_rate = 0.001
[space]
optimizer = ["sgd", "adam"]
[search]
trials = 0
[ablation]
seeds = 1
"""
MINE = """
from pathlib import Path
import keras
import numpy as np

def load():
    here = Path(__file__).parent
    x, y = (np.load(here / f"{name}.npy", mmap_mode="r") for name in "xy")
    n = len(x) - len(x) // 50
    return {"x_train": x[:n], "y_train": y[:n], "x_test": x[n:], "y_test": y[n:]}

def cnn(factors, input_shape, n_classes):
    return keras.Sequential([
        keras.Input(input_shape), keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(16, 3, strides=2, activation="relu"),
        keras.layers.Conv2D(32, 3, strides=2, activation="relu"),
        keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(n_classes),
    ])

def mlp(factors, input_shape, n_classes):
    return keras.Sequential([
        keras.Input(input_shape), keras.layers.Rescaling(1 / 255), keras.layers.Flatten(),
        keras.layers.Dense(64, activation="relu"), keras.layers.Dense(n_classes),
    ])
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=2.4)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--models", nargs="+", default=["cnn", "mlp"])
    parser.add_argument("--child", nargs=3, metavar=("MODEL", "LIMIT", "ARRAYS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        model, limit, arrays = options.child
        child(options.folder, Path(arrays), model, int(limit))
        return
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="ablate-images-") as made:
        folder = Path(made)
        n = write_images(folder, int(options.gigabytes * 1e9))
        limit = int(options.gigabytes * 1e9) // 4
        print(f"{n:,} images, {options.gigabytes:g} GB; limit of the streaming process {limit / 1e6:,.0f} MB")
        driven = driver(folder)
        print("model   in memory, s  streamed, s  ratio  held, MB  cold, s  disk, GB   seconds of each epoch")
        arrays, n_epochs = Path(driven["arrays"]), options.epochs
        ratios = [compare(folder, arrays, model, limit, n=n_epochs) for model in options.models]
        for part in ("load", "examine", "save"):
            print(f"driver, {part:<8}{driven[part]['seconds']:>7.1f} s{driven[part]['held'] / 1e6:>8,.0f} MB")
        print(f"saved arrays: {driven['copied'] / 1e9:.2f} GB of them are copies")
    sys.exit(max(ratios) > MOST)


def write_images(folder: Path, n_bytes: int) -> int:
    """Images of noise, whose brightness tells their class, written piece by piece; returns their number."""
    import numpy as np

    n, rng = n_bytes // (SIDE * SIDE * 3), np.random.default_rng(0)
    images = np.lib.format.open_memmap(folder / "x.npy", "w+", np.uint8, (n, SIDE, SIDE, 3))
    classes = rng.integers(0, N_CLASSES, n).astype(np.int32)
    for first in range(0, n, 2000):
        some = classes[first : first + 2000]
        noise = rng.integers(0, 128, (len(some), SIDE, SIDE, 3), np.uint8)
        images[first : first + len(some)] = noise + 12 * some[:, None, None, None].astype(np.uint8)
    images.flush()
    np.save(folder / "y.npy", classes)
    (folder / "mine.py").write_text(MINE)
    for model in ("cnn", "mlp"):
        (folder / f"{model}.toml").write_text(STUDY.format(model=model, batch=BATCH))
    return n


def driver(folder: Path) -> dict[str, Any]:
    """Load, examine and save the images as a study does, in this process."""
    from ablate.data import data_cautions, save_arrays
    from ablate.data.shared import copied_bytes
    from ablate.experiment.options import open_data
    from ablate.study.load import load_study

    study, said = load_study(folder / "cnn.toml", overrides=[], quick=False), dict[str, Any]()
    with Measured(said, "load"):
        data = open_data(study, None, announce=lambda _: None)
    with Measured(said, "examine"):
        data_cautions(data)
    with Measured(said, "save"):
        said["arrays"] = str(save_arrays(data, folder / "saved"))
    said["copied"] = copied_bytes(Path(said["arrays"]))
    return said


class Measured:
    """Add the seconds of a block, and the most private memory beyond that at its start."""

    def __init__(self, said: dict[str, Any], part: str) -> None:
        self._said, self._part, self._is_over = said, part, threading.Event()

    def __enter__(self) -> None:
        from ablate.system import held_memory_bytes

        self._began, self._before = time.perf_counter(), held_memory_bytes(os.getpid())
        self._most = self._before
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        seconds = time.perf_counter() - self._began
        self._said[self._part] = {"seconds": seconds, "held": self._most - self._before}

    def _watch(self) -> None:
        from ablate.system import held_memory_bytes

        while not self._is_over.wait(0.02):
            self._most = max(self._most, held_memory_bytes(os.getpid()))


def compare(folder: Path, arrays: Path, model: str, limit: int, *, n: int) -> float:
    """Train in turn, and print a line; the ratio of the medians."""
    with Child(folder, arrays, model, limit) as streamed:
        cold = streamed.ask("cold")  # nobody else maps the file yet
        with Child(folder, arrays, model, 0) as held:
            pairs = [(held.ask("warm"), streamed.ask("warm")) for _ in range(n)]
    one, other = (statistics.median(pair[k]["seconds"] for pair in pairs) for k in (0, 1))
    most = max(pair[1]["held"] for pair in pairs)
    print(
        f"{model:<6}{one:>14.2f}{other:>13.2f}{other / one:>7.2f}{most / 1e6:>10,.0f}{cold['seconds']:>9.2f}"
        f"{cold['disk'] / 1e9:>10.2f}   {[round(a['seconds'], 2) for a, _ in pairs]}"
        f" {[round(b['seconds'], 2) for _, b in pairs]}",
        flush=True,
    )
    return other / one


class Child:
    """A process that trains an epoch when it is asked to."""

    def __init__(self, folder: Path, arrays: Path, model: str, limit: int) -> None:
        command = [sys.executable, __file__, "--folder", str(folder), "--child", model, str(limit), str(arrays)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> "Child":
        self._hear()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def ask(self, how: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{how}\n")
        self._process.stdin.flush()
        return self._hear()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                said: dict[str, Any] = json.loads(line)
                return said
        sys.exit("a process has ended early")


def child(folder: Path, arrays: Path, model: str, limit: int) -> None:
    """Train an epoch for each line of the standard input; a `limit` of 0 holds the examples in memory."""
    from ablate.study.backend import usual_backend
    from ablate.training.engine.device import prepare_backend

    prepare_backend(usual_backend())
    from ablate.clock import Clock
    from ablate.data import load_arrays
    from ablate.data.placement import Room
    from ablate.study.load import load_study
    from ablate.study.trial import Label, TrialSpec
    from ablate.system import held_memory_bytes
    from ablate.training.engine.context import TrainingContext
    from ablate.training.run_range_test import RateFinder
    from ablate.training.slots import Slots
    from ablate.training.train import begin

    study, data = load_study(folder / f"{model}.toml", overrides=[], quick=False), load_arrays(arrays)
    context = TrainingContext(study, data, room=Room(limit))
    assert context.placement.is_streamed == bool(limit)
    spec, slots = TrialSpec("t", Label("ablation", "reference"), 1, study.baseline), Slots(context, size=1)
    slots.put(begin(spec, context, RateFinder(context, cache=None), Clock()), 0)
    before = held_memory_bytes(os.getpid())
    if limit:
        allocated = next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmData" in line)
        most = int(allocated.split()[1]) * 1024 + limit
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    print(json.dumps({}), flush=True)
    for line in sys.stdin:
        if line.strip() == "cold":
            drop(arrays)
            for array in (data.x_train, data.x_test):
                unmap(array)
            drop(arrays)
        said: dict[str, Any] = {"disk": -bytes_read()}
        at_start = held_memory_bytes(os.getpid()) - before
        with Measured(said, "epoch"):
            (epoch,) = slots.run_epoch().values()
        most = at_start + said["epoch"]["held"]
        said |= {"seconds": said["epoch"]["seconds"], "held": most, "disk": said["disk"] + bytes_read()}
        print(json.dumps(said | {"loss": epoch.metrics["val_loss"]}), flush=True)


def unmap(array: Any) -> None:
    """Give up the pages of a mapped array; they come again when they are read."""
    base = array
    while not isinstance(base, mmap.mmap):
        base = base.base
    base.madvise(mmap.MADV_DONTNEED)


def drop(arrays: Path) -> None:
    """Drop the pages of the saved arrays that no process maps."""
    for path in arrays.glob("*.npy"):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def bytes_read() -> int:
    """Bytes that this process has read from a disk."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("read_bytes"))


if __name__ == "__main__":
    main()
