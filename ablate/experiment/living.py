"""Rewrite the report while the study runs: marked as running, with what is left, and without a verdict.

A thread of the driver writes it. The page itself is quick, some hundredths of a second; what it shows of the trials
takes seconds in a large study, is made more rarely, and stays on the page until it is made again. Nothing that goes
wrong here ends the study: it is said once, and the page stays as it was.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event as Signal
from threading import Lock, Thread
from typing import TypeAlias, final

from ablate.experiment.events import (
    Event,
    Notice,
    Opened,
    Part,
    PartBegan,
    ReportWritten,
    TrialBegan,
    TrialCount,
    TrialEnded,
    Watcher,
)
from ablate.experiment.progress import Progress
from ablate.report import running as page
from ablate.report.page import PartBar, RunningNote
from ablate.storage.facts import Facts
from ablate.storage.folder import StudyFolder
from ablate.text import number_of, printable

TableWriter: TypeAlias = Callable[[StudyFolder], None]  # writes the tables of what has ended into a folder

PARTS: Mapping[Part, str] = {
    "search": "Search", "tune": "Tuning of rates", "ablation": "Comparisons", "path": "Paths",
}  # fmt: skip
FIRST = 1.0  # seconds that reading the trials is thought to take before it has been tried
LONGEST = 300  # characters of an error's message


@dataclass(frozen=True, slots=True)
class Rewriting:
    """How often the page of a running study is written."""

    seconds: float = 60.0  # between two pages, at least
    share: float = 0.01  # of the time since the first page, at most


EVERY_MINUTE = Rewriting()


@final
class LivingReport:
    """Watches a study, passes its events on to `watch`, and keeps the report in `folder` up to date.

    The first page is written when the first trial begins: a study of which nothing is left keeps its report. Without
    `rewriting`, none is written. `now` are seconds of a clock that never goes back.
    """

    def __init__(
        self,
        facts: Facts,
        folder: Path,
        watch: Watcher,
        *,
        rewriting: Rewriting | None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._facts, self._folder, self._watch = facts, folder, watch
        self._pace, self._now = rewriting, now
        self._left, self._lock = WhatIsLeft(), Lock()
        self._begun, self._over = Signal(), Signal()
        self._so_far = page.SoFar()
        self._spent, self._reading, self._writing = 0.0, FIRST, 0.0  # seconds: in all; of the last of each kind

    def __call__(self, event: Event) -> None:
        """Note what the event changes, and pass it on."""
        with self._lock:
            self._left.take(event)
        if isinstance(event, TrialBegan):
            self._begun.set()
        self._watch(event)

    @contextmanager
    def fed_by(self, tables: TableWriter) -> Iterator[None]:
        """Rewrite the report inside the block; afterwards no page is under way any more."""
        if self._pace is None:
            yield
            return
        thread = Thread(target=self._run, args=(tables, self._pace), name="living report", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            self._begun.set()
            thread.join()

    def _run(self, tables: TableWriter, pace: Rewriting) -> None:
        self._begun.wait()
        try:
            self._rewrite(tables, pace)
        except Exception as err:  # whatever it is, the study goes on
            said = printable(str(err) or type(err).__name__, LONGEST)
            self._watch(Notice(f"the report is not rewritten any more until the study has ended: {said}"))

    def _rewrite(self, tables: TableWriter, pace: Rewriting) -> None:
        began, is_first = self._now(), True
        while not self._over.is_set():
            allowed = pace.share * (self._now() - began) - self._spent
            if not is_first and self._reading + self._writing <= allowed:
                self._reading = self._timed(lambda: self._read(tables))
            if is_first or self._writing <= allowed:
                self._writing = self._timed(lambda: self._write(pace))
            is_first = False
            self._over.wait(pace.seconds)

    def _timed(self, step: Callable[[], None]) -> float:
        began = self._now()
        step()
        took = self._now() - began
        self._spent += took
        return took

    def _read(self, tables: TableWriter) -> None:
        """Read the trials through tables in a folder of their own: those of the study are written when it ends."""
        at = _clock_time(datetime.now().astimezone())
        with TemporaryDirectory(prefix="ablate-report-") as place:
            tables(StudyFolder(Path(place)))
            self._so_far = page.read_so_far(Path(place), at=at)

    def _write(self, pace: Rewriting) -> None:
        due = max(pace.seconds, self._writing / pace.share)
        with self._lock:
            state, bars = self._left.said(), self._left.bars()
        written = datetime.now().astimezone()
        note = RunningNote(
            state=state,
            parts=bars,
            written=(_clock_time(written), written.isoformat(timespec="seconds")),
            after=(
                f"The next page is due in {about(due).removeprefix('about ')}. If this one is much older than that, "
                f"the study may have ended without a report: to go on with it, run “{self._facts.command}” again."
            ),
            seconds=max(1, round(due)),
        )
        if not self._over.is_set():
            path = page.write_running_page(self._folder, self._so_far, note, title=self._facts.study.title)
            self._watch(ReportWritten(path))


@final
class WhatIsLeft:
    """How far each part of a study is, from its events."""

    def __init__(self) -> None:
        self._progress = Progress()
        self._planned: dict[Part, TrialCount] = {}
        self._done: dict[Part, tuple[int, int]] = {}  # done and wanted, of the parts that have begun
        self._part: Part | None = None  # the one that runs

    def take(self, event: Event) -> None:
        """Note what the event changes."""
        self._progress.take(event)
        match event:
            case Opened():
                self._planned = dict(event.counts)
            case PartBegan():
                self._part = event.part
                self._done[event.part] = (event.done, event.trials)
            case TrialEnded() if self._part is not None:
                self._done[self._part] = (self._progress.done, self._progress.trials)

    def said(self) -> str:
        """Where the study is, and about how long it takes from here, in words."""
        if self._part is None:
            return "The workers are starting."
        done, wanted = self._done[self._part]
        where = f"{PARTS[self._part]}: {done:,} of {number_of(wanted, 'trial')} {'is' if wanted == 1 else 'are'} done"
        if self._progress.stopping:
            return f"{where}. A stop was asked for: it ends after the current epochs."
        left = self._progress.seconds_left()
        time_said = f", {about(left)} left in this part" if left is not None else ""
        return f"{where}{time_said}.{self._then()}"

    def bars(self) -> list[PartBar]:
        """A bar for each part that has begun or is still to come."""
        return [*(_bar(part, *of) for part, of in self._done.items()), *(_planned(p, n) for p, n in self._to_come())]

    def _then(self) -> str:
        coming = [f"{PARTS[part].lower()} ({count} trials)" for part, count in self._to_come()]
        return f" Then: {', '.join(coming)}." if coming else ""

    def _to_come(self) -> list[tuple[Part, TrialCount]]:
        """The planned parts after the one that runs; all before the first has begun."""
        order = list(PARTS)
        passed = max((order.index(part) for part in self._done), default=-1)
        return [(part, count) for part, count in self._planned.items() if order.index(part) > passed]


def about(seconds: float) -> str:
    """A time to be waited for: "less than a minute", "about 4 minutes", "about 2.5 hours", "about 3 days"."""
    if seconds < 55:
        return "less than a minute"
    if seconds < 90 * 60:
        return f"about {number_of(round(seconds / 60), 'minute')}"
    if seconds < 48 * 3600:
        return f"about {round(seconds / 1800) / 2:g} hours"
    return f"about {round(seconds / 86400)} days"


def _bar(part: Part, done: int, wanted: int) -> PartBar:
    return PartBar(PARTS[part], done, max(wanted, 1), f"{done:,} of {number_of(wanted, 'trial')}")


def _planned(part: Part, count: TrialCount) -> PartBar:
    return PartBar(PARTS[part], 0, max(count.most, 1), f"0 of {count} {'trial' if count.most == 1 else 'trials'}")


def _clock_time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} {at.tzname() or ''}".strip()
