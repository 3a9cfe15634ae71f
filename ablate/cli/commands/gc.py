"""`ablate gc`: show what caches, old results and kept models take, and remove what is asked for."""

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from ablate.cli.commands import DONE, UNFINISHED
from ablate.errors import AblateError
from ablate.interface.display.stream import say
from ablate.storage.files.trimming import CacheFile, CacheLimit, total_bytes
from ablate.storage.leftovers import PRETRAINED, Leftovers, Trimming, find_leftovers, to_trim, trim
from ablate.storage.trial_cache import LR_TESTS, TRIALS
from ablate.text import listed, number_of, printable

NAMES = {TRIALS: "cached trials", LR_TESTS: "range tests", PRETRAINED: "pretrained weights"}
DAY = 86400.0  # seconds
GIGABYTE = 2**30


@dataclass(frozen=True, slots=True)
class GcArguments:
    """The options of the command line."""

    out: Path
    trim: bool
    size: float  # gigabytes that each cache may keep
    days: int | None  # what was not used for so long goes
    old_results: bool
    yes: bool


def run(asked: GcArguments) -> int:
    """Print what there is; with `trim`, ask and remove what is beyond the limits. 1 if something could not be removed.

    Raises `AblateError` where there is nobody to ask.
    """
    console, now = Console(highlight=False), time.time()
    found = find_leftovers(asked.out)
    since = None if asked.days is None else now - asked.days * DAY
    chosen = to_trim(found, CacheLimit(int(asked.size * GIGABYTE), since), now=now, old=asked.old_results)
    say(console, [*lines_of(found, now=now), *_notes(found, asked)], soft_wrap=True)
    if not (chosen.files or chosen.programs or chosen.old):
        say(console, ["nothing to remove beyond these limits"])
        return DONE
    if not asked.trim:
        say(console, [f"ablate gc --trim with the same options removes {in_words(chosen)}"])
        return DONE
    if not (asked.yes or _agreed(chosen)):
        say(console, ["nothing was removed"])
        return DONE
    gone = trim(chosen)
    say(console, [f"removed {in_words(gone)}", *_left(chosen, gone)])
    return DONE if _count(gone) == _count(chosen) else UNFINISHED


def lines_of(found: Leftovers, *, now: float) -> list[str]:
    """A line for each kind of thing: how many, how large, and when it was last used."""
    old = [(one.path.name, [CacheFile(one.path, one.n_bytes, one.at.timestamp())]) for one in found.old]
    things = [
        *((NAMES[name], "", files) for name, files in found.cache.items()),
        ("records", "", found.records),
        *(("compiled programs", str(one.path), [one]) for one in found.programs),
        *(("old results", name, files) for name, files in old),
        *(("kept models", name, files) for name, files in found.models.items()),
    ]
    rows = [(kind, *_sizes(files, now=now), printable(name, 300)) for kind, name, files in things if files]
    widths = [max((len(row[at]) for row in rows), default=0) for at in range(4)]
    lines = [
        f"{kind:<{widths[0]}}  {n:>{widths[1]}}  {size:>{widths[2]}}  {age:<{widths[3]}}  {name}".rstrip()
        for kind, n, size, age, name in rows
    ]
    return lines or [f"{printable(str(found.out), 300)}: no cache, old results or kept models"]


def in_words(chosen: Trimming) -> str:
    """ "12 files of the cache and 1 folder of old results, 40.2 MB"."""
    parts = [
        f"{number_of(len(chosen.files), 'file')} of the cache" if chosen.files else "",
        f"{number_of(len(chosen.programs), 'folder')} of compiled programs" if chosen.programs else "",
        f"{number_of(len(chosen.old), 'folder')} of old results" if chosen.old else "",
    ]
    return f"{listed([part for part in parts if part]) or 'nothing'}, {_shown_bytes(chosen.n_bytes)}"


def _notes(found: Leftovers, asked: GcArguments) -> Iterator[str]:
    """Why something stays."""
    if found.records:
        yield "records stay: which test scores were read, what was preregistered, how programs were compiled"
    if found.models:
        yield "models stay: [training] keep says which a study keeps"
    if found.running and found.cached:
        yield f"the cache stays as it is while a study runs here: {listed(map(printable, found.running))}"
    for old in found.old:
        if old.against:
            yield f"{printable(old.path.name)} stays: {printable(old.against, 300)}"
    if not asked.old_results and any(not old.against for old in found.old):
        yield "old results stay unless --old-results is given"


def _agreed(chosen: Trimming) -> bool:
    """Ask on a terminal. Raises `AblateError` elsewhere."""
    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()):
        raise AblateError(f"--trim: would remove {in_words(chosen)}\n  add --yes to remove it without a question")
    try:
        answer = input(f"Remove {in_words(chosen)}? [y/N] ")
    except EOFError:
        return False
    return answer.strip().lower() in ("y", "yes")


def _left(chosen: Trimming, gone: Trimming) -> list[str]:
    left = _count(chosen) - _count(gone)
    return [f"{number_of(left, 'item')} not removed: in use now, or not yours to remove"] if left else []


def _count(some: Trimming) -> int:
    return len(some.files) + len(some.programs) + len(some.old)


def _sizes(files: Sequence[CacheFile], *, now: float) -> tuple[str, str, str]:
    """Number, size, and the times since the first and the last use."""
    newest, oldest = (_ago(now - ends(file.used for file in files)) for ends in (max, min))
    age = f"used {newest} ago" if newest == oldest else f"used {newest} to {oldest} ago"
    return f"{len(files):,}", _shown_bytes(total_bytes(files)), age


def _shown_bytes(n_bytes: int) -> str:
    """ "4.6 MB", in powers of 1,024."""
    size, unit = n_bytes / 1024, "kB"
    for larger in ("MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1024, larger
    return f"{size:.1f} {unit}"


def _ago(seconds: float) -> str:
    """ "3 hours", "12 days"."""
    for unit, length in (("day", DAY), ("hour", 3600.0), ("minute", 60.0)):
        if seconds >= length:
            return number_of(int(seconds // length), unit)
    return "a minute"
