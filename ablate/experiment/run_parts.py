"""Train what is left of a study, part by part: search, tuning, comparison, paths."""

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import TYPE_CHECKING

from ablate.clock import Clock
from ablate.experiment.events import Notice, Opened, PartBegan, Stopping, Watcher
from ablate.experiment.interim import best_entry, choice_of, front_so_far, open_contrasts
from ablate.experiment.kept_models import SupersededModels
from ablate.experiment.options import Options, study_run
from ablate.experiment.preregister import preregister
from ablate.experiment.recording import Record
from ablate.experiment.stages import ComparisonStages
from ablate.plans import TrialCount, count_trials
from ablate.plans.counting import Part
from ablate.plans.filters import StopAfterFailures
from ablate.plans.protocol import Plan
from ablate.plans.search import SearchPlan
from ablate.report.wording import front_sentences, level_sentence
from ablate.storage.facts import Facts
from ablate.storage.folder import StudyFolder
from ablate.storage.journal import Journal
from ablate.storage.preregistration import ALPHA, Preregistration, read_preregistration
from ablate.storage.reads import ScoreReads
from ablate.storage.trial_cache import open_cache
from ablate.study.trial import FAILED, Epoch, TrialSpec
from ablate.text import number_of
from ablate.tracking import BackgroundTracker
from ablate.workers.scheduler import Scheduler, WorkerOptions, open_workers

if TYPE_CHECKING:
    from ablate.workers.cluster.cluster import Cluster


