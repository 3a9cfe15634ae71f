"""Compare how often runs fail: exact tests, an exact interval of the rate, and what clean runs do not exclude."""

import math

import numpy as np
from scipy import stats


def paired_failure_p(only_variant: int, only_reference: int) -> float:
    """Exact two-sided McNemar p: `only_variant` seeds lost the variant's run alone, `only_reference` the other's.

    Seeds in which both runs or neither failed do not count. 1 if there are no others.
    """
    discordant = only_variant + only_reference
    return float(stats.binomtest(only_variant, discordant, 0.5).pvalue) if discordant else 1.0


def unpaired_failure_p(lost: int, n: int, reference_lost: int, n_reference: int) -> float:
    """Fisher's exact two-sided p that `lost` of `n` runs and `reference_lost` of `n_reference` fail equally often."""
    table = np.array([[lost, n - lost], [reference_lost, n_reference - reference_lost]])
    return float(stats.fisher_exact(table).pvalue)


def failure_interval(lost: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """The ends of the exact interval (Clopper & Pearson 1934) of a failure rate; NaN if n = 0.

    If no run was lost, the interval is one-sided: its upper end is 1 − (1 − confidence)^(1/n). So six clean runs do
    not exclude a rate of 39 %.
    """
    if n == 0:
        return math.nan, math.nan
    if lost == 0:
        return 0.0, 1 - (1 - confidence) ** (1 / n)
    found = stats.binomtest(lost, n).proportion_ci(confidence, method="exact")
    return float(found.low), float(found.high)
