"""Say which trials of a study can train at once: the waves in which its parts follow one another.

Workers beyond the size of a wave have nothing to do until the next one.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import isqrt
from typing import TypeAlias

from ablate.plans.counting import Part, TrialCount
from ablate.plans.designs import looks_of
from ablate.plans.tuning import GRID, MOST_EXTENSIONS
from ablate.study.settings import Search, StudySettings

Waves: TypeAlias = Sequence[int]  # numbers of trials, each wave after the end of the one before


def waves_left(study: StudySettings, counts: Mapping[Part, TrialCount], left: Mapping[Part, int]) -> dict[Part, Waves]:
    """The waves of each part that has trials left, if it needs as many trials as it may.

    `counts` are all trials of the parts, `left` those to train.
    """
    looks = looks_of(study)
    whole: Mapping[Part, Waves] = {
        "search": search_waves(study.search),
        "tune": _tuning(counts["tune"].most),
        "ablation": _looks(counts["ablation"], looks),
        "path": path_waves(counts["path"].most, n_seeds=looks[0] if looks else 0),
    }
    return {part: _last(waves, left[part]) for part, waves in whole.items() if left.get(part)}


def search_waves(search: Search) -> Waves:
    """The rounds of a whole search."""
    size = search.trials_per_round
    return [min(size, search.trials - start) for start in range(0, search.trials, size)]


def path_waves(n_trials: int, *, n_seeds: int) -> Waves:
    """The steps of two greedy paths, which keep step, with so many trials in all.

    A step has a trial for each factor that is left, direction and seed; the first also has the two starts.
    """
    cells = n_trials // (2 * n_seeds) if n_seeds else 0
    if not cells:
        return []
    flips = (isqrt(8 * (cells - 1) + 1) - 1) // 2
    steps = [flips + 1, *range(flips - 1, 0, -1)]
    return [2 * n_seeds * step for step in steps]


def n_rounds(waves: Iterable[int], *, workers: int) -> int:
    """How often `workers` must train a trial each, one after the other, if all trials take equally long."""
    return sum(-(-size // workers) for size in waves)


def _tuning(n_trials: int) -> Waves:
    """The grids of all configurations at once, then what extends them, point by point."""
    tuned = n_trials // (len(GRID) + MOST_EXTENSIONS)
    return [size for size in (len(GRID) * tuned, *[tuned] * MOST_EXTENSIONS) if size]


def _looks(count: TrialCount, looks: Sequence[int]) -> Waves:
    """The trials of the first look, then those that each later look may add."""
    added = [late - early for early, late in pairwise(looks)]
    more = count.most - count.least
    shares = [round(more * sum(added[:n]) / sum(added)) for n in range(len(added) + 1)] if added else []
    return [size for size in (count.least, *(late - early for early, late in pairwise(shares))) if size]


def _last(waves: Waves, n_trials: int) -> Waves:
    """The last `n_trials` of the waves; the first of them may have lost trials that have ended."""
    kept: list[int] = []
    for size in reversed(waves):
        if n_trials > 0:
            kept.insert(0, min(size, n_trials))
            n_trials -= size
    return kept
