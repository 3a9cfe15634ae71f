"""Find a folder of the user's own in which compiled programs outlive a process.

The files are machine code: the folder is one that nobody else may write to, never the folder of a study, which people
share. Programs of another processor, another number of threads or another release lie in a folder beside.
"""

import hashlib
import json
import os
import platform
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from stat import S_IRWXU, S_IWGRP, S_IWOTH

from ablate import system
from ablate.storage.files.trimming import CacheFile, files_in, remove_files, total_bytes

VARIABLE = "ABLATE_PROGRAM_CACHE"  # a folder, or OFF
OFF = "off"
MOST_BYTES = 2**28  # of the programs of one machine: a program of a small network takes 0.3 to 3 MB
MOST_MACHINES = 4  # folders kept, those used last
_FOLDER = re.compile("[0-9a-f]{16}")
_FILE = re.compile(r".+-(cache|atime)|\.lockfile")  # as JAX names a program, the time of its use, and the lock on both


def open_program_cache(threads: int | None, *, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The folder of the programs that may run here; None if it is switched off, or cannot be private and written.

    Programs may depend on the `threads` (None: one per processor) and on the processors that the process sees.
    """
    root = _root(environ)
    if root is None:
        return None
    here = root / _digest_of_machine(threads)
    try:
        here.mkdir(mode=S_IRWXU, parents=True, exist_ok=True)
        if not (_is_private(root) and _is_private(here)):
            return None
        os.utime(here)
        _drop_oldest(root)
    except OSError:
        return None
    return here if os.access(here, os.R_OK | os.W_OK | os.X_OK) else None


def fault_of_program_cache(*, environ: Mapping[str, str] = os.environ) -> tuple[str, str] | None:
    """Why programs are not kept although they could be, and what repairs it; None if all is well. Makes nothing."""
    root = _root(environ)
    if root is None or not os.path.lexists(root):
        return None
    try:
        if root.is_symlink() or not root.is_dir():
            return f"{root} is no folder, so compiled programs are not kept", f"set {VARIABLE} to a folder of yours"
        if not _is_private(root):
            said = f"others may write to {root}, so compiled programs are not kept there"
            return said, f"chmod go-w {root}, or set {VARIABLE} to a folder of yours"
    except OSError as err:
        return f"{root}: {err.strerror}: compiled programs are not kept", f"set {VARIABLE} to a folder of yours"
    return None


def clear(folder: Path) -> None:
    """Remove all programs: one of them could not be read, and would never be replaced."""
    for path in folder.iterdir():
        with suppress(OSError):
            path.unlink()


def program_folders(*, environ: Mapping[str, str] = os.environ) -> list[CacheFile]:
    """The folders of the machines in the cache, with the time of their last use; those used last first.

    Empty if the cache is switched off, or is not this user's alone.
    """
    root = _root(environ)
    try:
        return _machines(root) if root is not None and _is_private(root) else []
    except OSError:  # there is none
        return []


def remove_programs(folder: Path) -> bool:
    """Remove the programs of one machine, and the folder if nothing else is in it; whether it is gone."""
    remove_files(files_in(folder, _FILE.fullmatch))
    with suppress(OSError):  # a file of somebody else's is in it, or another process removed it
        folder.rmdir()
    return not folder.exists()


def _root(environ: Mapping[str, str]) -> Path | None:
    named = environ.get(VARIABLE, "")
    if named == OFF:
        return None
    if named:
        return Path(named)
    cache = environ.get("XDG_CACHE_HOME", "")
    with suppress(RuntimeError):  # no home folder
        return (Path(cache) if Path(cache).is_absolute() else Path.home() / ".cache") / "ablate" / "programs"
    return None


def _is_private(folder: Path) -> bool:
    """Whether the folder is this user's and writable for no one else."""
    found = folder.lstat()
    is_own = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    return is_own and folder.is_dir() and not folder.is_symlink() and not found.st_mode & (S_IWGRP | S_IWOTH)


def _digest_of_machine(threads: int | None) -> str:
    versions = system.versions()
    libraries = {name: versions.get(name) for name in ("jax", "jaxlib")}
    facts = [platform.machine(), sorted(_processor()), system.usable_cores(), threads, libraries]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def _processor() -> Iterator[str]:
    """What the processor can do: code that is made for one fails on another."""
    yield platform.processor()
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(errors="replace").split("\n\n")[0].splitlines():
            name, _, value = line.partition(":")
            if name.strip() in ("model name", "flags", "Features", "CPU part"):
                yield value.strip()


def _drop_oldest(root: Path) -> None:
    for machine in _machines(root)[MOST_MACHINES:]:
        remove_programs(machine.path)


def _machines(root: Path) -> list[CacheFile]:
    """The folders of machines, those used last first. Other folders are not ours: the user may have named any root."""
    found = list[CacheFile]()
    for path in root.iterdir():
        with suppress(OSError):  # another process removed it
            if _FOLDER.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
                files = list(files_in(path, _FILE.fullmatch))
                found.append(CacheFile(path, total_bytes(files), path.stat().st_mtime))
    return sorted(found, key=lambda one: -one.used)
