"""Plan, scheduler and tracker into a finished study in a folder: tables, report, tracked runs."""

import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ablate import provenance
from ablate.ablation import Count, count_trials
from ablate.ablation.counting import Part
from ablate.clock import Clock
from ablate.closing import Ending, Facts, former_seconds, study_notes, wall_seconds, write_folder
from ablate.comparison import Comparison
from ablate.datasets import save_arrays
from ablate.events import Notice, Opened, PartBegan, Stopping, Watcher
from ablate.folder import StudyFolder
from ablate.freeze import Freeze, declare, freeze, read_freeze
from ablate.interrupt import on_stop_signal
from ablate.journal import Entry, Journal
from ablate.opening import Options, gather_facts, open_data, study_run
from ablate.plan import Plan, Timed
from ablate.recording import Record
from ablate.records import TrialSpec
from ablate.report import ReportFiles, build_report
from ablate.schedule.choice import share_of_memory
from ablate.schedule.local import Local
from ablate.schedule.messages import Task
from ablate.search import SearchPlan
from ablate.standing import (
    best_entry,
    chance_score,
    count_states,
    headline_metrics,
    open_contrasts,
    reference_so_far,
)
from ablate.study import Study
from ablate.tracking import BackgroundTracker, Tracker
from ablate.trial_cache import open_cache
from ablate.wording import as_markdown


@dataclass(frozen=True, slots=True)
class Finished:
    """A study as this run left it."""

    facts: Facts
    ending: Ending
    folder: StudyFolder
    report: ReportFiles
    states: dict[str, int]  # how many trials ended how
    notes: list[str]  # what a person should know of the comparisons
    lost_events: int  # that the tracker could not write
    tracker_failure: str
    set_aside: Path | None  # where --fresh put the former results


def run_study(study: Study, options: Options, watch: Watcher) -> Finished:
    """Run what is left of a study, to its end or to a stop signal; write tables and report either way.

    Raises `AblateError` where the study, the data, the folder or the tracking store cannot be used.
    """
    clock = Clock()
    with clock.on("open"):
        data = open_data(study, options.data_dir, announce=lambda text: watch(Notice(text)))
        facts = gather_facts(study, data, options)
    folder = StudyFolder(options.out / facts.label)
    set_aside = folder.set_aside() if options.fresh else None
    with folder.lock(), closing(BackgroundTracker(Tracker(options.tracking_uri))) as tracker:
        folder.claim(study)
        run = _Run(facts, options, folder=folder, tracker=tracker, watch=watch, clock=clock)
        run.train()
        return run.close(set_aside=set_aside)


