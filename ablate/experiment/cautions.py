"""Warn about suspicious runs: test scores far below validation, seeds with equal weights, levels without any effect."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ablate.data.array import Floats64
from ablate.storage.facts import Facts
from ablate.storage.journal import Entry
from ablate.study.catalog import ENGINE
from ablate.study.cautions import CautionKind, Cautions
from ablate.study.metric_words import metric_words
from ablate.study.model_ref import ModelRef
from ablate.study.rate import RECIPE
from ablate.study.task import LOSS, TaskMetric, classification
from ablate.study.trial import REFERENCE, Factors
from ablate.text import first_of, listed

IN_VAIN = "changes nothing here"  # the end of a note on a level that has no effect in its configuration
MOST_NAMED = 6
LARGE_GAP = 0.15  # of a fraction; the best of several epochs on a small validation split gains a few points by luck
# Of other metrics: both a share of the validation value, and SDs over the seeds of a variant, so that neither values
# close to 0 nor seeds that hardly differ raise an alarm alone.
LARGE_SHARE, LARGE_SDS = 0.3, 4.0
ACCURACY = classification("val_accuracy", 0).metric
WHY_EQUAL = "build fixes a seed, sets weights or returns the same model again"
LossCurve: TypeAlias = tuple[tuple[float, ...], ...]  # per epoch of a run
_Group: TypeAlias = tuple[str, str, str]  # against, mode, factor


@dataclass(frozen=True, slots=True)
class _Cell:
    variant: str
    mode: str
    against: str
    factor: str
    level: str
    factors: Factors
    runs: Mapping[int, LossCurve]  # by seed; includes runs that ended early
    finished: frozenset[int]
    as_final: frozenset[str]  # notes on levels without effect in their configuration

    def named(self, factor: str) -> str:
        """The cell's level of a factor; its own name for a recipe and for the best configuration."""
        return str(self.factors[factor]) if factor in self.factors else self.level or self.variant


def all_cautions(facts: Facts, entries: Iterable[Entry]) -> Cautions:
    """Warnings from the data and from the runs of a study; `entries` is empty before the first trial."""
    task = facts.task
    judged = ACCURACY if task.decides == LOSS and ACCURACY.name in task.names else task.metric
    return {
        **facts.cautions,
        **run_cautions(entries, model=facts.study.model, judged=judged, of_data=facts.data.factors),
    }


def run_cautions(
    entries: Iterable[Entry], *, model: ModelRef, judged: TaskMetric = ACCURACY, of_data: Collection[str] = ()
) -> Cautions:
    """Warnings from the settled comparisons; leaves out kinds that these runs cannot show.

    `model` is the study's model: only users' models are asked "does build use it?", and not about the factors
    `of_data`. `judged` is the metric whose test scores are set beside those of validation.
    """
    entries = [entry for entry in entries if entry.spec.label.phase == "ablation"]
    found: dict[CautionKind, list[str] | None] = {
        "test_gap": _test_gap(entries, judged),
        "initial_weights": _equal_weights(entries),
        "identical_runs": _identical_runs(entries, model=model, of_data=of_data),
        "equal_seeds": _equal_seeds(entries, model) if model.trains_itself else None,
    }
    return {kind: said for kind, said in found.items() if said is not None}


def _test_gap(entries: Sequence[Entry], judged: TaskMetric) -> list[str] | None:
    names = f"val_{judged.name}", f"test_{judged.name}"
    by_variant: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for entry in entries:
        metrics, label = entry.outcome.metrics, entry.spec.label
        if all(metrics.get(name) is not None for name in names):
            by_variant.setdefault((label.variant, label.mode), []).append((metrics[names[0]], metrics[names[1]]))
    if not by_variant:
        return None
    pairs = np.array([pair for pairs in by_variant.values() for pair in pairs])
    validation, test = (float(mean) for mean in pairs.mean(axis=0))
    if not _is_large(judged.sign * (validation - test), pairs, list(by_variant.values()), judged):
        return []
    name = metric_words(judged.name)
    return [
        f"Test {name} is {_in_unit(test, judged)} and validation {name} {_in_unit(validation, judged)} on average: "
        "check that the labels and inputs of the test set are prepared like those of the training set"
    ]


