"""Judge a family of paired differences: a verdict for each comparison, with all numbers behind it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ablate.analysis.statistics.families import family_p, holm
from ablate.analysis.statistics.paired import Floats, Interval, corrected_p, paired_interval, to_floats, tost_p
from ablate.analysis.statistics.planning import MIN_SEEDS, Looks, first_seeds
from ablate.analysis.statistics.skewness import family_skewness, skewed_interval
from ablate.analysis.statistics.unpaired import permutation_p, skewed_welch_interval, welch_interval, welch_tost_p

# The second line does not judge differences: see `ablate.analysis.effects.pairing`. "lost runs": some runs did not
# finish and the score of guessing is unknown, so no size is claimed. "exploratory": outside the primary family.
# "differs": between data sets, of an effect pooled over them, see `ablate.analysis.effects.pooled`.
Verdict: TypeAlias = Literal[
    "helps", "hurts", "equivalent", "detectable but below margin", "detectable, size undecided", "inconclusive",
    "too few seeds", "identical runs", "no run finished", "lost runs", "exploratory", "differs",
]  # fmt: skip
DIFFERENT: tuple[Verdict, ...] = ("helps", "hurts")
# Need no more seeds: more of them would bound a size that is undecided, but not find one for runs that were lost.
DECIDED: tuple[Verdict, ...] = (
    *DIFFERENT, "equivalent", "detectable but below margin", "identical runs", "no run finished", "lost runs",
)  # fmt: skip
Samples: TypeAlias = Mapping[int, tuple[Floats, Floats]]  # column of a family -> scores of variant and reference
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

    Requiring both interval and p keeps them from contradicting each other in print, and the interval, which allows for
    skewness, keeps the error of comparisons that are not symmetric. That costs up to 15 points of power, see
    `ablate.analysis.statistics.skewness`; effects of 3 SD lose 2 with eight seeds and one or five comparisons.
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
    simultaneous: Interval  # for all comparisons of the family at once (Bonferroni), and all looks; wider if skewed
    p: float  # sign flips of this comparison alone, or the test in their place
    p_adjusted: float  # max-T over the family, or Holm where signs cannot be flipped
    p_holm: float  # Holm's adjustment of `p`
    p_tost: float  # of this comparison alone: no verdict rests on it
    verdict: Verdict
    look: int  # the last look for which it had the seeds, from 1; 0 without looks or before the first
    level: float  # the part of alpha that this look may spend; all of it without looks


def judge(
    differences: ArrayLike,
    *,
    margin: float,
    seed: int,
    alpha: float = 0.05,
    looks: Looks | None = None,
    overlap: float = 0.0,
    unpaired: Samples = MappingProxyType({}),
) -> list[Judgement]:
    """One judgement per comparison of a family; `differences` has shape (n_seeds, m), NaN if one lacks a seed.

    With `looks`, a comparison is judged on the seeds of the last look for which it has all seeds, and every p is the
    smallest over its looks of p · alpha / level (a weighted Bonferroni correction), the family at a look being all
    comparisons with the seeds that they then had. Its intervals and TOST are those of its last look, at that look's
    level. So each holds over all looks, whatever stopped the comparison. `seed` draws flips above 20 seeds.

    Signs cannot be flipped if folds overlap (`overlap`, see `paired_interval`) or if the two sides share no seeds
    (`unpaired`: column -> scores of variant and reference). Then each p is that of the corrected t test or of a
    permutation of the two samples, and Holm adjusts all of the family. Neither is for `looks`.
    """
    d = to_floats(differences)
    counts = np.count_nonzero(~np.isnan(d), axis=0)
    if looks is None:
        last, levels = np.zeros(counts.shape, dtype=int), np.full(counts.shape, alpha)
        p_values = _p_without_looks(d, seed=seed, overlap=overlap, unpaired=unpaired)
    else:
        last = np.searchsorted(looks.seeds, counts, side="right")
        levels = np.array(looks.levels)[np.maximum(last - 1, 0)]
        p_values = _p_over_looks(d, looks, alpha=alpha, seed=seed)
        used = np.where(last > 0, np.array(looks.seeds)[np.maximum(last - 1, 0)], counts)
        d = first_seeds(d, used)
    p, p_adjusted = p_values
    family = _Family(d.shape[1], family_skewness(d), margin=margin, alpha=alpha, overlap=overlap)
    contrasts = zip(d.T, p, p_adjusted, holm(p), last, levels, strict=True)
    return [
        family.judged(
            _two_samples(*unpaired[at], margin=margin) if at in unpaired else family.paired(column[~np.isnan(column)]),
            (float(one), float(adjusted), float(of_holm)), look=int(look), level=float(level),
        )
        for at, (column, one, adjusted, of_holm, look, level) in enumerate(contrasts)
    ]  # fmt: skip


def _p_without_looks(d: Floats, *, seed: int, overlap: float, unpaired: Samples) -> Floats:
    if not overlap and not unpaired:
        return family_p(d, seed=seed, least=MIN_SEEDS)
    p = np.full(d.shape[1], math.nan)
    for at, column in enumerate(d.T):
        known = column[~np.isnan(column)]
        if at in unpaired:
            p[at] = permutation_p(*unpaired[at], seed=seed)
        elif known.size >= MIN_SEEDS:
            p[at] = corrected_p(known, overlap=overlap) if overlap else family_p(known[:, None], seed=seed)[0, 0]
    return np.stack((p, holm(p)))


def _p_over_looks(d: Floats, looks: Looks, *, alpha: float, seed: int) -> Floats:
    counts = np.count_nonzero(~np.isnan(d), axis=0)
    smallest = np.full((2, counts.size), math.nan)
    for n, level in zip(looks.seeds, looks.levels, strict=True):
        if np.any(counts >= n):
            p = family_p(first_seeds(d, n), seed=seed, least=MIN_SEEDS) * alpha / level
            smallest = np.fmin(smallest, np.where(counts >= n, p, math.nan))
    return np.minimum(smallest, 1.0)


@dataclass(frozen=True, slots=True)
class _Numbers:
    """How to compute the intervals of one comparison, whatever its design."""

    interval: Callable[[float], Interval]  # confidence -> of the comparison alone
    widened: Callable[[float], Interval]  # confidence -> allowing for skewness
    p_tost: float


@dataclass(frozen=True, slots=True)
class _Family:
    """What all comparisons of a family share."""

    n_contrasts: int
    skewness: float
    margin: float
    alpha: float
    overlap: float

    def paired(self, d: Floats) -> _Numbers:
        """The numbers of paired differences."""
        return _Numbers(
            lambda confidence: paired_interval(d, confidence=confidence, overlap=self.overlap),
            lambda confidence: skewed_interval(d, confidence=confidence, of_family=self.skewness, overlap=self.overlap),
            tost_p(d, margin=self.margin, overlap=self.overlap),
        )

    def judged(self, numbers: _Numbers, p_values: tuple[float, float, float], *, look: int, level: float) -> Judgement:
        """The judgement on a comparison that may spend `level` of alpha."""
        share = level / self.alpha
        interval = numbers.interval(1 - (1 - CONFIDENCE) * share)
        simultaneous = numbers.widened(1 - level / self.n_contrasts)
        p, p_adjusted, p_holm = p_values
        p_tost = min(numbers.p_tost / share, 1.0) if not math.isnan(p_adjusted) else math.nan
        said = verdict(interval, simultaneous=simultaneous, p_adjusted=p_adjusted, margin=self.margin, alpha=self.alpha)
        return Judgement(interval, simultaneous, p, p_adjusted, p_holm, p_tost, said, look, level)


def _two_samples(variant: Floats, reference: Floats, *, margin: float) -> _Numbers:
    """The numbers of two samples that share no seeds."""
    return _Numbers(
        lambda confidence: welch_interval(variant, reference, confidence=confidence),
        lambda confidence: skewed_welch_interval(variant, reference, confidence=confidence),
        welch_tost_p(variant, reference, margin=margin),
    )
