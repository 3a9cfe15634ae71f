"""What the faults share: studies half way, how runs end, and whether the same command then makes all good."""

import subprocess
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeAlias

from survival.kills import check_site
from survival.runs import Run, Site
from survival.studies import Wholes
from survival.tables import PLACE_AND_TIME, compare, read_table

Fault: TypeAlias = Callable[[Path, Wholes], list[str]]
DONE, UNFINISHED, WRONG, INTERRUPTED = 0, 1, 2, 130
MOST_LINES = 3  # of an error


class NotHereError(Exception):
    """The fault cannot be put in on this machine."""


def midway(run: Run, trials: int = 6) -> None:
    assert run.wait_until(lambda: len(run.seen("trial_ended")) >= trials), f"it ended before: {run.errors()[-1000:]}"


def ended(run: Run, codes: Collection[int], *, words: Collection[str] = (), clear: bool = True) -> list[str]:
    """Complaints of how a run ended: its exit code, and its error, where that must be a `clear` one of these words."""
    try:
        code = run.wait(300)
    except subprocess.TimeoutExpired:
        return [f"it hangs: {run.errors()[-600:]}"]
    errors = run.errors()
    said = [] if code in codes else [f"ended with {code}, not with {' or '.join(map(str, codes))}: {errors[-600:]}"]
    if "Traceback" in errors:
        said.append(f"a traceback: {errors[-1500:]}")
    if clear and not 0 < len(errors.strip().splitlines()) <= MOST_LINES:
        said.append(f"an error of {len(errors.strip().splitlines())} lines: {errors[-600:]}")
    if words and not any(word.lower() in errors.lower() for word in words):
        said.append(f"the error does not say {' or '.join(words)}: {errors[-600:]}")
    return said


def goes_on(site: Site, wholes: Wholes) -> list[str]:
    """Complaints of what comes of the same command now: it must end as the undisturbed study did."""
    with site.run() as run:
        said = ended(run, (DONE,), clear=False)
    return said + check_site(site, wholes.of("small"))


def tables_are_there(site: Site) -> list[str]:
    names = ("results.csv", "epochs.csv", "effects.csv", "report.html")
    return [f"no {name} when it was stopped" for name in names if not (site.folder / name).exists()]


def same_table(site: Site, wholes: Wholes) -> list[str]:
    found = read_table(site.folder / "results.csv")
    return compare(found, wholes.of("small").results, what="results.csv", without=PLACE_AND_TIME)