def _is_large(
    gap: float, pairs: Floats64, by_variant: Sequence[Sequence[tuple[float, float]]], judged: TaskMetric
) -> bool:
    """Whether a gap, above 0 if test is worse, is larger than luck explains."""
    is_fraction = judged.unit == "points" or (judged.goal == "maximize" and pairs.min() >= 0 and pairs.max() <= 1)
    if is_fraction:
        return gap >= LARGE_GAP
    spreads = [float(np.std(some, axis=0, ddof=1).max()) for some in by_variant if len(some) > 1]
    return bool(spreads) and gap >= max(LARGE_SHARE * abs(float(pairs[:, 0].mean())), LARGE_SDS * max(spreads))


def _in_unit(value: float, judged: TaskMetric) -> str:
    if judged.unit == "points":
        return f"{100 * value:.0f} %"
    return f"{value:.3g} {judged.unit}".rstrip()


def _equal_weights(entries: Sequence[Entry]) -> list[str] | None:
    """A sentence on the variants whose seeds share initial weights; None if no variant has two seeds to compare."""
    by_variant: dict[str, dict[int, str]] = {}
    for entry in entries:
        if entry.outcome.initial_weights:
            by_variant.setdefault(entry.spec.label.variant, {})[entry.spec.seed] = entry.outcome.initial_weights
    compared = {variant: digests for variant, digests in by_variant.items() if len(digests) > 1}
    sharing: dict[str, list[str]] = {}
    for variant, digests in compared.items():
        most = max(Counter(digests.values()).values())
        if most > 1:
            every = "both" if most == 2 else f"all {most}"
            seeds = f"{every} seeds" if most == len(digests) else f"{most} of {len(digests)} seeds"
            sharing.setdefault(seeds, []).append(variant)
    said = [
        f"{seeds} of {_listed(variants)} start from the same weights, so they differ only in split and batch order: "
        f"{WHY_EQUAL}"
        for seeds, variants in sharing.items()
    ]
    return said if compared else None


def _equal_seeds(entries: Sequence[Entry], model: ModelRef) -> list[str] | None:
    """A sentence on the variants all of whose seeds gave the same numbers; None if none has two seeds to compare."""
    runs: dict[str, list[tuple[tuple[str, float], ...]]] = {}
    for entry in entries:
        if entry.outcome.state == "finished":
            name = f"{entry.spec.label.variant} ({entry.spec.label.mode})" if entry.spec.label.mode else ""
            numbers = tuple(sorted(entry.outcome.metrics.items()))
            runs.setdefault(name or entry.spec.label.variant, []).append(numbers)
    compared = {name: some for name, some in runs.items() if len(some) > 1}
    alike = [name for name, some in compared.items() if len(set(some)) == 1]
    if not compared or not alike:
        return [] if compared else None
    use = "its argument seed" if model.role == "train" else "{seed} or $ABLATE_SEED"
    return [
        f"All seeds of {_listed(alike)} gave the same numbers, so they are copies of one run and count as one: does "
        f"{model.name} use {use} wherever it draws at random?"
    ]


def _identical_runs(entries: Sequence[Entry], *, model: ModelRef, of_data: Collection[str]) -> list[str] | None:
    """A sentence per set of levels of a factor with equal epochs in all seeds; None if no two levels share a seed."""
    said, is_compared = list[str](), False
    for factor, cells in _groups(_cells(entries)):
        for alike, is_same in _classes(cells):
            is_compared |= is_same is not None
            if is_same:
                said.append(_sentence(factor, alike, reader="" if factor in of_data else _reader(model)))
    return list(dict.fromkeys(said)) if is_compared else None


