"""Train a tiny network as a study does, in a worker process or on a cluster: does training work here?"""

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ablate import system
from ablate.data import Dataset, to_dataset, to_source
from ablate.errors import AblateError
from ablate.plans import SteppedPlan
from ablate.storage.files.lock import scratch_folder
from ablate.study.load import load_study
from ablate.study.settings import StudySettings
from ablate.study.trial import Label, TrialSpec
from ablate.text import printable
from ablate.workers.process import Serve
from ablate.workers.queue import count_workers
from ablate.workers.scheduler import WorkerOptions, open_workers
from ablate.workers.worker import work

if TYPE_CHECKING:
    from ablate.workers.cluster.cluster import Cluster

MOST_SECONDS = 60.0  # training takes 6–10 s on two cores, mostly TensorFlow's start
_N = 32  # examples; half of them for validation
# A network with a convolution: only a convolution fails where another channel order is expected.
_STUDY = f"""
title = "Does training work here?"
[data]
name = "digits"
validation = {_N // 2}
[model]
name = "cnn"
stages = 1
filters = 4
units = "8"
convolutions = 1
[training]
epochs = 2
batch_size = 8
[baseline]
normalization = "batch"
activation = "relu"
initializer = "he_normal"
dropout = 0.1
optimizer = "adam"
learning_rate = 0.001
[space]
normalization = ["none", "batch"]
[search]
trials = 0
[ablation]
seeds = 2
"""


def train_tiny(*, most_seconds: float = MOST_SECONDS, serve: Serve = work) -> float:
    """Train a tiny network, clean up, and return the seconds it took. Raises `AblateError` with the reason."""
    began = time.monotonic()
    try:
        with scratch_folder() as scratch:
            train_in(scratch, most_seconds=most_seconds, serve=serve)
    except OSError as err:
        raise AblateError(f"no space for temporary files: {err}") from err
    return time.monotonic() - began


def train_in(
    scratch: Path, *, most_seconds: float = MOST_SECONDS, serve: Serve = work, cluster: "Cluster | None" = None
) -> None:
    """Train it with files in the folder `scratch`, on a cluster if there is one. Raises `AblateError` if it fails."""
    study, options = tiny_study(scratch), WorkerOptions(1, _threads(), log=scratch / "worker", cluster=cluster)
    specs = [TrialSpec("tiny", Label("search"), 0, study.baseline)]
    plan = SteppedPlan(lambda _: specs, known={})
    stop = threading.Event()
    alarm = threading.Timer(most_seconds, stop.set)
    alarm.daemon = True
    alarm.start()
    try:
        with open_workers(study, _tiny_data(), options, stop=stop, serve=serve) as scheduler:
            scheduler.run(plan)
    except AblateError as err:
        raise AblateError(_reason(err, scratch / "worker-0.log")) from err
    finally:
        alarm.cancel()
    if stop.is_set():
        raise AblateError(f"it did not finish within {most_seconds:.0f} s")
    outcome = plan.outcomes["tiny"]
    if outcome.state != "finished":
        state = "" if outcome.state == "failed" else f"{outcome.state.replace('_', ' ')}: "
        raise AblateError(f"{state}{outcome.reason}")


def _threads() -> int:
    """Threads that a study's worker gets on this machine."""
    cores = system.usable_cores()
    return max(1, cores // count_workers(cores, gpus=system.count_gpus(), memory=system.memory_bytes()))


def tiny_study(scratch: Path) -> StudySettings:
    """The study of one trial, whose file is written to the folder."""
    path = scratch / "tiny.toml"
    path.write_text(_STUDY)
    return load_study(path, overrides=[], quick=False)


def _tiny_data() -> Dataset:
    images = np.random.default_rng(0).integers(0, 256, size=(_N, 8, 8, 1), dtype=np.uint8)
    labels = np.arange(_N, dtype=np.int32) % 2
    arrays: dict[str, np.ndarray] = {"x_train": images, "y_train": labels, "x_test": images[:2], "y_test": labels[:2]}
    return to_dataset("tiny", to_source(arrays, origin="made by ablate doctor"))


def _reason(err: AblateError, log: Path) -> str:
    """The error's first line; if the worker died without an error message, the last error in its log."""
    said = str(err).partition("\n")[0]
    try:
        printed = log.read_text(encoding="utf-8", errors="replace").split("\n") if said.startswith("worker ") else []
    except OSError:
        printed = []
    last = next((line.strip() for line in reversed(printed) if line.strip()), "")
    return f"{said}: {printable(last, 300)}" if last else said
