"""Count the trials of a study: an exact number where it is known before the start, else a range."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ablate.plans.cells import needs_best, references
from ablate.plans.designs import ablation_cells, looks_of
from ablate.plans.path import Paths
from ablate.plans.tuning import GRID, MOST_EXTENSIONS, Tuning
from ablate.study.rate import Rate, format_rate
from ablate.study.settings import StudySettings
from ablate.study.space import Choice, Dimension, Float, Int, RateSpan
from ablate.study.trial import Factors, Level

Part: TypeAlias = Literal["search", "tune", "ablation", "path"]  # in the order in which they run


@dataclass(frozen=True, slots=True)
class TrialCount:
    """A number of trials; `least` equals `most` if it is known exactly."""

    least: int
    most: int

    def __add__(self, other: "TrialCount") -> "TrialCount":
        return TrialCount(self.least + other.least, self.most + other.most)

    def __str__(self) -> str:
        return f"{self.least:,}" if self.least == self.most else f"{self.least:,} to {self.most:,}"


def count_trials(study: StudySettings, *, best: Factors | None) -> dict[Part, TrialCount]:
    """Number of trials in each part of a study, including those that reuse the result of an identical trial.

    `best` is the best configuration, None before the search has ended: then, if the ablation depends on it, the range
    covers a few configurations that it might be.
    """
    known = [best] if best is not None or not needs_best(study) else list(_possible_bests(study))
    counts = [_count(study, one) for one in known]
    spans: dict[Part, TrialCount] = {
        part: TrialCount(min(count[part].least for count in counts), max(count[part].most for count in counts))
        for part in counts[0]
    }
    return {"search": TrialCount(study.search.trials, study.search.trials), **spans}


def _count(study: StudySettings, best: Factors | None) -> dict[Part, TrialCount]:
    looks = looks_of(study)
    if not looks:
        return {part: TrialCount(0, 0) for part in ("tune", "ablation", "path")}
    compared = references(study, study.baseline, best)
    cells = ablation_cells(study, compared, {})
    growing = sum(cell.design == "one-factor" for cell in cells)
    tuned = len(Tuning(cells, compared, chance=0.0))
    return {
        "tune": TrialCount(len(GRID) * tuned, (len(GRID) + MOST_EXTENSIONS) * tuned),
        "ablation": TrialCount(looks[0] * len(cells), looks[0] * len(cells) + (looks[-1] - looks[0]) * growing),
        "path": _path(study, best, n_seeds=looks[0]),
    }


def _path(study: StudySettings, best: Factors | None, *, n_seeds: int) -> TrialCount:
    if best is None or "path" not in study.ablation.design:
        return TrialCount(0, 0)
    flips = Paths(study, study.baseline, best, seeds=(), chance=0.0).n_flips
    cells = flips * (flips + 1) // 2 + 1 if flips else 0  # every flip, then all but one, …, and the start
    # At some steps, a factor is no candidate: it waits for another factor, or is settled together with one.
    fewest = min(2, cells) if study.space.conditions else cells
    return TrialCount(2 * fewest * n_seeds, 2 * cells * n_seeds)


def _possible_bests(study: StudySettings) -> Iterator[Factors]:
    """Candidates for the best: the baseline, and configurations that differ in every factor, at levels tried or not."""
    yield study.baseline
    for is_listed in (True, False):
        dimensions = study.space.dimensions.items()
        levels = {name: _other(dimension, study.baseline[name], is_listed=is_listed) for name, dimension in dimensions}
        yield study.space.settled({**study.baseline, **levels})


def _other(dimension: Dimension, own: Level, *, is_listed: bool) -> Level:
    """A level other than `own`: one that the ablation tries, or one that it does not; `own` if there is none."""
    listed = dimension.levels()
    others = listed if is_listed else [level for level in _inside(dimension) if level not in listed]
    return next((level for level in (*others, *_inside(dimension)) if level != own), own)


def _inside(dimension: Dimension) -> tuple[Level, ...]:
    match dimension:
        case Choice():
            return dimension.options
        case Float() | Int():
            return (dimension.low, dimension.high)
        case RateSpan():
            return tuple(format_rate(Rate(None, multiplier)) for multiplier in dimension.span)
