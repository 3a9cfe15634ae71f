"""Run a study from start to end: train, track, and write its tables and report into a folder."""

import time
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.clock import Clock
from ablate.data import Dataset
from ablate.errors import AblateError
from ablate.experiment.cautions import all_cautions
from ablate.experiment.closing import study_notes, write_folder
from ablate.experiment.events import Notice, Watcher
from ablate.experiment.former_runs import read_former_runs, wall_seconds
from ablate.experiment.interim import choice_of, count_states, front_facts, headline_metrics, reference_so_far
from ablate.experiment.kept_models import best_model, logged_models, write_example
from ablate.experiment.living import LivingReport
from ablate.experiment.on_cluster import asked_cluster
from ablate.experiment.options import Options, gather_facts, label, open_data, warnings
from ablate.experiment.preregister import origins
from ablate.experiment.run_parts import Run
from ablate.experiment.verify.conditions import check_data
from ablate.report import ReportFiles, build_report
from ablate.report.wording import as_markdown
from ablate.storage.facts import Ending, Facts
from ablate.storage.files.atomic import saving, sweep, write_aside
from ablate.storage.folder import StudyFolder
from ablate.storage.journal import Entry
from ablate.storage.resume import read_starting_conditions
from ablate.study.cautions import sentences
from ablate.study.settings import StudySettings
from ablate.study.toml import to_toml
from ablate.system import on_stop_signal
from ablate.tracking import BackgroundTracker, Tracker

if TYPE_CHECKING:
    from ablate.workers.cluster.cluster import Cluster


@dataclass(frozen=True, slots=True)
class Finished:
    """The state of a study at the end of this run."""

    facts: Facts
    ending: Ending
    folder: StudyFolder
    report: ReportFiles
    states: dict[str, int]  # number of trials in each state
    notes: list[str]  # notes on the comparisons for the user
    missing_runs: int  # runs that are incomplete in the tracker's store
    tracker_failure: str
    set_aside: Path | None  # where --fresh moved the former results
    model: Path | None  # the file of the best model, if it is kept


def run_study(study: StudySettings, options: Options, watch: Watcher) -> Finished:
    """Run what is left of a study until it ends or a stop signal arrives; write tables and report in both cases."""
    clock = Clock()
    with ExitStack() as connected:
        with clock.on("open"):
            data = open_data(study, options.data_dir, announce=lambda text: watch(Notice(text)))
            asked = asked_cluster(
                options.cluster,
                study,
                device=_device(study, data, options),
                on_notice=lambda text: watch(Notice(text)),
            )
            cluster = connected.enter_context(asked)
            facts = gather_facts(study, data, options, cluster=cluster)
        return _run(facts, options, watch, clock=clock, cluster=cluster)


def _device(study: StudySettings, data: Dataset, options: Options) -> str:
    """The kind of machine that a cluster must have: that of the results in the study's folder; "" if there are none."""
    if options.cluster is None or options.fresh:
        return ""
    begun = read_starting_conditions(StudyFolder(options.out / label(study, data)).basis)
    return begun.conditions.device if begun else ""


def _run(facts: Facts, options: Options, watch: Watcher, *, clock: Clock, cluster: "Cluster | None") -> Finished:
    study, data = facts.study, facts.data
    folder, uri = StudyFolder(options.out / facts.label), options.tracking_uri
    with folder.lock(fresh=options.fresh) as held, closing(BackgroundTracker(Tracker(uri))) as tracker:
        conditions = facts.conditions()
        changes = folder.claim(study, data=facts.fingerprint(), conditions=conditions, go_on=options.go_on)
        living = LivingReport(facts, folder.path, watch, rewriting=options.rewriting)
        run = Run(facts, options, folder=folder, tracker=tracker, watch=living, clock=clock, cluster=cluster)
        if data.factors:  # others were made from files or code that may have changed
            trained = [entry for entry in run.journal.entries.values() if entry.spec.label.phase == "ablation"]
            check_data(trained, study, data)
        books = _Books(run, facts, folder=folder, tracker=tracker, clock=clock, cache=options.cache)
        sweep(options.cache)  # removes files that killed workers left half-written
        if study.training.keep != "none":
            with saving(folder.path, "an example for the models"):
                write_example(folder.path, data)
        for note in (*held.notes, *changes, *run.damage(), *warnings(facts)):
            watch(Notice(note))
        with on_stop_signal(run.stop):
            try:
                with living.fed_by(books.write_so_far):
                    run.train()
                return books.close(set_aside=held.set_aside)
            except AblateError as err:
                books.abandon(str(err))
                raise


