"""Find a folder of the user's own in which compiled programs outlive a process.

The files are machine code: the folder is one that nobody else may write to, never the folder of a study, which people
share. Programs of another processor, another number of threads or another release lie in a folder beside.
"""

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from stat import S_IRWXU, S_IWGRP, S_IWOTH

from ablate import system

VARIABLE = "ABLATE_PROGRAM_CACHE"  # a folder, or OFF
OFF = "off"
MOST_BYTES = 2**28  # of the programs of one machine: a program of a small network takes 0.3 to 3 MB
MOST_MACHINES = 4  # folders kept, those used last


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


def clear(folder: Path) -> None:
    """Remove all programs: one of them could not be read, and would never be replaced."""
    for path in folder.iterdir():
        with suppress(OSError):
            path.unlink()


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
    folders = sorted((path for path in root.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    for path in folders[:-MOST_MACHINES]:
        shutil.rmtree(path, ignore_errors=True)
