"""What studies leave behind: caches, results that `--fresh` set aside, kept models; and which of it may go."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ablate.storage.files.lock import is_held
from ablate.storage.files.trimming import CacheFile, CacheLimit, files_in, remove_files, surplus, total_bytes
from ablate.storage.models import ENDING, FOLDER
from ablate.storage.old_results import OldResults, old_results, remove_old
from ablate.storage.program_cache import program_folders, remove_programs
from ablate.storage.trial_cache import LR_TESTS, TRIALS, cache_files

PRETRAINED = "pretrained"
# What `verify` and later preregistrations read: without these files they would not know what was done before.
RECORDS = ("test_reads", "preregistered", "ways")
YOUNG = 24 * 3600.0  # seconds since its last use for which a folder of programs stays: a process may still use it
_WEIGHTS = re.compile(r"[0-9a-f]{32}(-\d+-parts)?\.npz")
_RECORD = re.compile(r"[\w.+-]+\.json")


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What lies in a folder of results, and in the user's cache."""

    out: Path
    cache: Mapping[str, Sequence[CacheFile]]  # trials, range tests and pretrained weights, by folder
    records: Sequence[CacheFile]  # which are never removed
    programs: Sequence[CacheFile]  # a folder for each kind of machine
    old: Sequence[OldResults]
    models: Mapping[str, Sequence[CacheFile]]  # of each study, by its folder
    running: Sequence[str]  # studies that run in this folder now

    @property
    def cached(self) -> list[CacheFile]:
        """The files of the cache that only save work."""
        return [file for files in self.cache.values() for file in files]


@dataclass(frozen=True, slots=True)
class Trimming:
    """What is to be removed."""

    files: Sequence[CacheFile] = ()
    programs: Sequence[CacheFile] = ()
    old: Sequence[OldResults] = ()

    @property
    def n_bytes(self) -> int:
        """The bytes that it frees."""
        return total_bytes([*self.files, *self.programs]) + sum(one.n_bytes for one in self.old)


def find_leftovers(out: Path, *, environ: Mapping[str, str] = os.environ) -> Leftovers:
    """Look at the folder of results `out`; changes nothing. A cache that is a link is left out."""
    cache, folders = out / ".cache", list(_folders(out))
    is_ours = not cache.is_symlink()
    cached = {name: cache_files(cache, (name,)) if is_ours else [] for name in (TRIALS, LR_TESTS)}
    records = [file for name in RECORDS for file in _plain(cache / name, _RECORD, depth=1)] if is_ours else []
    models = {folder.name: _plain(folder / FOLDER, re.compile(rf".+{re.escape(ENDING)}")) for folder in folders}
    return Leftovers(
        out,
        cached | {PRETRAINED: _plain(cache / PRETRAINED, _WEIGHTS) if is_ours else []},
        records,
        program_folders(environ=environ),
        old_results(out),
        {name: files for name, files in models.items() if files},
        [folder.name for folder in folders if is_held(folder)],
    )


def to_trim(found: Leftovers, limit: CacheLimit, *, now: float, old: bool) -> Trimming:
    """What of it goes: the cache beyond the limit, the programs beyond it, and the `old` results if asked for.

    The cache is shared: nothing of it goes while a study runs in this folder. Nor do programs used within a day.
    """
    resting = [one for one in found.programs if one.used < now - YOUNG]
    beyond = {one.path for one in surplus(found.programs, limit)}
    return Trimming(
        [] if found.running else surplus(found.cached, limit),
        [one for one in resting if one.path in beyond],
        [one for one in found.old if not one.against] if old else [],
    )


def trim(chosen: Trimming) -> Trimming:
    """Remove it; what is gone now. Files that another process used or removed meanwhile are left out."""
    return Trimming(
        remove_files(chosen.files),
        [one for one in chosen.programs if remove_programs(one.path)],
        [one for one in chosen.old if remove_old(one)],
    )


def _folders(out: Path) -> Iterator[Path]:
    with suppress(OSError):  # there is none
        yield from (path for path in sorted(out.iterdir()) if path.is_dir() and not path.is_symlink())


def _plain(folder: Path, named: re.Pattern[str], *, depth: int = 0) -> list[CacheFile]:
    return [] if folder.is_symlink() else list(files_in(folder, named.fullmatch, depth=depth))