class _Books:
    """The records that a run leaves: tables, report, and the study's run in the tracker."""

    def __init__(
        self, run: Run, facts: Facts, *, folder: StudyFolder, tracker: BackgroundTracker, clock: Clock, cache: Path
    ) -> None:
        self._cache = cache
        self._run, self._facts, self._folder, self._tracker, self._clock = run, facts, folder, tracker, clock
        # Read now, before this run writes its own.
        self._former = read_former_runs(folder.provenance, run.journal.entries.values(), workers=facts.workers)

    def abandon(self, reason: str) -> None:
        """After an error, write tables and report, and end the tracked run, so that neither appears to be running."""
        if self._run.is_tracked:
            with suppress(AblateError):  # `reason` is the error to report
                self._write({})
                with saving(self._folder.path, "the report"):
                    build_report(self._folder.path)
            with suppress(AblateError):
                self._tracker.close_study("FAILED", note=as_markdown(reason), metrics={}, artifacts=None)

    def close(self, *, set_aside: Path | None) -> Finished:
        began, waited = time.perf_counter(), self._tracker.waited
        entries, ending = self._write({})
        with saving(self._folder.path, "the report"):
            report = build_report(self._folder.path)
        effects = report.effects.to_dict("records")
        metrics = {f"effect/{row['variant']}/{row['mode']}": float(row["mean"]) for row in effects}
        self._tracker.close_study(
            "FAILED" if ending.gave_up else "KILLED" if ending.interrupted else "FINISHED",
            note="\n\n".join(as_markdown(line) for line in report.headline),
            metrics={**metrics, **headline_metrics(entries)},
            artifacts=self._folder.path,
            models=logged_models(self._facts.study, entries, self._folder.path) if ending.complete else (),
        )
        # The report above could not include its own cost; the figures on disk and in the terminal can.
        waited = self._tracker.waited - waited
        entries, ending = self._write({"report": time.perf_counter() - began - waited})
        return Finished(
            facts=self._facts,
            ending=ending,
            folder=self._folder,
            report=report,
            states=count_states(entries),
            notes=[*study_notes(entries), *sentences(all_cautions(self._facts, entries))],
            missing_runs=self._run.record.missing(),
            tracker_failure=self._tracker.failure,
            set_aside=set_aside,
            model=self._best_model(entries),
        )

    def _best_model(self, entries: list[Entry]) -> Path | None:
        found = best_model(self._facts.study, {one.spec.trial: one for one in entries}, self._folder.path)
        return found[1] if found else None

    def write_so_far(self, place: StudyFolder) -> None:
        """Write the tables of the trials that have ended into another folder; any thread may call it.

        The tracker is not waited for, so runs may lack their ids; predictions of the test set are left out.
        """
        entries = [replace(one, outcome=replace(one.outcome, test_predictions="")) for one in self._run.journal.last()]
        write_aside(place.study_file, to_toml(self._facts.study))
        write_folder(place, entries, self._facts, self._ending(entries, {}))

    def _write(self, parts: dict[str, float]) -> tuple[list[Entry], Ending]:
        """Write tables and provenance of the trials so far, after the tracker has caught up."""
        entries = self._run.record.settle()
        complete = self._run.is_complete()
        ending = replace(
            self._ending(entries, self._former.and_now(self._seconds(entries) | parts)),
            ended=datetime.now().astimezone().isoformat(timespec="seconds"),
            complete=complete,
            interrupted=self._run.is_stopped() and not complete and not self._run.gave_up,
            gave_up="" if complete else self._run.gave_up,
            tune=self._run.comparison.tuning_facts(self._run.journal.known()) if self._run.comparison else None,
        )
        write_folder(self._folder, entries, self._facts, ending, former=self._former)
        return entries, ending

    def _ending(self, entries: list[Entry], seconds: dict[str, float]) -> Ending:
        """Where the study is with these trials, as one that has not ended."""
        comparison = self._run.comparison
        return Ending(
            ended="",
            reference=reference_so_far(self._facts.study, entries, choice_of(self._facts)),
            front=front_facts(entries, self._facts),
            complete=False,
            interrupted=False,
            changes=self._folder.notes(),
            seconds=seconds,
            frozen=self._run.freeze,
            origins=origins(self._cache),
            compared=comparison is not None,
            looks=comparison.looks if comparison else (),
        )

    def _seconds(self, entries: list[Entry]) -> dict[str, float]:
        """Wall time of this run, by part."""
        return {
            **wall_seconds(self._former.settled_since(entries), workers=self._facts.workers),
            **self._run.outside,
            **self._clock.seconds,
            "track": self._tracker.seconds,
            "track_wait": self._tracker.waited,
            "total": self._clock.total(),
        }
