"""`ablate plan`: what a study would do now, how long it would take, and which effects it could detect."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ablate import system
from ablate.analysis.effects import MIN_DATA_SETS, Metric
from ablate.analysis.effects.scales import RELATIVE
from ablate.analysis.statistics.pilot import PilotSd
from ablate.experiment.data_sets import check_together, list_parts
from ablate.experiment.events import Notice
from ablate.experiment.interim import typical_sd
from ablate.experiment.options import Options, warnings
from ablate.experiment.preview.forecast import Pace
from ablate.experiment.preview.planned import StudyPlan, plan_study
from ablate.experiment.preview.preview import StudyPreview
from ablate.experiment.preview.seed_power import seed_powers
from ablate.interface.display.display import part_said
from ablate.interface.display.power import power_said, power_table
from ablate.interface.display.progress import duration
from ablate.interface.display.rounds import rounds_said
from ablate.interface.display.stream import say
from ablate.interface.study import Study
from ablate.storage.facts import Facts
from ablate.storage.folder import StudyFolder
from ablate.storage.resume import ResumeCheck, refusal
from ablate.study.backend import choose_backend
from ablate.study.catalog import Structure
from ablate.study.pruning import halving_of, pruning_said, rungs_of
from ablate.study.settings import StudySettings
from ablate.text import number_of

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
    study = Study.read(name, overrides=overrides, quick=quick)
    options = Options(out=out, tracking_uri="", command="", data_dir=data_dir, workers=workers)
    console = Console(highlight=False)
    if not study.settings.data_sets:
        _print_plan(study.planned(options, announce=lambda text: say(console, [text])), console, timing=timing)
        return
    settings = study.settings
    say(console, several_said(settings), soft_wrap=not console.is_terminal)
    facts = check_together(
        settings, options, lambda event: say(console, [event.text] if isinstance(event, Notice) else [])
    )
    metrics = []
    for part in list_parts(settings, StudyFolder(out / facts[0].label)):
        say(console, [""])
        plan = plan_study(part, options, announce=lambda text: say(console, [text]))
        _print_plan(plan, console, timing=timing, of=len(settings.data_sets))
        metrics.append(typical_sd(plan.entries.values(), plan.facts)[1])
    say(console, margin_said(metrics), soft_wrap=not console.is_terminal)


def margin_said(metrics: Sequence[Metric]) -> list[str]:
    """That one margin holds on all data sets, where they have different ones; `metrics` has each data set's."""
    margins = [metric.margin * metric.scale for metric in metrics]
    if len(set(margins)) < 2 or any(metric.unit not in RELATIVE for metric in metrics):
        return []
    unit = metrics[0].unit
    mean = sum(margins) / len(margins)
    return ["", f"margin    verdicts on all data sets use one: {mean:.3g} {unit}, the mean of those of the data sets"]


def several_said(study: StudySettings) -> list[str]:
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


def _print_plan(plan: StudyPlan, console: Console, *, timing: bool, of: int = 1) -> None:
    """Print the plan of a study on one data set, one `of` so many."""
    facts, preview = plan.facts, plan.preview
    study = facts.study
    if plan.changes:
        say(console, [changes_said(plan.folder.path, plan.changes)])
    soft_wrap = not console.is_terminal
    head = [f"{facts.label}   {study.title}", *trials_said(preview), *pruning_line(study)]
    head += [*backend_line(study), *warnings(facts)]
    say(console, head, soft_wrap=soft_wrap)
    said = dict.fromkeys(plan.ways())
    paces = plan.paces(timing=timing, say=lambda text: said.update({text: None}))
    say(console, said, soft_wrap=soft_wrap)
    spent = plan.spent()
    say(console, time_said(plan, paces), soft_wrap=soft_wrap)
    say(console, rounds_said(preview, study.search, workers=facts.workers), soft_wrap=soft_wrap)
    if preview.n_seeds and preview.contrasts and of < MIN_DATA_SETS:  # with more, claims do not rest on seeds
        preview = replace(preview, contrasts=preview.contrasts * of)  # one family on all data sets
        pilot, metric = typical_sd(plan.entries.values(), facts)
        _print_power(console, preview, pilot, metric, level=spent.level, facts=facts)
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


def pruning_line(study: StudySettings) -> list[str]:
    """The rule by which the search stops trials early; none without a search or a pruner."""
    search, epochs = study.search, study.training.epochs
    factor = halving_of(search, epochs=epochs).reduction_factor
    rule = pruning_said(search.pruner, rungs=rungs_of(search, epochs=epochs), reduction_factor=factor)
    return [f"pruner    {rule}"] if rule and search.trials else []


def backend_line(study: StudySettings) -> list[str]:
    """Which backend trains, and what chose it; none where a function or a program trains."""
    if study.model.trains_itself:
        return []
    return [f"backend   {choose_backend(study).said(system.versions())}"]


def time_said(plan: StudyPlan, paces: Mapping[Structure, Pace]) -> list[str]:
    """The estimated run time."""
    preview, facts = plan.preview, plan.facts
    if not preview.left and not preview.unknown:
        return ["time      nothing left to train"]
    if plan.study.model.trains_itself:
        return own_time_said(plan)
    if not paces:
        return ["time      unknown without a timed epoch: leave out --no-time"]
    said = plan.forecast(paces)
    trials = len(preview.left) + preview.unknown
    more = " at most" if preview.unknown > facts.study.search.trials else ""
    workers, epochs = number_of(facts.workers, "worker"), "epoch" if said.n_epochs == 1 else "epochs"
    return [
        f"time      about {duration(said.seconds)}{more} on {workers}: {number_of(trials, 'trial')} to train, "
        f"{said.n_epochs:.3g} {epochs} each; early stopping and pruning may end some trials sooner"
    ]


def own_time_said(plan: StudyPlan) -> list[str]:
    """The estimated run time of trials that a function or a program trains, from those that have ended."""
    trials, seconds = plan.n_left, plan.own_seconds()
    if seconds is None:
        return [f"time      unknown until one of the {number_of(trials, 'trial')} has run"]
    workers = number_of(plan.facts.workers, "worker")
    return [f"time      about {duration(seconds)} on {workers}: {number_of(trials, 'trial')} to train"]


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
    levels: dict[str, set[object]] = {}
    for structure in paces:
        for name, level in structure:
            levels.setdefault(name, set()).add(level)
    return {name for name, found in levels.items() if len(found) > 1}
