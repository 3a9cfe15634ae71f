"""A study into lines that say what it amounts to: its designs, its trials, its conditions and recipes."""

from collections.abc import Iterator, Mapping

from ablate.ablation import ablation_cells, count_trials, looks_of
from ablate.plural import number_of
from ablate.records import REFERENCE, Design, Level
from ablate.space import Condition
from ablate.study import Study

_STARTS = {"best": "the best configuration", "both": "the baseline and of the best configuration"}
_PARTS = {"search": "in the search", "tune": "to tune rates", "ablation": "in comparisons", "path": "on the way"}


def outline(study: Study) -> list[str]:
    """What will be trained, as far as it is known before the search; then the space's conditions and the recipes."""
    first, *others = list(_designs(study)) or ["no ablation"]
    conditions = study.space.conditions.items()
    unused = "" if "one-factor" in study.ablation.design else " (not compared: only design one-factor does that)"
    return [
        f"{number_of(study.search.trials, 'search trial')}, then {first}",
        *(f"and {other}" for other in others),
        *_numbers(study),
        *(f"{factor} counts only where {_needed(condition)}" for factor, condition in conditions),
        *(f"recipe {name}: {_levels(recipe)}{unused}" for name, recipe in study.recipes.items()),
    ]


def _numbers(study: Study) -> Iterator[str]:
    """A line with the trials of each part, where the lines above leave some to be reckoned."""
    counts = {part: count for part, count in count_trials(study, best=None).items() if count.most}
    if len(counts) > 2 or any(count.least < count.most for count in counts.values()):
        yield f"trials: {', '.join(f'{count} {_PARTS[part]}' for part, count in counts.items())}"


def _designs(study: Study) -> Iterator[str]:
    """A phrase a design, in the order in which they are run."""
    looks = looks_of(study)
    if not looks:
        return
    first, most = looks[0], looks[-1]
    crossed = " × ".join(study.ablation.factorial or ())
    phrases: Mapping[Design, str] = {
        "one-factor": f"{_variants(study)} × {f'{first} to ' if first < most else ''}{number_of(most, 'seed')}",
        "factorial": f"the combinations of {crossed}{_cells(study)} × {number_of(first, 'seed')}",
        "path": f"the way from the baseline to the best and back × {number_of(first, 'seed')}",
    }
    yield from (phrase for design, phrase in phrases.items() if design in study.ablation.design)


def _variants(study: Study) -> str:
    if study.ablation.reference in _STARTS:  # their number depends on what the search finds
        return f"the variants of {_STARTS[study.ablation.reference]}"
    return number_of(_count(study, "one-factor"), "variant")


def _cells(study: Study) -> str:
    return "" if study.ablation.reference in _STARTS else f": {_count(study, 'factorial')} cells"


def _count(study: Study, design: Design) -> int:
    cells = ablation_cells(study, {REFERENCE: study.baseline}, {})
    return sum(cell.design == design for cell in cells)


def _needed(condition: Condition) -> str:
    return " and ".join(f"{other} is {' or '.join(map(str, levels))}" for other, levels in condition.items())


def _levels(recipe: Mapping[str, Level]) -> str:
    return ", ".join(f"{factor}={level}" for factor, level in recipe.items())
