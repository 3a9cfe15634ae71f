"""Widen intervals of a mean where the differences are skewed.

The sign flips are exact, and Student's t nearly so, if the differences are symmetric about 0. They are not if a variant
is noisier than its reference and its noise is skewed, as that of rare bad runs: then half of the false claims come from
small samples that happen to miss the long tail. The critical value of t grows by κ·(1 + 2t²)/6 on the side of that
tail, κ being the skewness of the mean (Johnson 1978; Hall 1983). Few differences show less skewness than they have, so
that of a family is estimated from all its comparisons and taken `OF_FAMILY` times: with that, families of 1 to 20
variants with exponential noise three to five times the reference's are wrong in 1.3 to 5.6 % (± .6) of studies of 6 to
12 seeds, instead of 5 to 28 %. Tails of opposite sign in one family cancel, and are wrong more often.
"""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from ablate.analysis.statistics.paired import ROUNDING, Floats, Interval, paired_interval, to_floats
from ablate.analysis.statistics.planning import MIN_SEEDS

OWN = 0.5  # share of a comparison's own skewness that counts, if it exceeds that of its family
OF_FAMILY = 2.5  # multiple of the family's


def skewness(differences: ArrayLike) -> float:
    """The sample skewness G1, as of SciPy with bias=False; 0 below three differences or if all are equal."""
    d = to_floats(differences)
    if d.size < 3 or np.ptp(d) <= ROUNDING * np.abs(d).max():
        return 0.0
    n, deviations = d.size, d - d.mean()
    g = float(np.mean(deviations**3) / np.mean(deviations**2) ** 1.5)
    return g * math.sqrt(n * (n - 1)) / (n - 2)


def family_skewness(differences: Floats) -> float:
    """The mean skewness of the columns, (n_seeds, m), with at least six values; 0 without any."""
    columns = [column[~np.isnan(column)] for column in differences.T]
    found = [skewness(column) for column in columns if column.size >= MIN_SEEDS]
    return float(np.mean(found)) if found else 0.0


def skewed_interval(differences: ArrayLike, *, confidence: float, of_family: float, overlap: float = 0.0) -> Interval:
    """Student's interval, widened for the differences' own skewness and that `of_family`.

    Exactly Student's below six seeds, and if the differences are symmetric.
    """
    d = to_floats(differences)
    plain = paired_interval(d, confidence=confidence, overlap=overlap)
    if d.size < MIN_SEEDS or plain.sd == 0:
        return plain
    error, root = plain.sd * math.sqrt(1 / d.size + overlap), math.sqrt(d.size)
    skews = (OWN * skewness(d) / root, OF_FAMILY * of_family / root)
    low, high = widened((plain.low, plain.high), error, reach=(plain.high - plain.mean) / error, skews=skews)
    return Interval(plain.mean, plain.sd, low, high, d.size)


def widened(ends: tuple[float, float], error: float, *, reach: float, skews: Iterable[float]) -> tuple[float, float]:
    """Ends at `reach` standard errors, each moved outwards by the largest of the `skews` towards it, if any."""
    skews = tuple(skews)
    step = error * (1 + 2 * reach**2) / 6
    return ends[0] - step * max(0.0, -min(skews)), ends[1] + step * max(0.0, *skews)
