"""Work out what a study has left to train, what it can reuse, and which effects it could detect."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ablate.analysis.statistics import minimum_detectable_effect
from ablate.experiment.interim import BestRule, best_entry
from ablate.experiment.stages import ComparisonStages
from ablate.plans import TrialCount, ablation_cells, count_trials, looks_of, needs_best
from ablate.plans.cells import modes_of
from ablate.plans.counting import Part
from ablate.plans.sequence import Undecided
from ablate.plans.waves import Waves, n_rounds, search_waves, waves_left
from ablate.storage.journal import Entry
from ablate.storage.trial_cache import TrialCache, trial_key
from ablate.study.settings import Search, StudySettings
from ablate.study.space import Condition
from ablate.study.trial import REFERENCE, Design, Level, TrialSpec
from ablate.text import number_of

_STARTS = {"best": "the best configuration", "both": "the baseline and of the best configuration"}
_PARTS = {"search": "in the search", "tune": "for tuning", "ablation": "in comparisons", "path": "on paths"}


@dataclass(frozen=True, slots=True)
class StudyPreview:
    """What a study would do now."""

    counts: Mapping[Part, TrialCount]  # all trials of each part, including finished ones
    done: Mapping[str, int]  # by part
    left: Sequence[TrialSpec]  # remaining trials, as far as they are known
    unknown: int  # upper bound on further trials, which depend on the results of earlier ones
    reused: int  # trials that reuse the result of an identical trial, of this or another study
    contrasts: int  # comparisons in one learning-rate mode: the family
    n_seeds: tuple[int, ...]  # at each look
    confirmed: Sequence[TrialSpec] = ()  # a trial of every cell for the test set, at each seed of the first look
    waves: Mapping[Part, Waves] = field(default_factory=dict)  # of all trials, at most
    waves_left: Mapping[Part, Waves] = field(default_factory=dict)  # of those to train, at most

    def rounds(self, *, workers: int) -> dict[Part, int]:
        """By part that is left: how often the workers train a trial each, if all trials take equally long."""
        return {part: n_rounds(waves, workers=workers) for part, waves in self.waves_left.items()}

    def searched_by(self, search: Search) -> "StudyPreview":
        """The same with another search, of which nothing is done yet."""
        return replace(self, waves_left={**self.waves_left, "search": search_waves(search)})

    def detectable(self, *, alpha: float = 0.05) -> list[float]:
        """Smallest detectable effect at each look, in SDs of the paired differences (80 % power, family-wise)."""
        contrasts = max(self.contrasts, 1)
        return [minimum_detectable_effect(n, contrasts=contrasts, alpha=alpha) for n in self.n_seeds]


def preview_study(
    study: StudySettings,
    entries: Mapping[str, Entry],
    *,
    chance: float,
    cache: TrialCache | None,
    undecided: Undecided,
    choose: BestRule = best_entry,
) -> StudyPreview:
    """Preview a study whose settled trials are `entries`; interrupted trials are not among them.

    `choose` finds the best configuration of the search among them.
    """
    searched = study.search.trials - sum(entry.spec.label.phase == "search" for entry in entries.values())
    best = choose(entries.values()) if searched <= 0 else None
    counts = count_trials(study, best=best.spec.factors if best else None)
    # Until the best is known, the baseline stands in for it: the family has at least that size.
    stand_in = best.spec.factors if best else study.baseline
    comparison = ComparisonStages(study, best=stand_in, chance=chance, undecided=undecided)
    outcomes = {name: entry.outcome for name, entry in entries.items()}
    is_known = best is not None or not needs_best(study)
    wanted = comparison.wanted(outcomes) if is_known else []
    left, reused = _left(wanted, entries, cache)
    confirmed = comparison.confirmed(outcomes)
    listed = Counter(map(_part, wanted))
    growing = {_part(spec) for spec in wanted if spec.trial not in entries} if is_known else {*counts} - {"search"}
    further = Counter({part: max(0, counts[part].most - listed[part]) for part in growing})
    further["search"] = max(0, searched)
    return StudyPreview(
        counts=counts,
        done=dict(Counter(_part(entry.spec) for entry in entries.values())),
        left=left,
        unknown=further.total(),
        reused=reused,
        contrasts=_family(confirmed, mode=modes_of(study)[0]),
        n_seeds=comparison.looks,
        confirmed=confirmed,
        waves=waves_left(study, counts, {part: count.most for part, count in counts.items()}),
        waves_left=waves_left(study, counts, further + Counter(map(_part, left))),
    )


def _part(spec: TrialSpec) -> Part:
    return "path" if spec.label.design == "path" else spec.label.phase


def _family(specs: Sequence[TrialSpec], *, mode: str) -> int:
    """The number of comparisons in one learning-rate mode."""
    labels = [spec.label for spec in specs]
    return len({one.variant for one in labels if one.design == "one-factor" and one.against and one.mode == mode})


def _left(
    wanted: Sequence[TrialSpec], entries: Mapping[str, Entry], cache: TrialCache | None
) -> tuple[list[TrialSpec], int]:
    """The trials to be trained, each content once, and how many of the others reuse an existing result."""
    seen = {trial_key(entry.spec) for entry in entries.values()}
    left, reused = [], 0
    for spec in wanted:
        if spec.trial in entries:
            continue
        key = trial_key(spec)
        if key in seen or (cache is not None and cache.find(spec) is not None):
            reused += 1
        else:
            left.append(spec)
        seen.add(key)
    return left, reused


def outline(study: StudySettings) -> list[str]:
    """Describe the trials known before the search, then the space's conditions and the recipes."""
    first, *others = list(_designs(study)) or ["no ablation"]
    conditions = study.space.conditions.items()
    unused = (
        "" if "one-factor" in study.ablation.design else " (not compared: only the one-factor design compares recipes)"
    )
    return [
        f"{number_of(study.search.trials, 'search trial')}, then {first}",
        *(f"and {other}" for other in others),
        *_numbers(study),
        *(f"{factor} matters only where {_needed(condition)}" for factor, condition in conditions),
        *(f"recipe {name}: {_levels(recipe)}{unused}" for name, recipe in study.recipes.items()),
    ]


