"""`ablate plan`: what a study would do now, how long it would take, and which effects it could detect."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ablate.analysis.effects import MIN_DATA_SETS, Metric
from ablate.analysis.statistics.pilot import PilotSd
from ablate.cli.display.display import part_said
from ablate.cli.display.power import power_said, power_table
from ablate.cli.display.progress import duration
from ablate.cli.display.stream import say
from ablate.experiment.data_sets import check_together, list_parts
from ablate.experiment.events import Notice
from ablate.experiment.interim import open_contrasts, typical_sd
from ablate.experiment.options import Options, gather_facts, open_data, warnings
from ablate.experiment.preregister import SpentLevel, declare_facts, spent_level
from ablate.experiment.preview.forecast import Pace, forecast, measured_paces, seen_paces, timing_specs
from ablate.experiment.preview.preview import StudyPreview, preview_study
from ablate.experiment.preview.seed_power import seed_powers
from ablate.plans import SteppedPlan, ablation_specs, looks_of
from ablate.storage.facts import Facts
from ablate.storage.folder import StudyFolder
from ablate.storage.journal import Entry, Journal
from ablate.storage.resume import ResumeCheck, refusal
from ablate.storage.trial_cache import open_cache
from ablate.study.catalog import Structure
from ablate.study.load import load_study
from ablate.study.names import find_study
from ablate.study.seeds import SEARCH_REPLICATE
from ablate.study.settings import Study
from ablate.study.trial import Label, Level, Outcome, TrialSpec
from ablate.text import number_of
from ablate.workers.scheduler import WorkerOptions, open_workers

INDENT = 10  # columns before what is said of a part
MOST_SHOWN = 12  # structures in the table of training times


def run(
    name: str,
    *,
    overrides: Sequence[str],
    workers: int | None,
    out: Path,
    data_dir: Path | None,
    quick: bool,
    timing: bool,
) -> None:
    """Work out the plan, time the structures without a known pace, and print."""
    study = load_study(find_study(name, folder=Path.cwd()), overrides=overrides, quick=quick)
    options = Options(out=out, tracking_uri="", command="", data_dir=data_dir, workers=workers)
    console = Console(highlight=False)
    if not study.data_sets:
        _plan(study, options, console, timing=timing)
        return
    say(console, several_said(study), soft_wrap=not console.is_terminal)
    facts = check_together(
        study, options, lambda event: say(console, [event.text] if isinstance(event, Notice) else [])
    )
    for part in list_parts(study, StudyFolder(out / facts[0].label)):
        say(console, [""])
        _plan(part, options, console, timing=timing, of=len(study.data_sets))


def several_said(study: Study) -> list[str]:
    """On which data sets a study runs, and what its claims will be about."""
    names, best = list(study.data_sets), study.ablation.reference == "best"
    lines = [
        f"{study.name}   {study.title}",
        f"data sets {', '.join(names)}: every variant on each, with the same seeds",
    ]
    if study.search.trials:
        start = "; the others start from its best configuration" if best else ""
        lines.append(f"{'':<10}the search runs on {names[0]} alone{start}")
    k = len(names)
    few = f"claims are about these {k} data sets, each comparison on each of them; others need {MIN_DATA_SETS} or more"
    many = f"claims are about data sets like these {k}: effects pooled over them, which rest on {k} values"
    return [*lines, f"{'':<10}{few if k < MIN_DATA_SETS else many}"]


def _plan(study: Study, options: Options, console: Console, *, timing: bool, of: int = 1) -> None:
    """Plan a study on one data set, one `of` so many."""
    out = options.out
    data = open_data(study, options.data_dir, announce=lambda text: say(console, [text]))
    facts = gather_facts(study, data, options)
    folder = StudyFolder(out / facts.label)
    if changes := folder.changes(study, data=facts.fingerprint(), conditions=facts.conditions()):
        say(console, [changes_said(folder.path, changes)])
    outlook, entries = _outlook(facts, folder, options)
    soft_wrap = not console.is_terminal
    say(console, [f"{facts.label}   {study.title}", *trials_said(outlook), *warnings(facts)], soft_wrap=soft_wrap)
    paces = seen_paces(entries.values(), study=study)
    specs = outlook.left or _stand_ins(study)
    said = dict.fromkeys(ways_said(entry.outcome for entry in entries.values()))
    if timing:
        paces = {**_timed(timing_specs(specs, paces, study=study), facts, options, said), **paces}
    say(console, said, soft_wrap=soft_wrap)
    spent = _spent(outlook, facts, options)
    say(console, time_said(outlook, facts, paces), soft_wrap=soft_wrap)
    if outlook.n_seeds and outlook.contrasts and of < MIN_DATA_SETS:  # with more, claims do not rest on seeds
        outlook = replace(outlook, contrasts=outlook.contrasts * of)  # one family on all data sets
        _print_power(console, outlook, *typical_sd(entries.values(), facts), level=spent.level, facts=facts)
        say(console, spent.sentence(), soft_wrap=soft_wrap)
    if paces:
        console.print(pace_table(paces))


def changes_said(folder: Path, changes: Sequence[ResumeCheck]) -> str:
    """That the study has changed, and what `ablate study` would do with the saved trials."""
    asks = "refuses to go on" if any(one.against for one in changes) else "goes on only with --continue"
    return f"note: {refusal(folder, changes)}\n  ablate study {asks}; this plan counts the saved trials as valid"


def trials_said(outlook: StudyPreview) -> list[str]:
    """Which trials would be trained, and how many of them are done."""
    lines = []
    for part, count in outlook.counts.items():
        if count.most:
            done = outlook.done.get(part, 0)
            lines.append(f"{part:<10}{part_said(part, count)}" + (f", {done:,} done" if done else ""))
    if outlook.reused:
        lines.append(f"{'':<10}{outlook.reused:,} of these reuse the result of an identical trial")
    if lines and not outlook.n_seeds:
        lines.append(f"{'ablation':<10}none, since ablation.seeds is 0: nothing is compared or read on the test set")
    return lines or ["nothing to train: no search trials and no seeds"]


def time_said(outlook: StudyPreview, facts: Facts, paces: Mapping[Structure, Pace]) -> list[str]:
    """The estimated run time."""
    if not outlook.left and not outlook.unknown:
        return ["time      nothing left to train"]
    if not paces:
        return ["time      unknown without a timed epoch: leave out --no-time"]
    said = forecast(
        outlook.left,
        searched=outlook.unknown,
        study=facts.study,
        paces=paces,
        workers=facts.workers,
        n_train=facts.n_train(),
    )
    trials = len(outlook.left) + outlook.unknown
    more = " at most" if outlook.unknown > facts.study.search.trials else ""
    workers, epochs = number_of(facts.workers, "worker"), "epoch" if said.n_epochs == 1 else "epochs"
    return [
        f"time      about {duration(said.seconds)}{more} on {workers}: {number_of(trials, 'trial')} to train, "
        f"{said.n_epochs:.3g} {epochs} each; early stopping and pruning may end some trials sooner"
    ]


def pace_table(paces: Mapping[Structure, Pace]) -> Table:
    """Training time of each structure, slowest first."""
    table = Table(box=None, pad_edge=False, show_header=True, header_style="dim")
    for name, is_number in (("structure", False), ("epoch, s", True), ("compile, s", True)):
        table.add_column(name, justify="right" if is_number else "left")
    varying = {name for structure in paces for name, level in structure} if len(paces) == 1 else _varying(paces)
    ordered = sorted(paces.items(), key=lambda item: -item[1].epoch)
    for structure, pace in ordered[:MOST_SHOWN]:
        label = " · ".join(f"{name}={level}" for name, level in structure if name in varying)
        table.add_row(Text(label), f"{pace.epoch:.2f}", f"{pace.compile:.1f}")
    if len(ordered) > MOST_SHOWN:
        table.add_row(f"and {len(ordered) - MOST_SHOWN} more", "", "")
    return table


def _print_power(
    console: Console, outlook: StudyPreview, pilot: PilotSd, metric: Metric, *, level: float, facts: Facts
) -> None:
    own, contrasts, overlap = outlook.n_seeds, outlook.contrasts, facts.overlap() or 0.0
    powers = seed_powers(own, contrasts=contrasts, pilot=pilot, margin=metric.margin, alpha=level, overlap=overlap)
    said = power_said(powers, own=own, contrasts=contrasts, pilot=pilot, metric=metric, level=level)
    say(console, said, soft_wrap=not console.is_terminal)
    console.print(Padding(power_table(powers, pilot=pilot, metric=metric), (0, 0, 0, INDENT)))


def _varying(paces: Mapping[Structure, Pace]) -> set[str]:
    levels: dict[str, set[Level]] = {}
    for structure in paces:
        for name, level in structure:
            levels.setdefault(name, set()).add(level)
    return {name for name, found in levels.items() if len(found) > 1}


def _outlook(facts: Facts, folder: StudyFolder, options: Options) -> tuple[StudyPreview, dict[str, Entry]]:
    """Preview what is left to do, from what the folder holds of this study; reads only."""
    journal = Journal(folder.journal)
    known = journal.known()
    entries = {name: entry for name, entry in journal.entries.items() if name in known}
    seeds = looks_of(facts.study)
    outlook = preview_study(
        facts.study,
        entries,
        chance=facts.task.metric.guess_score,
        cache=open_cache(options.cache, facts, stack=options.stack),
        undecided=lambda look: open_contrasts(entries.values(), facts, seeds=seeds, look=look),
    )
    return outlook, entries


def _spent(outlook: StudyPreview, facts: Facts, options: Options) -> SpentLevel:
    """The level that is left for the comparisons, as far as they are known; reads only."""
    declared = declare_facts(outlook.confirmed, facts, looks=outlook.n_seeds)
    return spent_level(declared, outlook.confirmed, facts, cache=options.cache)


def _stand_ins(study: Study) -> list[TrialSpec]:
    """Trials whose structures represent those of a search that has not run yet."""
    specs = ablation_specs(study, study.baseline)
    return specs or [TrialSpec("baseline", Label("search"), SEARCH_REPLICATE, study.baseline)]


def ways_said(outcomes: Iterable[Outcome]) -> list[str]:
    """How trials were trained, where it was not by compiled programs."""
    ways = dict.fromkeys(outcome.trained_by for outcome in outcomes)
    return [f"trained by {way}" for way in ways if way != "compiled"]


def _timed(specs: Sequence[TrialSpec], facts: Facts, options: Options, said: dict[str, None]) -> dict[Structure, Pace]:
    """The paces of specs, each trained for an epoch; what workers say of the models is added to `said`."""
    if not specs:
        return {}
    study = facts.study
    short = study.model_copy(update={"training": study.training.model_copy(update={"epochs": 1})})
    plan = SteppedPlan(lambda _: specs, known={})
    workers = WorkerOptions(facts.workers, facts.threads, options.cache)

    def note(text: str) -> None:
        said[text] = None

    with open_workers(short, facts.data, workers, stop=threading.Event(), on_notice=note) as scheduler:
        scheduler.run(plan)
    return measured_paces(specs, plan.outcomes, model=study.model.name)
