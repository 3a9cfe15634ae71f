"""Plan, scheduler and tracker into a finished study in a folder: tables, report, tracked runs."""

import math
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Literal, TypeAlias

from ablate import provenance
from ablate.ablation import AblationPlan, ablation_specs
from ablate.clock import Clock
from ablate.closing import Ending, Facts, former_seconds, study_notes, wall_seconds, write_folder
from ablate.datasets import Dataset, load_dataset, save_arrays
from ablate.errors import StudyError
from ablate.events import Notice, Opened, PhaseBegan, Stopping, TrialBegan, Watched, Watcher
from ablate.files import write_aside
from ablate.folder import StudyFolder
from ablate.journal import Entry, Journal, Journaled
from ablate.plan import Plan, Remembered, Timed
from ablate.records import Factors, Phase, TrialSpec
from ablate.report import ReportFiles, build_report
from ablate.schedule.local import Local, count_workers, share_of_memory
from ablate.schedule.worker import Task
from ablate.search import SearchPlan
from ablate.study import Study, settings, to_toml
from ablate.tracking import StudyRun, Tracked, Tracker
from ablate.wording import as_markdown

Only: TypeAlias = Literal["search", "ablation"]


@dataclass(frozen=True, slots=True)
class Options:
    """Where and how a study runs; nothing here changes a trial's numbers but the threads per worker."""

    out: Path
    tracking_uri: str
    command: str  # as typed, for the report
    data_dir: Path | None = None  # given: no fallback to a download or the stand-in
    workers: int | None = None  # None: one a core
    only: Only | None = None
    fresh: bool = False


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
    began = time.perf_counter()
    data = open_data(study, options.data_dir, announce=lambda text: watch(Notice(text)))
    folder = StudyFolder(options.out / label(study, data))
    set_aside = folder.set_aside() if options.fresh else None
    with folder.lock():
        folder.claim(study)
        run = _Run(study, data, folder, options, watch)
        run.train()
        return run.close(began=began, set_aside=set_aside)


def open_data(study: Study, data_dir: Path | None, *, announce: Callable[[str], None]) -> Dataset:
    """The study's data set, from --data-dir, the usual data folder, the web, or the built-in stand-in."""
    is_explicit = data_dir is not None
    return load_dataset(study.data.name, data_dir=data_dir, explicit=is_explicit, base=study.base, announce=announce)


def label(study: Study, data: Dataset) -> str:
    """The name under which results are kept: those of a quick run or of the stand-in never mix with the real ones."""
    return study.name + ("@quick" if study.quick else "") + ("@stand-in" if data.stand_in else "")