class Run:
    """One run of a study: the state that its parts share, and their results."""

    def __init__(
        self,
        facts: Facts,
        options: Options,
        *,
        folder: StudyFolder,
        tracker: BackgroundTracker,
        watch: Watcher,
        clock: Clock,
        cluster: "Cluster | None" = None,
    ) -> None:
        self._facts, self._study, self._options, self._folder = facts, facts.study, options, folder
        self._watch, self._clock, self._cluster = watch, clock, cluster
        self.journal = Journal(folder.journal)
        self._chance = facts.task.metric.guess_score
        self._choose = choice_of(facts)
        is_reused = options.reuse and not facts.mixed  # unlike machines: what is kept would not be what its digest says
        cache = open_cache(options.cache, facts, stack=options.stack) if is_reused else None
        models, reads = SupersededModels(facts.study, self.journal, folder.path), ScoreReads(options.cache, facts)
        self.record = Record(self.journal, tracker, watch, cache=cache, reads=reads, models=models)
        self.comparison: ComparisonStages | None = None  # None until the search has ended
        self.freeze: Preregistration | None = read_preregistration(folder.path)  # from an earlier run, if any
        self._stop = threading.Event()
        self.gave_up = ""  # why it ended early: consecutive trials that failed for the same reason
        self.is_tracked = False
        self.outside: dict[str, float] = {}  # wall time of the workers outside of trials, by part, in seconds
        if options.retry:
            self.journal.reopen(_worth_retrying(self.journal, frozen=self.freeze is not None))

    def train(self) -> None:
        """Train all parts, until they are done or a stop is requested."""
        with ExitStack() as opened:
            with self._clock.on("open"):
                scheduler = opened.enter_context(self._workers())
            # From here on the workers import TensorFlow; the tracker opens its store after the plan is made.
            self._watch(Opened(facts=self._facts, folder=self._folder.path, counts=self._counts()))
            search = self._search_plan()
            self.record.open(study_run(self._facts), parent_run=self._folder.parent_run)
            self.is_tracked = True
            if search is not None:
                done = self.record.known_of("search")
                self._run_part("search", search, scheduler, trials=self._study.search.trials, done=len(done))
                self._say_front()
            if self._options.only != "search" and not self._stop.is_set():
                self._compare(scheduler)
        self.outside = {part: seconds / self._facts.workers for part, seconds in scheduler.clock.seconds.items()}

    def damage(self) -> list[str]:
        """Warnings about the results so far."""
        n, path = self.journal.unreadable, self._folder.journal
        lines = number_of(n, "line")
        return [f"{lines} of {path} could not be read: their trials will be trained again"] if n else []

    def stop(self) -> None:
        """Let running epochs end, then stop."""
        self._stop.set()
        self._watch(Stopping())

    def is_stopped(self) -> bool:
        """Whether a stop was requested, by a signal or after repeated failures."""
        return self._stop.is_set()

    def is_complete(self) -> bool:
        """Whether everything that was requested has been trained."""
        known = self.journal.known()
        searched = self._options.only == "ablation" or len(self.record.known_of("search")) >= self._study.search.trials
        if self._options.only == "search":
            return searched
        return searched and self.comparison is not None and self.comparison.is_complete(known)

    def _say_front(self) -> None:
        if self._facts.objectives and not self._stop.is_set():
            front = front_so_far(self.record.known_of("search"), self._facts)
            self._watch(Notice(" ".join(front_sentences(front))))

    def _workers(self) -> AbstractContextManager[Scheduler]:
        facts, options = self._facts, self._options
        return open_workers(
            self._study,
            facts.data,
            WorkerOptions(
                facts.workers,
                facts.threads,
                options.cache,
                self._folder.worker_log,
                options.stack,
                folders=self._folder.trials,
                kept_in=self._folder.path,
                cluster=self._cluster,
            ),
            stop=self._stop,
            on_start=self.record.begin,
            on_lost=self.record.lost,
            on_notice=lambda text: self._watch(Notice(text)),
        )

    def _search_plan(self) -> Plan | None:
        if self._options.only == "ablation" or not self._study.search.trials:
            return None
        with self._clock.on("search"):
            return SearchPlan(
                self._study,
                storage=self._folder.search_storage,
                chance=self._chance,
                known=self.record.known_of("search"),
                monitor=self._facts.task.monitor,
                announce=lambda text: self._watch(Notice(text)),
                objectives=self._facts.objectives,
                epochs_of=self._epochs_of,
            )

    def _epochs_of(self, trial: str) -> Sequence[Epoch]:
        entry = self.journal.entries.get(trial)
        return entry.epochs if entry else ()

    def _compare(self, scheduler: Scheduler) -> None:
        best = self._choose(self.journal.entries.values())
        self.comparison = ComparisonStages(
            self._study, best=best.spec.factors if best else None, chance=self._chance, undecided=self._undecided
        )
        for stage in self.comparison.stages(self.journal.known, self._declare):
            self._run_part(stage.part, stage.plan, scheduler, trials=stage.trials, done=stage.done)
            if self._stop.is_set():
                return

    def _declare(self, specs: Sequence[TrialSpec]) -> None:
        assert self.comparison is not None  # only called once the comparison is known
        self.freeze = preregister(
            specs, self._facts, looks=self.comparison.looks, folder=self._folder.path, cache=self._options.cache
        )
        self.record.freeze(self.freeze)
        for sentence in level_sentence(self.freeze.facts()):
            self._watch(Notice(sentence))

    def _undecided(self, look: int) -> frozenset[tuple[str, str]]:
        assert self.comparison is not None
        entries = self.journal.entries.values()
        level = self.freeze.level if self.freeze else ALPHA
        return open_contrasts(entries, self._facts, seeds=self.comparison.looks, look=look, alpha=level)

    def _run_part(self, part: Part, plan: Plan, scheduler: Scheduler, *, trials: int, done: int) -> None:
        best = best_entry(self.record.known_of("search")) if part == "search" else None
        self._watch(PartBegan(part, trials, done, best.outcome if best else None))
        thinking = partial(self._clock.on, "search" if part == "search" else "plan")
        recorded, most = self.record.around(plan, thinking=thinking), self._study.limits.same_failures
        scheduler.run(StopAfterFailures(recorded, most=most, on_reason=self._give_up))

    def _give_up(self, reason: str) -> None:
        self.gave_up = reason
        self._stop.set()

    def _counts(self) -> dict[Part, TrialCount]:
        searched = self.record.known_of("search")
        best = self._choose(searched) if len(searched) >= self._study.search.trials else None
        counts = count_trials(self._study, best=best.spec.factors if best else None)
        parts = {"search"} if self._options.only == "search" else set(counts)
        return {part: n for part, n in counts.items() if part in parts and n.most}


def _worth_retrying(journal: Journal, *, frozen: bool) -> list[str]:
    """Trials that failed or ran out of memory, except where later decisions depend on them.

    The search has learnt from its failures, greedy paths have branched on theirs, and rates were tuned before the
    preregistration.
    """
    phases = ("ablation",) if frozen else ("tune", "ablation")
    return [
        name
        for name, entry in journal.entries.items()
        if entry.outcome.state in FAILED and entry.spec.label.phase in phases and entry.spec.label.design != "path"
    ]
