"""`ablate doctor`: what this machine has, and what of it would stop a study."""

import tempfile
from pathlib import Path

from rich.console import Console

from ablate import provenance
from ablate.commands import DONE, UNFINISHED
from ablate.commands.output import say
from ablate.datasets import REGISTERED, default_data_dir
from ablate.engine.device import visible_gpus
from ablate.errors import AblateError
from ablate.schedule.choice import count_workers


def run(tracking_uri: str, *, data_dir: Path | None) -> int:
    """Print a line a fact; 0 where a study could run, 1 where something must be mended first."""
    console = Console(highlight=False)
    problems = 0
    for name, fact, is_fine in [*_machine(), *_data(data_dir), _tensorflow(), _folder(), _store(tracking_uri)]:
        problems += not is_fine
        say(console, [f"{'ok  ' if is_fine else 'MEND'}  {name:<12}  {fact}"], soft_wrap=True)
    say(console, ["ready" if not problems else f"{problems} to mend"])
    return UNFINISHED if problems else DONE


def _machine() -> list[tuple[str, str, bool]]:
    hardware, cores = provenance.hardware(), provenance.usable_cores()
    workers = count_workers(cores, gpus=provenance.count_gpus(), memory=provenance.memory_bytes())
    versions = ", ".join(f"{name} {number}" for name, number in provenance.versions().items())
    return [
        ("processor", f"{hardware['cpu']}, {cores} usable cores, {hardware['memory_gb']} GB memory", True),
        ("workers", f"{workers} unless --workers says otherwise", True),
        ("versions", versions, True),
    ]


def _tensorflow() -> tuple[str, str, bool]:
    try:
        gpus = visible_gpus()
    except ImportError as err:
        return "tensorflow", f"cannot be imported: {err}", False
    return "tensorflow", f"GPUs: {', '.join(gpus)}" if gpus else "no GPU found: trials run on the processor", True


def _data(data_dir: Path | None) -> list[tuple[str, str, bool]]:
    try:
        folder = data_dir or default_data_dir()
        there = [name for name in REGISTERED if (folder / f"{name}.npz").exists()]
    except (AblateError, OSError) as err:
        return [("data folder", str(err).replace("\n", " "), False)]
    missing = [name for name in REGISTERED if name not in there and name != "digits"]
    return [
        ("data folder", f"{folder}", True),
        (
            "data sets",
            f"there: {', '.join(['digits', *there])}; fetched at first use: {', '.join(missing) or 'none'}",
            True,
        ),
    ]


def _folder() -> tuple[str, str, bool]:
    try:
        with tempfile.TemporaryFile(dir=Path.cwd()):
            return "folder", f"{Path.cwd()} can be written", True
    except OSError as err:
        return "folder", f"{Path.cwd()} cannot be written: {err.strerror}", False


def _store(uri: str) -> tuple[str, str, bool]:
    from ablate.tracking import check_store, shown_uri

    try:
        check_store(uri)
        return "MLflow", f"{shown_uri(uri)} answers", True
    except AblateError as err:
        return "MLflow", str(err).replace("\n", " "), False