def _cells(entries: Sequence[Entry]) -> list[_Cell]:
    """The configurations of the one-factor design, in the order of their runs."""
    curves: dict[str, LossCurve] = {
        entry.spec.trial: tuple(tuple(epoch.metrics.values()) for epoch in entry.epochs) for entry in entries
    }
    rows: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in entries:
        label = entry.spec.label
        if label.design in ("", "one-factor"):
            rows.setdefault((label.variant, label.mode, label.against), []).append(entry)
    return [
        _Cell(
            variant,
            mode,
            against,
            some[0].spec.label.factor,
            some[0].spec.label.level,
            some[0].spec.factors,
            # A deduplicated trial has its curve under the trial whose result it reuses.
            {e.spec.seed: curves[e.spec.trial] or curves.get(e.outcome.same_as, ()) for e in some},
            frozenset(e.spec.seed for e in some if e.outcome.state == "finished"),
            frozenset(note for e in some for note in e.outcome.notes if note.endswith(IN_VAIN)),
        )
        for (variant, mode, against), some in rows.items()
    ]


def _groups(cells: Sequence[_Cell]) -> Iterable[tuple[str, list[_Cell]]]:
    """The levels of each factor: first the configuration they are compared with, then its variants."""
    partners = {(cell.variant, cell.mode): cell for cell in cells}
    groups: dict[_Group, list[_Cell]] = {}
    for cell in cells:
        if cell.variant == REFERENCE or not cell.factor:
            continue
        against = cell.against or REFERENCE
        partner = partners.get((against, cell.mode)) or partners.get((against, ""))
        groups.setdefault((against, cell.mode, cell.factor), [partner] if partner else []).append(cell)
    for (_, _, factor), members in groups.items():
        yield factor, members


def _classes(cells: Sequence[_Cell]) -> Iterable[tuple[list[_Cell], bool | None]]:
    """Group identical cells.

    Each group comes with True; a cell without equals with False, or None if no cells share a seed.
    """
    classes: list[list[_Cell]] = []
    compared = False
    for cell in cells:
        answers = [(one, _equal(one[0], cell)) for one in classes]
        compared |= any(answer is not None for _, answer in answers)
        same = next((one for one, answer in answers if answer), None)
        if same is None:
            classes.append([cell])
        else:
            same.append(cell)
    for one in classes:
        yield one, len(one) > 1 if compared else None


def _equal(one: _Cell, other: _Cell) -> bool | None:
    """Whether two different configurations gave the same epochs in all shared seeds; None if they share no seed."""
    shared = one.runs.keys() & other.runs.keys() & one.finished & other.finished
    if not shared or dict(one.factors) == dict(other.factors):
        return None
    seeds = one.runs.keys() & other.runs.keys()
    return all(one.runs[seed] == other.runs[seed] for seed in seeds) and all(one.runs[seed] for seed in shared)


def _reader(model: ModelRef) -> str:
    """What of the user's code gets the factors; "" where they are for this package's."""
    if model.trains_itself:
        return model.name if model.role == "train" else "the program"
    return "build" if model.is_users else ""


def _sentence(factor: str, cells: Sequence[_Cell], *, reader: str) -> str:
    levels = _listed([cell.named(factor) for cell in cells])
    said = (
        f"{levels} give identical runs" if factor == RECIPE else f"the levels {levels} of {factor} give identical runs"
    )
    if why := sorted({note for cell in cells for note in cell.as_final}):
        return f"{said}: {'; '.join(why)}"
    if reader and (reader != "build" or (factor not in ENGINE and factor != "learning_rate")):
        return f"{said}: {reader} does not seem to use {'them' if factor == RECIPE else 'it'}"
    return f"{said}: here {'they change' if factor == RECIPE else 'it changes'} nothing"


def _listed(names: Sequence[str]) -> str:
    return first_of(names, MOST_NAMED) if len(names) > MOST_NAMED else listed(names)