def _numbers(study: StudySettings) -> Iterator[str]:
    counts = {part: count for part, count in count_trials(study, best=None).items() if count.most}
    if len(counts) > 2 or any(count.least < count.most for count in counts.values()):
        yield f"trials: {', '.join(f'{count} {_PARTS[part]}' for part, count in counts.items())}"


def _designs(study: StudySettings) -> Iterator[str]:
    looks = looks_of(study)
    if not looks:
        return
    first, most = looks[0], looks[-1]
    crossed = " × ".join(study.ablation.factorial or ())
    phrases: Mapping[Design, str] = {
        "one-factor": f"{_variants(study)} × {f'{first} to ' if first < most else ''}{number_of(most, 'seed')}",
        "factorial": f"the combinations of {crossed}{_cells(study)} × {number_of(first, 'seed')}",
        "path": f"the path from the baseline to the best configuration and back × {number_of(first, 'seed')}",
    }
    yield from (phrase for design, phrase in phrases.items() if design in study.ablation.design)


def _variants(study: StudySettings) -> str:
    if study.ablation.reference in _STARTS:  # the number depends on the result of the search
        return f"the variants of {_STARTS[study.ablation.reference]}"
    return number_of(_count(study, "one-factor"), "variant")


def _cells(study: StudySettings) -> str:
    return "" if study.ablation.reference in _STARTS else f": {_count(study, 'factorial')} cells"


def _count(study: StudySettings, design: Design) -> int:
    cells = ablation_cells(study, {REFERENCE: study.baseline}, {})
    return sum(cell.design == design for cell in cells)


def _needed(condition: Condition) -> str:
    return " and ".join(f"{other} is {' or '.join(map(str, levels))}" for other, levels in condition.items())


def _levels(recipe: Mapping[str, Level]) -> str:
    return ", ".join(f"{factor}={level}" for factor, level in recipe.items())
