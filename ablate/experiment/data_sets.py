"""Run a study on several data sets: one study on each, with the same seeds, and one report on all of them.

The search runs on the first data set alone, and its best configuration is what the others start from if the study
compares with the best. Each part is a study of its own, in a folder beside that of the whole: it resumes, reuses, and
is verified like any other. The whole has a table, a report and a preregistration of its own.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import ablate
from ablate.analysis.effects import MIN_DATA_SETS
from ablate.analysis.statistics import level_of
from ablate.errors import StudyError
from ablate.experiment.combining import combine
from ablate.experiment.events import Notice, Watcher
from ablate.experiment.interim import best_entry
from ablate.experiment.options import Options, gather_facts, open_data
from ablate.experiment.run_study import Finished, run_study
from ablate.report import ReportFiles, build_report
from ablate.storage.facts import Facts
from ablate.storage.files.atomic import saving, write_aside
from ablate.storage.folder import StudyFolder
from ablate.storage.journal import Journal
from ablate.storage.preregistration import ALPHA, Declaration, Preregistration, freeze, read_preregistration
from ablate.storage.provenance import Provenance, read_provenance
from ablate.storage.register_together import RegisterTogether
from ablate.study.settings import StudySettings
from ablate.study.trial import Factors


def parts(study: StudySettings, *, best: Factors | None = None) -> Iterator[tuple[str, StudySettings]]:
    """Data set -> the study on it alone; `best` is the best configuration of the first one's search, once known."""
    for at, (name, data) in enumerate(study.data_sets.items()):
        alone: dict[str, object] = {
            "name": f"{study.name}.{name}", "title": f"{study.title} on {name}", "data": data, "data_sets": {},
            "part_of": study.name,
        }  # fmt: skip
        if at:
            alone["search"] = study.search.model_copy(update={"trials": 0})
            alone["ablation"] = study.ablation.model_copy(update={"reference": "baseline"})
            if study.ablation.reference == "best" and best is not None:
                alone["baseline"] = dict(best)
        yield name, study.model_copy(update=alone)


def run_on_data_sets(study: StudySettings, options: Options, watch: Watcher) -> Finished:
    """Run what is left of the study on each data set in turn; write the table and the report of all in any case.

    Raises `StudyError` if the data sets do not fit together, before anything is trained.
    """
    facts = check_together(study, options, watch)
    labels = {name: one.label for name, one in zip(study.data_sets, facts, strict=True)}
    stand_in = "@stand-in" if any(one.data.stand_in for one in facts) else ""
    folder = StudyFolder(options.out / f"{study.name}{'@quick' if study.quick else ''}{stand_in}")
    with folder.lock(fresh=options.fresh) as held:
        for note in held.notes:
            watch(Notice(note))
        with saving(folder.path, "the provenance"):
            if not folder.provenance.exists():  # so that the folder is known for a study's, whatever happens
                known = Provenance(study=folder.path.name, ablate_version=ablate.__version__, complete=False)
                write_aside(folder.provenance, known.to_text())
        frozen = preregister_together(study, facts, folder.path, options) if options.only != "search" else None
        try:
            finished = dict(_run_parts(study, options, watch))
        finally:
            _combine(study, {name: options.out / label for name, label in labels.items()}, folder)
            if frozen is not None and _has_scores(folder):
                RegisterTogether(options.cache).add(frozen, facts, label=folder.path.name)
        with saving(folder.path, "the report"):
            report = build_report(folder.path)
    return _whole(
        list(finished.values()), study, replace(facts[0], label=folder.path.name), folder=folder, report=report
    )


def check_together(study: StudySettings, options: Options, watch: Watcher) -> list[Facts]:
    """The facts about each data set. Raises `StudyError` if they are judged by different metrics."""
    facts = []
    for name, part in parts(study):
        data = open_data(part, options.data_dir, announce=lambda text: watch(Notice(text)))
        facts.append(gather_facts(part, data, options))
        first, own = facts[0].task, facts[-1].task
        same = [(task.decides, task.metric.goal, task.monitor.name) for task in (first, own)]
        if same[0] != same[1]:
            one = next(iter(study.data_sets))
            raise StudyError(
                f"{study.source}: data: {one} is judged by {first.decides} ({first.metric.goal}d) and {name} by "
                f"{own.decides} ({own.metric.goal}d): their effects cannot be compared\n"
                "  name one metric for all in [metric], or leave one of them out"
            )
        _check_margin(study, own.metric.unit, own.metric.goal)
    return facts


