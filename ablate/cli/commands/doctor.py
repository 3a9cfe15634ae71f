"""`ablate doctor`: check this machine for anything that would stop a study."""

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from rich.console import Console

from ablate import system
from ablate.cli.commands import DONE, UNFINISHED
from ablate.data import Dataset, default_data_dir, to_dataset, to_source
from ablate.errors import AblateError, reason_of
from ablate.experiment.on_cluster import asked_cluster
from ablate.interface.display.stream import say
from ablate.plans import SteppedPlan
from ablate.storage.files.lock import scratch_folder
from ablate.storage.provenance import NodeFacts
from ablate.study.backend import BACKENDS, trains_here, usual_backend
from ablate.study.catalog import KERAS_DATA_SETS
from ablate.study.load import load_study
from ablate.study.settings import StudySettings
from ablate.study.trial import Label, TrialSpec
from ablate.text import listed, number_of, printable
from ablate.training.engine.device import visible_gpus
from ablate.workers.cluster.address import ClusterRequest, token_faults
from ablate.workers.process import Serve
from ablate.workers.queue import count_workers
from ablate.workers.scheduler import WorkerOptions, open_workers
from ablate.workers.worker import work

if TYPE_CHECKING:
    from ablate.workers.cluster.cluster import Cluster

Fact: TypeAlias = tuple[str, str, bool]  # name, text, whether it is fine
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


def run(tracking_uri: str, *, data_dir: Path | None, cluster: ClusterRequest | None = None) -> int:
    """Print one line per fact; return 0 if a study could run, 1 if something must be fixed first.

    Leaves no files behind.
    """
    console = Console(highlight=False)
    problems = 0
    for name, fact, is_fine in _facts(tracking_uri, data_dir, cluster, announce=lambda line: say(console, [line])):
        problems += not is_fine
        say(console, [f"{'ok ' if is_fine else 'FIX'}   {name:<12}  {fact}"], soft_wrap=True)
    say(console, ["ready" if not problems else f"{problems} to fix"])
    return UNFINISHED if problems else DONE


def _facts(
    uri: str, data_dir: Path | None, cluster: ClusterRequest | None, *, announce: Callable[[str], None]
) -> Iterator[Fact]:
    yield from _machine()
    yield from _data(data_dir)
    yield _folder()
    yield _store(uri)
    yield (backend := _backend())
    if backend[2]:
        announce(f"...   {'training':<12}  training a tiny network, as a study does (about 10 s)")
        yield _training()
    if cluster is not None:
        yield from _cluster(cluster)


def _cluster(request: ClusterRequest) -> list[Fact]:
    """The machines of a cluster, who may reach them, and a tiny network that is trained there."""
    found, notices = list[Fact](), list[str]()
    try:
        with (
            scratch_folder() as scratch,
            asked_cluster(
                request,
                _study(scratch),
                device="",
                on_notice=notices.append,
                patience=MOST_SECONDS,
            ) as cluster,
        ):
            assert cluster is not None  # one is asked for
            machines = cluster.machines()
            n = f"{number_of(len(machines), 'machine')}, {number_of(cluster.workers, 'worker')}"
            found.append(("cluster", f"{n} of {number_of(cluster.threads, 'processor')} each", True))
            found += [("", _said(one), True) for one in machines]
            began = time.monotonic()
            _train(scratch, most_seconds=MOST_SECONDS, serve=work, cluster=cluster)
            found.append(("", f"a tiny network trains there ({time.monotonic() - began:.0f} s)", True))
    except AblateError as err:
        found.append(("cluster", _in_a_line(err), False))
    found += [("", notice, False) for notice in notices]
    return found + [("token", fault, False) for fault in token_faults()]


def _said(one: NodeFacts) -> str:
    gpus = f", {listed(one.gpus)}" if one.gpus else ""
    return f"{one.host}: {one.cpu}, {one.memory_gb} GB memory{gpus}, room for {number_of(one.workers or 0, 'worker')}"


def _machine() -> list[Fact]:
    hardware, cores = system.hardware(), system.usable_cores()
    workers = count_workers(cores, gpus=system.count_gpus(), memory=system.memory_bytes())
    versions = ", ".join(f"{name} {number}" for name, number in system.versions().items())
    return [
        ("processor", f"{hardware['cpu']}, {number_of(cores, 'usable core')}, {hardware['memory_gb']} GB memory", True),
        ("workers", f"{workers} by default (change with --workers)", True),
        ("versions", versions, True),
    ]


def _backend() -> Fact:
    """The backend that trains where a study names none, once it has been imported, and the other one."""
    try:
        chosen = usual_backend()
        gpus = visible_gpus(chosen.name)
    except AblateError as err:
        return "backend", _in_a_line(err), False
    except Exception as err:  # libraries that do not fit each other raise anything on import
        way_out = 'repair the installation, or set training.backend = "tensorflow"' if chosen.name == "jax" else (
            "repair the installation"
        )  # fmt: skip
        return "backend", f"{chosen.name} cannot be imported: {reason_of(err)}; {way_out}", False
    there = f"GPUs: {', '.join(gpus)}" if gpus else "no GPU found: trials run on the CPU"
    others = [name for name in BACKENDS if name != chosen.name and trains_here(name)]
    also = f"; also installed: {listed(others)}" if others else ""
    return "backend", f"{chosen.said({})}, {there}{also}", True


def _data(data_dir: Path | None) -> list[Fact]:
    try:
        folder = data_dir or default_data_dir()
        there = [name for name in KERAS_DATA_SETS if (folder / f"{name}.npz").exists()]
    except (AblateError, OSError) as err:
        return [("data folder", _in_a_line(err) if isinstance(err, AblateError) else str(err), False)]
    missing = [name for name in KERAS_DATA_SETS if name not in there]
    return [
        ("data folder", f"{folder}", True),
        (
            "data sets",
            f"available: {', '.join(['digits', *there])}; downloaded at first use: {', '.join(missing) or 'none'}",
            True,
        ),
    ]


def _folder() -> Fact:
    try:
        with tempfile.TemporaryFile(dir=Path.cwd()):
            return "folder", f"{Path.cwd()} is writable", True
    except OSError as err:
        return "folder", f"{Path.cwd()} is not writable: {err.strerror}", False


def _store(uri: str) -> Fact:
    from ablate.tracking import check_store, shown_uri

    try:
        is_there = check_store(uri)
    except AblateError as err:
        return "MLflow", _in_a_line(err), False
    return "MLflow", f"{shown_uri(uri)} {'answers' if is_there else 'will be created by the first study'}", True


def _training() -> Fact:

    try:
        seconds = train_tiny()
    except AblateError as err:
        return "training", f"fails: {_in_a_line(err)}", False
    return "training", f"a tiny network trains in a worker process ({seconds:.0f} s)", True


def _in_a_line(err: AblateError) -> str:
    return "; ".join(line.strip() for line in str(err).splitlines())


def train_tiny(*, most_seconds: float = MOST_SECONDS, serve: Serve = work) -> float:
    """Train a tiny network, clean up, and return the seconds it took. Raises `AblateError` with the reason."""
    began = time.monotonic()
    try:
        with scratch_folder() as scratch:
            _train(scratch, most_seconds=most_seconds, serve=serve)
    except OSError as err:
        raise AblateError(f"no space for temporary files: {err}") from err
    return time.monotonic() - began


def _train(scratch: Path, *, most_seconds: float, serve: Serve, cluster: "Cluster | None" = None) -> None:
    study, options = _study(scratch), WorkerOptions(1, _threads(), log=scratch / "worker", cluster=cluster)
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


def _study(scratch: Path) -> StudySettings:
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
