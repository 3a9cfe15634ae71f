"""Judge a family of paired differences: a verdict for each comparison, with all numbers behind it."""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ablate.analysis.statistics.families import family_p, holm
from ablate.analysis.statistics.paired import Floats, Interval, paired_interval, to_floats, tost_p
from ablate.analysis.statistics.planning import MIN_SEEDS, Looks, first_seeds

# The second line does not judge differences: see `ablate.analysis.effects.pairing`. "lost runs": some runs did not
# finish and the score of guessing is unknown, so no size is claimed. "exploratory": outside the primary family.
Verdict: TypeAlias = Literal[
    "helps", "hurts", "equivalent", "detectable but below margin", "detectable, size undecided", "inconclusive",
    "too few seeds", "identical runs", "no run finished", "lost runs", "exploratory",
]  # fmt: skip
DIFFERENT: tuple[Verdict, ...] = ("helps", "hurts")
# Need no more seeds: more of them would bound a size that is undecided, but not find one for runs that were lost.
DECIDED: tuple[Verdict, ...] = (
    *DIFFERENT, "equivalent", "detectable but below margin", "identical runs", "no run finished", "lost runs",
)  # fmt: skip
CONFIDENCE = 0.95  # of the interval of a single comparison


def verdict(
    interval: Interval, *, simultaneous: Interval, p_adjusted: float, margin: float, alpha: float = 0.05
) -> Verdict:
    """The conclusion about a comparison.

    Too few seeds below `MIN_SEEDS`, and if no p is due yet. Significant means that the interval simultaneous over
    the family excludes 0, and that the adjusted exact p is at most `alpha`; it helps or hurts if |mean| is above
    `margin` too. "Equivalent" and "below margin" both claim a size, so both need the whole simultaneous interval
    inside ±`margin`: then the claim holds for the family, and no interval in print leaves the margin beside it. What is
    significant without that has an undecided size; what is neither is inconclusive: never "no effect". With a margin
    of 0 nothing is equivalent or below the margin.

    Requiring both interval and p keeps them from contradicting each other in print, and costs little: against the p
    alone, at most 5 points of power over 6 to 14 seeds and 1 to 20 comparisons (is_it_honest.py), since with few
    seeds the p is the stricter condition.
    """
    if interval.n < MIN_SEEDS or math.isnan(p_adjusted):
        return "too few seeds"
    is_within = -margin < simultaneous.low and simultaneous.high < margin
    if (simultaneous.low > 0 or simultaneous.high < 0) and p_adjusted <= alpha:
        if abs(interval.mean) <= margin:
            return "detectable but below margin" if is_within else "detectable, size undecided"
        return "helps" if interval.mean > 0 else "hurts"
    return "equivalent" if is_within else "inconclusive"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The result for a comparison of a family. p values are NaN below six seeds, and before the first look."""

    interval: Interval  # of the single comparison
    simultaneous: Interval  # for all comparisons of the family at once (Bonferroni), and all looks
    p: float  # sign flips of this comparison alone
    p_adjusted: float  # max-T over the family
    p_holm: float  # Holm's adjustment of `p`, for comparison
    p_tost: float  # of this comparison alone: no verdict rests on it
    verdict: Verdict
    look: int  # the last look for which it had the seeds, from 1; 0 without looks or before the first
    level: float  # the part of alpha that this look may spend; all of it without looks


def judge(
    differences: ArrayLike, *, margin: float, seed: int, alpha: float = 0.05, looks: Looks | None = None
) -> list[Judgement]:
    """One judgement per comparison of a family; `differences` has shape (n_seeds, m), NaN if one lacks a seed.

    With `looks`, a comparison is judged on the seeds of the last look for which it has all seeds, and every p is the
    smallest over its looks of p · alpha / level (a weighted Bonferroni correction), the family at a look being all
    comparisons with the seeds that they then had. Its intervals and TOST are those of its last look, at that look's
    level. So each holds over all looks, whatever stopped the comparison. `seed` draws flips above 20 seeds.
    """
    d = to_floats(differences)
    counts = np.count_nonzero(~np.isnan(d), axis=0)
    if looks is None:
        last, levels = np.zeros(counts.shape, dtype=int), np.full(counts.shape, alpha)
        p_values = family_p(d, seed=seed, least=MIN_SEEDS)
    else:
        last = np.searchsorted(looks.seeds, counts, side="right")
        levels = np.array(looks.levels)[np.maximum(last - 1, 0)]
        p_values = _p_over_looks(d, looks, alpha=alpha, seed=seed)
        used = np.where(last > 0, np.array(looks.seeds)[np.maximum(last - 1, 0)], counts)
        d = first_seeds(d, used)
    p, p_adjusted = p_values
    contrasts = zip(d.T, p, p_adjusted, holm(p), last, levels, strict=True)
    return [
        _judgement(
            column[~np.isnan(column)], (float(one), float(adjusted), float(of_holm)), family=d.shape[1],
            margin=margin, alpha=alpha, look=int(look), level=float(level),
        )
        for column, one, adjusted, of_holm, look, level in contrasts
    ]  # fmt: skip


def _p_over_looks(d: Floats, looks: Looks, *, alpha: float, seed: int) -> Floats:
    counts = np.count_nonzero(~np.isnan(d), axis=0)
    smallest = np.full((2, counts.size), math.nan)
    for n, level in zip(looks.seeds, looks.levels, strict=True):
        if np.any(counts >= n):
            p = family_p(first_seeds(d, n), seed=seed, least=MIN_SEEDS) * alpha / level
            smallest = np.fmin(smallest, np.where(counts >= n, p, math.nan))
    return np.minimum(smallest, 1.0)


def _judgement(
    d: Floats,
    p_values: tuple[float, float, float],
    *,
    family: int,
    margin: float,
    alpha: float,
    look: int,
    level: float,
) -> Judgement:
    share = level / alpha
    interval = paired_interval(d, confidence=1 - (1 - CONFIDENCE) * share)
    simultaneous = paired_interval(d, confidence=1 - level / family)
    p, p_adjusted, p_holm = p_values
    p_tost = min(tost_p(d, margin=margin) / share, 1.0) if not math.isnan(p_adjusted) else math.nan
    said = verdict(interval, simultaneous=simultaneous, p_adjusted=p_adjusted, margin=margin, alpha=alpha)
    return Judgement(interval, simultaneous, p, p_adjusted, p_holm, p_tost, said, look, level)
