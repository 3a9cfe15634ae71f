"""Plan a study: what is left to train, how fast its structures train, and which effects it could detect."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ablate.experiment.interim import choice_of, open_contrasts
from ablate.experiment.options import Options, gather_facts, open_data
from ablate.experiment.preregister import SpentLevel, declare_facts, spent_level
from ablate.experiment.preview.forecast import (
    Forecast,
    Pace,
    forecast,
    forecast_of_trials,
    measured_paces,
    seen_paces,
    timing_specs,
)
from ablate.experiment.preview.preview import StudyPreview, preview_study
from ablate.plans import SteppedPlan, ablation_specs, looks_of
from ablate.storage.facts import Facts
from ablate.storage.folder import StudyFolder
from ablate.storage.journal import Entry, Journal
from ablate.storage.resume import ResumeCheck
from ablate.storage.trial_cache import open_cache
from ablate.study.catalog import Structure
from ablate.study.seeds import SEARCH_REPLICATE
from ablate.study.settings import StudySettings
from ablate.study.trial import Label, Outcome, TrialSpec
from ablate.workers.scheduler import WorkerOptions, open_workers


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """What a study would do now, from what its folder holds; made by reading only."""

    facts: Facts
    options: Options
    folder: StudyFolder
    changes: Sequence[ResumeCheck]  # of the study since its saved trials
    preview: StudyPreview
    entries: Mapping[str, Entry]  # the saved trials

    @property
    def study(self) -> StudySettings:
        """Its settings."""
        return self.facts.study

    def ways(self) -> list[str]:
        """How the saved trials were trained, where it was not by compiled programs."""
        return ways_said(entry.outcome for entry in self.entries.values())

    def paces(self, *, timing: bool, say: Callable[[str], None]) -> dict[Structure, Pace]:
        """The pace of each structure; with `timing`, an epoch is trained of those without a record.

        `say` is called with what workers say of the models. None is known of trials that train themselves.
        """
        if self.study.model.trains_itself:
            return {}
        known = seen_paces(self.entries.values(), study=self.study)
        if not timing:
            return known
        specs = timing_specs(self.preview.left or _stand_ins(self.study), known, study=self.study)
        return {**_timed(specs, self.facts, self.options, say), **known}

    def forecast(self, paces: Mapping[Structure, Pace]) -> Forecast:
        """How long it takes; `paces` has at least one."""
        return forecast(
            self.preview.left,
            searched=self.preview.unknown,
            study=self.study,
            paces=paces,
            workers=self.facts.workers,
            n_train=self.facts.n_train(),
        )

    @property
    def n_left(self) -> int:
        """The trials to train, at most."""
        return len(self.preview.left) + self.preview.unknown

    def own_seconds(self) -> float | None:
        """How long trials of a user's function or program take; None before one has finished."""
        outcomes = [entry.outcome for entry in self.entries.values()]
        return forecast_of_trials(outcomes, trials=self.n_left, workers=self.facts.workers)

    def spent(self) -> SpentLevel:
        """The level that is left for the comparisons, as far as they are known."""
        declared = declare_facts(self.preview.confirmed, self.facts, looks=self.preview.n_seeds)
        return spent_level(declared, self.preview.confirmed, self.facts, cache=self.options.cache)


def plan_study(study: StudySettings, options: Options, *, announce: Callable[[str], None]) -> StudyPlan:
    """Open the data and the study's folder; `announce` is called with a line for each slow step."""
    data = open_data(study, options.data_dir, announce=announce)
    facts = gather_facts(study, data, options)
    folder = StudyFolder(options.out / facts.label)
    changes = folder.changes(study, data=facts.fingerprint(), conditions=facts.conditions())
    preview, entries = _preview(facts, folder, options)
    return StudyPlan(facts, options, folder, changes, preview, entries)


def ways_said(outcomes: Iterable[Outcome]) -> list[str]:
    """How trials were trained, where it was not by compiled programs."""
    ways = dict.fromkeys(outcome.trained_by for outcome in outcomes)
    return [f"trained by {way}" for way in ways if way != "compiled"]


def _preview(facts: Facts, folder: StudyFolder, options: Options) -> tuple[StudyPreview, dict[str, Entry]]:
    journal = Journal(folder.journal)
    known = journal.known()
    entries = {name: entry for name, entry in journal.entries.items() if name in known}
    seeds = looks_of(facts.study)
    found = preview_study(
        facts.study,
        entries,
        chance=facts.task.metric.guess_score,
        cache=open_cache(options.cache, facts, stack=options.stack),
        undecided=lambda look: open_contrasts(entries.values(), facts, seeds=seeds, look=look),
        choose=choice_of(facts),
    )
    return found, entries


def _stand_ins(study: StudySettings) -> list[TrialSpec]:
    """Trials whose structures represent those of a search that has not run yet."""
    specs = ablation_specs(study, study.baseline)
    return specs or [TrialSpec("baseline", Label("search"), SEARCH_REPLICATE, study.baseline)]


def _timed(
    specs: Sequence[TrialSpec], facts: Facts, options: Options, say: Callable[[str], None]
) -> dict[Structure, Pace]:
    """The paces of specs, each trained for an epoch."""
    if not specs:
        return {}
    study = facts.study
    short = study.model_copy(update={"training": study.training.model_copy(update={"epochs": 1})})
    plan = SteppedPlan(lambda _: specs, known={})
    workers = WorkerOptions(facts.workers, facts.threads, options.cache)
    with open_workers(short, facts.data, workers, stop=threading.Event(), on_notice=say) as scheduler:
        scheduler.run(plan)
    return measured_paces(specs, plan.outcomes, model=study.model.name)
