"""What a cluster's machines get of a study, and what they send back besides messages: plain data, and files by name."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias, final

from ablate.storage.conditions import model_digest
from ablate.storage.files.atomic import ASIDE, write_aside
from ablate.study.settings import StudySettings
from ablate.workers.crew import End
from ablate.workers.messages import WorkerTask
from ablate.workers.process import Serve

Files: TypeAlias = Mapping[str, bytes]  # by their paths in a folder, with "/"
CACHES = ("ways", "lr_tests", "pretrained")  # the folders of a cache whose files workers of all machines share
MOST_SHIPPED = 64 * 2**20  # bytes of cache files that go to a machine, or come from it
MOST_KEPT = 2**30  # bytes of a trial's files that come back


@final
@dataclass(frozen=True, slots=True)
class Seat:
    """A place for a worker on a machine."""

    number: int  # of the worker, in the whole cluster
    threads: int
    neighbours: int  # workers that the machine has room for
    on_gpu: bool


@final
@dataclass(frozen=True, slots=True)
class Shipment:
    """What all workers of a study share, as the driver has it; paths are those of the driver's machine."""

    task: WorkerTask
    code: str  # digest of the study's own code, on the driver's machine
    token: str  # of this run
    mark: Path  # a file with the token in the study's folder: where it can be read, the disk is shared
    serve: Serve  # what runs in a worker process
    flags: Mapping[str, str] = field(default_factory=dict)  # the driver's environment variables that numbers depend on
    names: tuple[str, ...] = ()  # of all such variables, also those that the driver has not set
    cache: Files = field(default_factory=dict)  # of the driver's cache


@final
@dataclass(frozen=True, slots=True)
class Ended:
    """A worker's end, with the last lines of its output where the driver cannot read them."""

    end: End
    words: str = ""


@final
@dataclass(frozen=True, slots=True)
class Brought:
    """Files that a machine without the driver's disk has for it."""

    study: Files = field(default_factory=dict)  # of the study's folder
    cache: Files = field(default_factory=dict)


def with_code(study: StudySettings, digest: str) -> StudySettings:
    """The study with its own code where this machine has it: in its folder as on the driver, or as shipped."""
    for base in (study.base, Path.cwd()):
        found = study.model_copy(update={"base": base})
        if model_digest(found) == digest:
            return found
    return study


def cache_files(folder: Path, *, but: frozenset[str] = frozenset(), most: int = MOST_SHIPPED) -> dict[str, bytes]:
    """The files of a cache that workers of all machines share, the newest first, up to `most` bytes in all."""
    dated = list[tuple[float, Path]]()
    for path in (path for name in CACHES for path in (folder / name).glob("*")):
        with suppress(OSError):  # another worker replaces or removes it
            if path.is_file() and not path.name.startswith(ASIDE):
                dated.append((path.stat().st_mtime, path))
    return read_files(folder, [path for _, path in sorted(dated, reverse=True)], but=but, most=most)


def read_files(
    folder: Path, paths: Sequence[Path], *, but: frozenset[str] = frozenset(), most: int
) -> dict[str, bytes]:
    """Files by their paths in a folder, in this order, up to `most` bytes in all; what cannot be read is left out."""
    files, total = dict[str, bytes](), 0
    for path in paths:
        name = path.relative_to(folder).as_posix()
        try:
            size = path.stat().st_size
            if name not in but and total + size <= most:
                files[name] = path.read_bytes()
                total += size
        except OSError:
            continue
    return files


def write_missing(folder: Path, files: Files) -> None:
    """Write files that the folder has not yet: of two choices made at once, the first counts."""
    for name, content in files.items():
        if _is_inside(name) and not (folder / name).exists():
            write_aside(folder / name, content)


def write_over(folder: Path, files: Files) -> None:
    """Write files into a folder, over those of an earlier attempt."""
    for name, content in files.items():
        if _is_inside(name):
            write_aside(folder / name, content)


def moved(task: WorkerTask, *, study: StudySettings, folder: Path, arrays: Path) -> WorkerTask:
    """The task on a machine without the driver's disk: everything in its own folder there."""
    kept = folder / "study"
    return replace(
        task,
        study=study,
        arrays=arrays,
        cache=folder / "cache" if task.cache else None,
        log=folder / task.log.name,
        folders=kept / "trials" if task.folders else None,
        kept_in=kept if task.kept_in else None,
    )


def _is_inside(name: str) -> bool:
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts
