"""`ablate doctor`: what this machine has, and what of it would stop a study."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from rich.console import Console

from ablate import system
from ablate.cli.commands import DONE, UNFINISHED
from ablate.cli.display.stream import say
from ablate.data import default_data_dir
from ablate.errors import AblateError
from ablate.study.catalog import KERAS_DATA_SETS
from ablate.training.engine.device import visible_gpus
from ablate.workers.queue import count_workers

Fact: TypeAlias = tuple[str, str, bool]  # its name, what is said of it, whether it is fine


def run(tracking_uri: str, *, data_dir: Path | None) -> int:
    """Print a line a fact; 0 where a study could run, 1 where something must be fixed first. Nothing is left behind."""
    console = Console(highlight=False)
    problems = 0
    for name, fact, is_fine in _facts(tracking_uri, data_dir, announce=lambda line: say(console, [line])):
        problems += not is_fine
        say(console, [f"{'ok ' if is_fine else 'FIX'}   {name:<12}  {fact}"], soft_wrap=True)
    say(console, ["ready" if not problems else f"{problems} to fix"])
    return UNFINISHED if problems else DONE


def _facts(uri: str, data_dir: Path | None, *, announce: Callable[[str], None]) -> Iterator[Fact]:
    yield from _machine()
    yield from _data(data_dir)
    yield _folder()
    yield _store(uri)
    yield (tensorflow := _tensorflow())
    if tensorflow[2]:
        announce(f"...   {'training':<12}  training a tiny network, as a study does (about 10 s)")
        yield _training()


def _machine() -> list[Fact]:
    hardware, cores = system.hardware(), system.usable_cores()
    workers = count_workers(cores, gpus=system.count_gpus(), memory=system.memory_bytes())
    versions = ", ".join(f"{name} {number}" for name, number in system.versions().items())
    return [
        ("processor", f"{hardware['cpu']}, {cores} usable cores, {hardware['memory_gb']} GB memory", True),
        ("workers", f"{workers} by default (change with --workers)", True),
        ("versions", versions, True),
    ]


def _tensorflow() -> Fact:
    try:
        gpus = visible_gpus()
    except ImportError as err:
        return "tensorflow", f"cannot be imported: {err}", False
    return "tensorflow", f"GPUs: {', '.join(gpus)}" if gpus else "no GPU found: trials run on the CPU", True


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
    from ablate.cli.commands.tiny_training import train_tiny

    try:
        seconds = train_tiny()
    except AblateError as err:
        return "training", f"fails: {_in_a_line(err)}", False
    return "training", f"a tiny network trains in a worker process ({seconds:.0f} s)", True


def _in_a_line(err: AblateError) -> str:
    return "; ".join(line.strip() for line in str(err).splitlines())