class _Run:
    """One run of a study: what its phases share."""

    def __init__(
        self,
        facts: Facts,
        options: Options,
        *,
        folder: StudyFolder,
        tracker: BackgroundTracker,
        watch: Watcher,
        clock: Clock,
    ) -> None:
        self._facts, self._study, self._options, self._folder = facts, facts.study, options, folder
        self._tracker, self._watch, self._clock = tracker, watch, clock
        self._journal = Journal(folder.journal)
        self._chance = chance_score(facts.data.n_classes, facts.study.training.monitor)
        cache = open_cache(options.cache, facts, stack=options.stack) if options.reuse else None
        self._record = Record(self._journal, tracker, watch, cache=cache)
        self._comparison: Comparison | None = None  # known once the search has ended
        self._freeze: Freeze | None = read_freeze(folder.path)  # of an earlier run
        self._stop = threading.Event()
        entries = self._journal.entries.values()
        self._earlier = former_seconds(folder.provenance, entries, workers=facts.workers)
        self._outside: dict[str, float] = {}  # wall time of the workers outside of trials, by part

    def train(self) -> None:
        """All parts, until they are done or a stop is asked for."""
        with tempfile.TemporaryDirectory(prefix="ablate-") as scratch, on_stop_signal(self._on_stop):
            task, workers = self._task(Path(scratch)), self._facts.workers
            with Local(task, workers=workers, stop=self._stop, on_start=self._record.begin) as local:
                # From here on the workers import TensorFlow, and after the plan the tracker opens its store.
                self._watch(Opened(facts=self._facts, folder=self._folder.path, counts=self._counts()))
                search = self._search_plan()
                self._record.open(study_run(self._facts), parent_run=self._folder.parent_run)
                if search is not None:
                    done = self._record.known_of("search")
                    self._run_part("search", search, local, trials=self._study.search.trials, done=len(done))
                if self._options.only != "search" and not self._stop.is_set():
                    self._compare(local)
        self._outside = {part: seconds / workers for part, seconds in local.clock.seconds.items()}

    def close(self, *, set_aside: Path | None) -> Finished:
        """Tables, report, and the study's run closed."""
        began, waited = time.perf_counter(), self._tracker.waited
        entries, ending = self._write({})
        report = build_report(self._folder.path)
        effects = report.effects.to_dict("records")
        metrics = {f"effect/{row['variant']}/{row['mode']}": float(row["mean"]) for row in effects}
        self._tracker.close_study(
            "KILLED" if ending.interrupted else "FINISHED",
            note="\n\n".join(as_markdown(line) for line in report.headline),
            metrics={**metrics, **headline_metrics(entries)},
            artifacts=self._folder.path,
        )
        # The report above could not know what it cost itself; the figures on disk and in the terminal can.
        waited = self._tracker.waited - waited
        entries, ending = self._write({"report": time.perf_counter() - began - waited})
        return Finished(
            facts=self._facts,
            ending=ending,
            folder=self._folder,
            report=report,
            states=count_states(entries),
            notes=study_notes(entries),
            lost_events=self._tracker.lost,
            tracker_failure=self._tracker.failure,
            set_aside=set_aside,
        )

    def _task(self, scratch: Path) -> Task:
        """What every trial shares; the data lie in `scratch`."""
        with self._clock.on("open"):
            arrays = save_arrays(self._facts.data, scratch)
        return Task(
            study=self._study,
            arrays=arrays,
            cache=self._options.cache,
            threads=self._facts.threads,
            log=self._folder.worker_log,
            max_memory=share_of_memory(self._facts.workers, memory=provenance.memory_bytes()),
            stack=self._options.stack,
        )

    def _search_plan(self) -> Plan | None:
        if self._options.only == "ablation" or not self._study.search.trials:
            return None
        with self._clock.on("search"):
            storage, known = self._folder.search_storage, self._journal.known()
            plan = SearchPlan(self._study, storage=storage, chance=self._chance, known=known)
            return Timed(plan, self._clock, "search")

    def _compare(self, local: Local) -> None:
        best = best_entry(self._journal.entries.values())
        self._comparison = Comparison(
            self._study, best=best.spec.factors if best else None, chance=self._chance, undecided=self._undecided
        )
        for stage in self._comparison.stages(self._journal.known, self._declare):
            plan = Timed(stage.plan, self._clock, "plan")
            self._run_part(stage.part, plan, local, trials=stage.trials, done=stage.done)
            if self._stop.is_set():
                return

    def _declare(self, specs: Sequence[TrialSpec]) -> None:
        assert self._comparison is not None  # who asks for this
        declared = declare(specs, self._study, data=self._facts.fingerprint(), looks=self._comparison.looks)
        self._freeze = freeze(self._folder.path, declared)
        self._record.freeze(self._freeze)

    def _undecided(self, look: int) -> frozenset[tuple[str, str]]:
        assert self._comparison is not None
        entries = self._journal.entries.values()
        return open_contrasts(entries, self._facts, seeds=self._comparison.looks, look=look)

    def _run_part(self, part: Part, plan: Plan, local: Local, *, trials: int, done: int) -> None:
        best = best_entry(self._record.known_of("search")) if part == "search" else None
        self._watch(PartBegan(part, trials, done, best.outcome if best else None))
        local.run(self._record.around(plan))

    def _on_stop(self) -> None:
        if self._stop.is_set():
            raise KeyboardInterrupt
        self._stop.set()
        self._watch(Stopping())

    def _counts(self) -> dict[Part, Count]:
        """Trials of each part that is to run, as far as one can say before the search has ended."""
        searched = self._record.known_of("search")
        best = best_entry(searched) if len(searched) >= self._study.search.trials else None
        counts = count_trials(self._study, best=best.spec.factors if best else None)
        parts = {"search"} if self._options.only == "search" else set(counts)
        return {part: n for part, n in counts.items() if part in parts and n.most}

    def _is_complete(self) -> bool:
        """Whether all that was asked for has been trained."""
        known = self._journal.known()
        searched = self._options.only == "ablation" or len(self._record.known_of("search")) >= self._study.search.trials
        if self._options.only == "search":
            return searched
        return searched and self._comparison is not None and self._comparison.is_complete(known)

    def _write(self, parts: dict[str, float]) -> tuple[list[Entry], Ending]:
        """Tables and provenance of what there is, once the tracker has caught up."""
        entries = self._record.settle()
        ending = Ending(
            ended=datetime.now().astimezone().isoformat(timespec="seconds"),
            reference=reference_so_far(self._study, entries),
            complete=self._is_complete(),
            interrupted=self._stop.is_set(),
            seconds=self._seconds(entries) | parts,
            frozen=self._freeze,
            looks=self._comparison.looks if self._comparison else (),
            tune=self._comparison.tuning_facts(self._journal.known()) if self._comparison else None,
        )
        write_folder(self._folder, entries, self._facts, ending)
        return entries, ending

    def _seconds(self, entries: list[Entry]) -> dict[str, float]:
        return {
            **wall_seconds(entries, workers=self._facts.workers),
            **self._outside,
            **self._clock.seconds,
            "track": self._tracker.seconds,
            "track_wait": self._tracker.waited,
            "total": self._earlier + self._clock.total(),
        }