class _Run:
    """One run of a study: what its phases share."""

    def __init__(self, study: Study, data: Dataset, folder: StudyFolder, options: Options, watch: Watcher) -> None:
        self._study, self._data, self._folder, self._options, self._watch = study, data, folder, options, watch
        cores = provenance.usable_cores()
        workers = options.workers or count_workers(cores, gpus=provenance.count_gpus())
        self._facts = Facts(
            study=study,
            data=data,
            label=label(study, data),
            command=options.command,
            workers=workers,
            threads=max(1, cores // workers),
            tracking_uri=options.tracking_uri,
            started=datetime.now().astimezone().isoformat(timespec="seconds"),
        )
        self._journal = Journal(folder.journal)
        self._tracker = Tracker(options.tracking_uri)
        self._clock = Clock()
        self._stop = threading.Event()

    def train(self) -> None:
        """All phases, until they are done or a stop is asked for."""
        with tempfile.TemporaryDirectory(prefix="ablate-") as scratch, _on_stop_signal(self._on_stop):
            task = Task(
                study=self._study,
                arrays=save_arrays(self._data, Path(scratch)),
                cache=self._options.out / ".cache" / "lr_tests",
                threads=self._facts.threads,
                log=self._folder.worker_log,
                max_memory=share_of_memory(self._facts.workers, memory=provenance.memory_bytes()),
            )
            workers = self._facts.workers
            with Local(task, workers=workers, stop=self._stop, on_start=self._on_start) as local:
                self._open()  # while the workers import TensorFlow
                if self._options.only != "ablation" and self._study.search.trials:
                    self._search(local)
                if self._options.only != "search" and not self._stop.is_set():
                    self._ablate(local)

    def close(self, *, began: float, set_aside: Path | None) -> Finished:
        """Tables, report, and the study's run closed."""
        writing = time.perf_counter()
        entries = list(self._journal.entries.values())
        earlier = former_seconds(self._folder.provenance)
        ending = self._ending(entries, {"total": earlier + time.perf_counter() - began})
        write_folder(self._folder, entries, self._facts, ending)
        report = build_report(self._folder.path)
        effects = report.effects.to_dict("records")
        metrics = {f"effect/{row['variant']}/{row['mode']}": float(row["mean"]) for row in effects}
        finished = sum(e.outcome.state == "finished" for e in entries)
        self._tracker.close_study(
            "KILLED" if ending.interrupted else "FINISHED",
            note="\n\n".join(as_markdown(line) for line in report.headline),
            metrics={**metrics, "trials_finished": finished, **_best_score(entries)},
            artifacts=self._folder.path,
        )
        # The report above could not know what it cost itself; the figures on disk and in the terminal can.
        parts = {"report": time.perf_counter() - writing, "total": earlier + time.perf_counter() - began}
        ending = self._ending(entries, parts)
        write_folder(self._folder, entries, self._facts, ending)
        return Finished(
            facts=self._facts,
            ending=ending,
            folder=self._folder,
            report=report,
            states=_count_states(entries),
            notes=study_notes(entries),
            lost_events=self._tracker.lost,
            tracker_failure=self._tracker.failure,
            set_aside=set_aside,
        )

    def _open(self) -> None:
        study, facts = self._study, self._facts
        self._watch(Opened(facts=facts, folder=self._folder.path, trials=self._expected()))
        git = provenance.git_state(Path.cwd())
        tags = {f"version.{name}": number for name, number in provenance.versions().items()}
        path = self._folder.parent_run
        parent = self._tracker.open_study(
            StudyRun(
                study=facts.label,
                title=study.title,
                params=settings(study),
                tags={**tags, "git_commit": git["commit"] if git else "", "command": facts.command},
                data=facts.about_data(),
                study_toml=to_toml(study),
                reference=study.baseline,
            ),
            parent_run_id=path.read_text().strip() if path.exists() else None,
        )
        write_aside(path, parent + "\n")

    def _search(self, local: Local) -> None:
        chance = chance_score(self._data.n_classes, self._study.training.monitor)
        storage = self._folder.search_storage
        with self._clock.on("search"):
            plan = SearchPlan(self._study, storage=storage, chance=chance, known=self._journal.known())
        self._begin("search", self._study.search.trials)
        local.run(self._recorded(Timed(plan, self._clock, "search")))

    def _ablate(self, local: Local) -> None:
        specs = ablation_specs(self._study, self._reference())
        if specs:
            self._begin("ablation", len(specs))
            local.run(self._recorded(AblationPlan(specs, known=self._journal.known())))

    def _reference(self) -> Factors:
        if self._study.ablation.reference == "baseline":
            return self._study.baseline
        best = best_entry(list(self._journal.entries.values()))
        if best is None:
            raise StudyError('ablation.reference: "best" needs a finished search trial, and there is none')
        return best.spec.factors

    def _reference_so_far(self) -> Factors:
        """The reference, or the baseline while the search that decides it has found nothing."""
        return self._reference() if best_entry(list(self._journal.entries.values())) else self._study.baseline

    def _begin(self, phase: Phase, trials: int) -> None:
        known = self._journal.known()
        done = [e for name, e in self._journal.entries.items() if name in known and e.spec.phase == phase]
        best = best_entry(done)
        self._watch(PhaseBegan(phase, trials, len(done), best.outcome if best else None))

    def _recorded(self, plan: Plan) -> Plan:
        """The plan, and around it all that writes down what passes."""
        tracked = Tracked(Watched(plan, self._watch), self._tracker)
        run_ids = self._tracker.run_ids
        remembered = Remembered(Journaled(tracked, self._journal, run_id=lambda trial: run_ids.get(trial, "")))
        for name, outcome in self._journal.known().items():
            remembered.remember(self._journal.entries[name].spec, outcome)
        return remembered

    def _on_start(self, spec: TrialSpec) -> None:
        self._tracker.open_trial(spec)
        self._watch(TrialBegan(spec))

    def _on_stop(self) -> None:
        if self._stop.is_set():
            raise KeyboardInterrupt
        self._stop.set()
        self._watch(Stopping())

    def _expected(self) -> int:
        n_ablation = len(ablation_specs(self._study, self._reference_so_far()))
        counted = {"search": self._study.search.trials, "ablation": n_ablation}
        return sum(n for phase, n in counted.items() if self._options.only in (None, phase))

    def _ending(self, entries: list[Entry], seconds: dict[str, float]) -> Ending:
        known = self._journal.known()
        return Ending(
            ended=datetime.now().astimezone().isoformat(timespec="seconds"),
            reference=self._reference_so_far(),
            complete=len(known) >= self._expected(),
            interrupted=self._stop.is_set(),
            seconds={
                **wall_seconds(entries, workers=self._facts.workers),
                **self._clock.seconds,
                "track": self._tracker.seconds,
                **seconds,
            },
        )


def chance_score(n_classes: int, monitor: str) -> float:
    """What guessing scores on balanced classes."""
    return 1 / n_classes if monitor == "val_accuracy" else -math.log(n_classes)


def best_entry(entries: Sequence[Entry]) -> Entry | None:
    """The finished search trial with the highest score; the first of equals."""
    finished = [e for e in entries if e.spec.phase == "search" and e.outcome.state == "finished"]
    return max(finished, key=lambda entry: entry.outcome.score or -math.inf, default=None)


def _best_score(entries: Sequence[Entry]) -> dict[str, float]:
    best = best_entry(entries)
    return {"best_score": best.outcome.score} if best and best.outcome.score is not None else {}


def _count_states(entries: Sequence[Entry]) -> dict[str, int]:
    states = [entry.outcome.state for entry in entries]
    return {state: states.count(state) for state in dict.fromkeys(states)}


@contextmanager
def _on_stop_signal(handle: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and SIGTERM call `handle` inside the block; only the main thread may set that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        handle()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
