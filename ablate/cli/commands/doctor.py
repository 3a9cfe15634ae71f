"""`ablate doctor`: check this machine for anything that would stop a study, and say what repairs it."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console

from ablate import system
from ablate.cli.commands import DONE, UNFINISHED
from ablate.cli.commands.repairs import Finding, problem, repair_of_backend, repair_of_notice, repair_of_training
from ablate.cli.commands.tiny_training import MOST_SECONDS, tiny_study, train_in, train_tiny
from ablate.data import default_data_dir
from ablate.errors import AblateError, reason_of
from ablate.experiment.on_cluster import asked_cluster
from ablate.interface.display.stream import say
from ablate.storage.files.lock import scratch_folder
from ablate.storage.program_cache import fault_of_program_cache
from ablate.storage.provenance import NodeFacts
from ablate.study.backend import BACKENDS, trains_here, usual_backend
from ablate.study.catalog import KERAS_DATA_SETS
from ablate.text import listed, number_of
from ablate.training.engine.device import visible_gpus
from ablate.workers.cluster.address import ClusterRequest, token_faults
from ablate.workers.queue import count_workers

LEAST_DISK = 2**30  # bytes: the example data sets and a study's files need a few hundred MB


def run(tracking_uri: str, *, data_dir: Path | None, cluster: ClusterRequest | None = None) -> int:
    """Print one line per fact, and below each problem what repairs it; 0 if a study could run, 1 if not.

    Repairs nothing itself, and leaves no files behind.
    """
    console = Console(highlight=False)
    problems = 0
    for finding in _facts(tracking_uri, data_dir, cluster, announce=lambda line: say(console, [line])):
        problems += not finding.is_fine
        say(console, finding.lines(), soft_wrap=True)
    say(console, ["ready" if not problems else f"{problems} to fix"])
    return UNFINISHED if problems else DONE


def _facts(
    uri: str, data_dir: Path | None, cluster: ClusterRequest | None, *, announce: Callable[[str], None]
) -> Iterator[Finding]:
    yield from _machine()
    yield from _data(data_dir)
    yield from _folder()
    yield from _programs()
    yield _store(uri)
    yield (backend := _backend())
    if backend.is_fine:
        announce(f"...   {'training':<12}  training a tiny network, as a study does (about 10 s)")
        yield _training()
    if cluster is not None:
        yield from _cluster(cluster)


def _cluster(request: ClusterRequest) -> list[Finding]:
    """The machines of a cluster, who may reach them, and a tiny network that is trained there."""
    found, notices = list[Finding](), list[str]()
    try:
        with (
            scratch_folder() as scratch,
            asked_cluster(
                request,
                tiny_study(scratch),
                device="",
                on_notice=notices.append,
                patience=MOST_SECONDS,
            ) as cluster,
        ):
            assert cluster is not None  # one is asked for
            machines = cluster.machines()
            n = f"{number_of(len(machines), 'machine')}, {number_of(cluster.workers, 'worker')}"
            found.append(Finding("cluster", f"{n} of {number_of(cluster.threads, 'processor')} each"))
            found += [Finding("", _said(one)) for one in machines]
            began = time.monotonic()
            train_in(scratch, cluster=cluster)
            found.append(Finding("", f"a tiny network trains there ({time.monotonic() - began:.0f} s)"))
    except AblateError as err:
        found.append(problem("cluster", err, otherwise=repair_of_notice("")))
    found += [Finding("", notice, repair_of_notice(notice)) for notice in notices]
    return found + [Finding("token", fault, repair) for fault, repair in token_faults()]


def _said(one: NodeFacts) -> str:
    gpus = f", {listed(one.gpus)}" if one.gpus else ""
    return f"{one.host}: {one.cpu}, {one.memory_gb} GB memory{gpus}, room for {number_of(one.workers or 0, 'worker')}"


def _machine() -> list[Finding]:
    hardware, cores = system.hardware(), system.usable_cores()
    workers = count_workers(cores, gpus=system.count_gpus(), memory=system.memory_bytes())
    versions = ", ".join(f"{name} {number}" for name, number in system.versions().items())
    return [
        Finding(
            "processor", f"{hardware['cpu']}, {number_of(cores, 'usable core')}, {hardware['memory_gb']} GB memory"
        ),
        Finding("workers", f"{workers} by default (change with --workers)"),
        Finding("versions", versions),
    ]


def _backend() -> Finding:
    """The backend that trains where a study names none, once it has been imported, and the other one."""
    try:
        chosen = usual_backend()
    except AblateError as err:
        return problem("backend", err, otherwise="unset KERAS_BACKEND")
    others = [name for name in BACKENDS if name != chosen.name and trains_here(name)]
    try:
        gpus = visible_gpus(chosen.name)
    except Exception as err:  # libraries that do not fit each other raise anything on import
        said = f"{chosen.name} cannot be imported: {reason_of(err)}"
        return Finding("backend", said, repair_of_backend(chosen.name, others))
    there = f"GPUs: {', '.join(gpus)}" if gpus else "no GPU found: trials run on the CPU"
    also = f"; also installed: {listed(others)}" if others else ""
    return Finding("backend", f"{chosen.said({})}, {there}{also}")


def _data(data_dir: Path | None) -> list[Finding]:
    way_out = "name a folder that you can read: --data-dir DIR, or the environment variable ABLATE_DATA_DIR"
    try:
        folder = data_dir or default_data_dir()
        there = [name for name in KERAS_DATA_SETS if (folder / f"{name}.npz").exists()]
    except AblateError as err:
        return [problem("data folder", err, otherwise=way_out)]
    except OSError as err:
        return [Finding("data folder", str(err), way_out)]
    missing = [name for name in KERAS_DATA_SETS if name not in there]
    text = f"available: {', '.join(['digits', *there])}; downloaded at first use: {', '.join(missing) or 'none'}"
    return [Finding("data folder", f"{folder}"), Finding("data sets", text)]


def _folder() -> Iterator[Finding]:
    here = Path.cwd()
    try:
        with tempfile.TemporaryFile(dir=here):
            yield Finding("folder", f"{here} is writable")
    except OSError as err:
        way_out = "cd to a folder of yours, or keep results elsewhere: ablate study NAME --out DIR"
        yield Finding("folder", f"{here} is not writable: {err.strerror}", way_out)
    if (free := shutil.disk_usage(here).free) < LEAST_DISK:
        way_out = "free some space: ablate gc shows what caches and old results take, ablate gc --trim removes it"
        yield Finding("disk", f"only {free / 2**20:,.0f} MB are free here", way_out)


def _programs() -> Iterator[Finding]:
    """The cache of compiled programs, if something is wrong with it."""
    if fault := fault_of_program_cache():
        yield Finding("programs", *fault)


def _store(uri: str) -> Finding:
    from ablate.tracking import check_store, shown_uri

    try:
        is_there = check_store(uri)
    except AblateError as err:
        return problem("MLflow", err, otherwise="choose another store: --tracking-uri sqlite:///runs.db")
    return Finding("MLflow", f"{shown_uri(uri)} {'answers' if is_there else 'will be created by the first study'}")


def _training() -> Finding:
    try:
        seconds = train_tiny()
    except AblateError as err:
        chosen = usual_backend().name
        others = [name for name in BACKENDS if name != chosen and trains_here(name)]
        repair = repair_of_training(str(err), chosen=chosen, others=others)
        return problem("training", err, otherwise=repair, before="fails: ")
    return Finding("training", f"a tiny network trains in a worker process ({seconds:.0f} s)")
