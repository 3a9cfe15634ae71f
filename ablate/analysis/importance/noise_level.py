"""Compare importances with those that pure noise would have: the same trials with their scores shuffled."""

from dataclasses import dataclass

import numpy as np

from ablate.analysis.statistics.paired import Floats

LEVEL = 0.05  # the share of pure-noise searches in which any factor may rise above the noise
SLACK = 1e-9  # equal importances are rarely equal in the last digit


@dataclass(frozen=True, slots=True)
class AboveNoise:
    """How far each of m importances rises above noise, with a probability of error for all of them at once."""

    p: Floats  # (m,), adjusted for the whole family
    level: Floats  # (m,), what an importance must exceed to have p ≤ `LEVEL`


def above_noise(found: Floats, shuffled: Floats) -> AboveNoise:
    """Adjusted p values by the largest of all importances: `found` (m,), and `shuffled` (n_draws, m), all ≥ 0, of
    at least 19 draws: fewer never give a p of `LEVEL`.

    Each importance is standardised by its own mean and SD, so that a factor of many levels, which noise favours, has no
    advantage. Importances of noise are skewed like a chi-square: their cube roots are nearly normal (Wilson & Hilferty
    1931).
    """
    roots = np.cbrt(np.vstack([found, shuffled]))  # with the found ones, as all rows are alike under the null
    mean, sd = roots.mean(axis=0), roots.std(axis=0)
    standard = np.divide(roots - mean, sd, out=np.zeros_like(roots), where=sd > 0)
    largest = np.sort(standard[1:].max(axis=1))[::-1]
    reached = (largest[:, None] >= standard[0] - SLACK).sum(axis=0)
    n = len(largest)
    allowed = int(LEVEL * (n + 1)) - 1  # draws that may reach an importance with p ≤ LEVEL
    return AboveNoise((1 + reached) / (n + 1), np.maximum(0.0, mean + largest[allowed] * sd) ** 3)
