"""Plan, scheduler and tracker into a finished study in a folder: tables, report, tracked runs."""

import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ablate import provenance
from ablate.ablation import AblationPlan, ablation_specs
from ablate.clock import Clock
from ablate.closing import Ending, Facts, former_seconds, study_notes, wall_seconds, write_folder
from ablate.datasets import save_arrays
from ablate.events import Notice, Opened, PhaseBegan, Stopping, Watcher
from ablate.folder import StudyFolder
from ablate.interrupt import on_stop_signal
from ablate.journal import Entry, Journal
from ablate.opening import Options, gather_facts, open_data, study_run
from ablate.plan import Plan, Timed
from ablate.recording import Record
from ablate.records import Phase
from ablate.report import ReportFiles, build_report
from ablate.schedule.choice import share_of_memory
from ablate.schedule.local import Local
from ablate.schedule.messages import Task
from ablate.search import SearchPlan
from ablate.standing import best_entry, chance_score, count_states, headline_metrics, reference_of, reference_so_far
from ablate.study import Study
from ablate.tracking import BackgroundTracker, Tracker
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
        self._record = Record(self._journal, tracker, watch)
        self._stop = threading.Event()
        entries = self._journal.entries.values()
        self._earlier = former_seconds(folder.provenance, entries, workers=facts.workers)
        self._outside: dict[str, float] = {}  # wall time of the workers outside of trials, by part

    def train(self) -> None:
        """All phases, until they are done or a stop is asked for."""
        with tempfile.TemporaryDirectory(prefix="ablate-") as scratch, on_stop_signal(self._on_stop):
            task, workers = self._task(Path(scratch)), self._facts.workers
            with Local(task, workers=workers, stop=self._stop, on_start=self._record.begin) as local:
                # From here on the workers import TensorFlow, and after the plan the tracker opens its store.
                self._watch(Opened(facts=self._facts, folder=self._folder.path, trials=self._expected()))
                search = self._search_plan()
                self._record.open(study_run(self._facts), parent_run=self._folder.parent_run)
                if search is not None:
                    self._run_phase("search", search, local, trials=self._study.search.trials)
                if self._options.only != "search" and not self._stop.is_set():
                    self._ablate(local)
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
            cache=self._options.out / ".cache",
            threads=self._facts.threads,
            log=self._folder.worker_log,
            max_memory=share_of_memory(self._facts.workers, memory=provenance.memory_bytes()),
            stack=self._options.stack,
        )

    def _search_plan(self) -> Plan | None:
        if self._options.only == "ablation" or not self._study.search.trials:
            return None
        chance = chance_score(self._facts.data.n_classes, self._study.training.monitor)
        with self._clock.on("search"):
            storage, known = self._folder.search_storage, self._journal.known()
            return Timed(SearchPlan(self._study, storage=storage, chance=chance, known=known), self._clock, "search")

    def _ablate(self, local: Local) -> None:
        specs = ablation_specs(self._study, reference_of(self._study, self._journal.entries.values()))
        if specs:
            self._run_phase("ablation", AblationPlan(specs, known=self._journal.known()), local, trials=len(specs))

    def _run_phase(self, phase: Phase, plan: Plan, local: Local, *, trials: int) -> None:
        done = self._record.known_of(phase)
        best = best_entry(done)
        self._watch(PhaseBegan(phase, trials, len(done), best.outcome if best else None))
        local.run(self._record.around(plan))

    def _on_stop(self) -> None:
        if self._stop.is_set():
            raise KeyboardInterrupt
        self._stop.set()
        self._watch(Stopping())

    def _expected(self) -> int:
        """Trials in all phases that are wanted, as far as one can say before the search has ended."""
        reference = reference_so_far(self._study, list(self._journal.entries.values()))
        counted = {"search": self._study.search.trials, "ablation": len(ablation_specs(self._study, reference))}
        return sum(n for phase, n in counted.items() if self._options.only in (None, phase))

    def _write(self, parts: dict[str, float]) -> tuple[list[Entry], Ending]:
        """Tables and provenance of what there is, once the tracker has caught up."""
        entries = self._record.settle()
        ending = Ending(
            ended=datetime.now().astimezone().isoformat(timespec="seconds"),
            reference=reference_so_far(self._study, entries),
            complete=len(self._journal.known()) >= self._expected(),
            interrupted=self._stop.is_set(),
            seconds=self._seconds(entries) | parts,
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