def _check_margin(study: StudySettings, unit: str, goal: str) -> None:
    stated = study.ablation.margin if study.ablation.margin is not None else study.metric.margin
    if isinstance(stated, float) and goal == "minimize" and unit not in ("points", "%"):
        raise StudyError(
            f"{study.source}: metric.margin: {stated:g} has no meaning on several data sets, on which this metric has "
            'other sizes, so that effects are ratios\n  write a share of the reference\'s mean, e.g. margin = "2%"'
        )


def _combine(study: StudySettings, paths: Mapping[str, Path], whole: StudyFolder) -> None:
    """Write the tables of all data sets that have some, also from an earlier run; `paths` are their folders."""
    folders = {name: StudyFolder(path) for name, path in paths.items()}
    there = {name: one for name, one in folders.items() if one.results.exists() and one.provenance.exists()}
    with saving(whole.path, "the tables of all data sets"):
        if there:
            combine(study, there, whole)


def _run_parts(study: StudySettings, options: Options, watch: Watcher) -> Iterator[tuple[str, Finished]]:
    """The study on each data set at its end; stops after one that was stopped."""
    best: Factors | None = None
    names = list(study.data_sets)
    for at, name in enumerate(names):
        _, part = next(one for one in parts(study, best=best) if one[0] == name)
        if at and options.only == "search":
            break
        watch(Notice(f"data set {name} ({at + 1} of {len(names)})"))
        finished = run_study(part, options, watch)
        yield name, finished
        if finished.ending.interrupted or finished.ending.gave_up:
            break
        if not at:
            best = _best_of(finished.folder)


def _best_of(folder: StudyFolder) -> Factors | None:
    found = best_entry(Journal(folder.journal).entries.values())
    return found.spec.factors if found else None


def preregister_together(
    study: StudySettings, facts: Sequence[Facts], folder: Path, options: Options
) -> Preregistration:
    """Freeze the comparisons on all data sets, at the level that earlier ones on some of these data sets left.

    A study that resumes keeps the level of its frozen.json, and one that starts again that of its first time.
    """
    declared, register = _declared(study, facts), RegisterTogether(options.cache)
    if (there := read_preregistration(folder)) is not None:
        return freeze(folder, declared.at_level(there.level, there.earlier))
    if (same := register.same(declared, facts)) is not None:
        return freeze(folder, declared.at_level(same.level, same.earlier), at=same.at)
    earlier = [(entry.study, entry.at) for entry in register.earlier(declared, facts)]
    return freeze(folder, declared.at_level(level_of(len(earlier)), earlier))


def _has_scores(folder: StudyFolder) -> bool:
    frozen = read_provenance(folder.provenance).frozen
    return frozen is not None and bool(frozen.scores)


def _declared(study: StudySettings, facts: Sequence[Facts]) -> Declaration:
    """What is fixed before any test set is read: the data sets, and which effects are claims."""
    return Declaration(
        cells=(),
        rules={
            "alpha": ALPHA,
            "data_sets": {name: one.fingerprint() for name, one in zip(study.data_sets, facts, strict=True)},
            "primary": "pooled" if len(facts) >= MIN_DATA_SETS else "on each data set",
            "metric": facts[0].task.decides,
            "seeds": study.ablation.seeds,
        },
    )


def _whole(
    finished: Sequence[Finished], study: StudySettings, facts: Facts, *, folder: StudyFolder, report: ReportFiles
) -> Finished:
    """The state of the whole study: complete if every data set is, with all seconds and states."""
    last = finished[-1].ending
    states = Counter[str]()
    for one in finished:
        states.update(one.states)
    of_parts = dict.fromkeys(part for one in finished for part in one.ending.seconds)
    seconds = {part: sum(one.ending.seconds.get(part, 0.0) for one in finished) for part in of_parts}
    is_whole = len(finished) == len(study.data_sets) and all(one.ending.complete for one in finished)
    ending = replace(finished[0].ending, complete=is_whole, interrupted=last.interrupted, gave_up=last.gave_up)
    return Finished(
        facts=facts,
        ending=replace(ending, seconds=seconds, ended=last.ended),
        folder=folder,
        report=report,
        states=dict(states),
        notes=list(dict.fromkeys(note for one in finished for note in one.notes)),
        missing_runs=sum(one.missing_runs for one in finished),
        tracker_failure=next((one.tracker_failure for one in finished if one.tracker_failure), ""),
        set_aside=next((one.set_aside for one in finished if one.set_aside), None),
        model=None,  # each data set has its own
    )


def list_parts(study: StudySettings, first: StudyFolder) -> list[StudySettings]:
    """The study on each data set, as far as is known before it runs: from the best of the search in the folder `first`.

    Until the search has ended, the baseline stands in for its best.
    """
    return [part for _, part in parts(study, best=_best_of(first))]
