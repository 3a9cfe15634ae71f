"""Decompose the variance of a complete factorial exactly (functional ANOVA): each factor, each pair, and the rest."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ablate.analysis.importance.cells import Cells
from ablate.analysis.statistics.paired import Floats

ANOVA_COLUMNS = ("term", "kind", "factor", "factor_2", "variance", "share", "share_by_noise", "share_of_runs")
BETWEEN_REPLICATES = ("seed", "noise")  # kinds of terms that the cell means do not contain
TIMES = " × "  # joins the factors of an interaction


@dataclass(frozen=True, slots=True)
class Variances:
    """Population variances over the cells (all cells have equal weight); total = main + pairs + higher."""

    total: float
    main: Floats  # shape (k,)
    pairs: Floats  # shape (k, k): [i, j] of the interaction of i and j where i < j, elsewhere 0

    @property
    def higher(self) -> float:
        """The variance of interactions of three and more factors; negative only by rounding, and then 0."""
        return max(0.0, self.total - float(self.main.sum()) - float(self.pairs.sum()))


def functional_anova(cells: Floats) -> Variances:
    """Variances of a complete factorial, shape (levels of the first factor, …): Hoeffding's decomposition, exact."""
    centred = np.asarray(cells, dtype=np.float64) - np.mean(cells)
    k = centred.ndim
    main = [_kept(centred, (axis,)) for axis in range(k)]
    pairs = np.zeros((k, k))
    for i, j in itertools.combinations(range(k), 2):
        pairs[i, j] = np.mean((_kept(centred, (i, j)) - main[i][:, None] - main[j][None, :]) ** 2)
    return Variances(float(np.mean(centred**2)), np.array([np.mean(m**2) for m in main]), pairs)


def anova_of(cells: Cells) -> pd.DataFrame:
    """One row per term, in the columns `ANOVA_COLUMNS`: kinds main, interaction, higher, and with replicates noise.

    `share` is of the variance between the cell means. `share_by_noise` is the share that replicate noise alone would
    give that term on average, so a share close to it is no evidence. `share_of_runs` is of the variance of the
    single runs, in which "seed" is the part common to all cells of a replicate (it cancels in paired differences) and
    "noise" the rest; both exist only if every cell has all replicates.
    """
    noise = _noise(cells)
    rows = pd.DataFrame([*_terms(cells), *noise.rows()], columns=["kind", "factor", "factor_2", "variance", "df"])
    terms = rows["factor"].str.cat(rows["factor_2"].where(rows["factor_2"] == "", TIMES + rows["factor_2"]))
    between = rows["variance"].where(~rows["kind"].isin(BETWEEN_REPLICATES))
    total = between.sum() or math.nan
    table = rows.assign(
        term=terms.where(terms != "", rows["kind"]),
        share=between / total,
        share_by_noise=rows["df"] / cells.size * noise.of_mean / total,
        share_of_runs=rows["variance"] / (rows["variance"].sum() or math.nan),
    )
    return table[list(ANOVA_COLUMNS)]


@dataclass(frozen=True, slots=True)
class _Noise:
    """Variances between replicates: `of_mean` unbiased, for a cell's mean; the others as they enter the sum."""

    of_mean: float = math.nan
    seed: float = math.nan  # variance common to all cells of a replicate
    rest: float = math.nan

    def rows(self) -> list[tuple[str, str, str, float, float]]:
        found = zip(BETWEEN_REPLICATES, (self.seed, self.rest), strict=True)
        return [(kind, "", "", variance, math.nan) for kind, variance in found if math.isfinite(variance)]


def _noise(cells: Cells) -> _Noise:
    values = cells.values.reshape(len(cells.values), -1)
    n, size = values.shape
    if n < 2 or np.isnan(values).any():
        return _Noise()
    is_paired = bool(cells.replicates) and size > 1
    within = values - values.mean(axis=0)
    seeds = within.mean(axis=1, keepdims=True) if is_paired else np.zeros((n, 1))
    rest = float(np.mean((within - seeds) ** 2))
    # Each cell has n − 1 degrees of freedom; the means of the seeds use up those of one cell.
    of_mean = rest * size / (size - is_paired) / (n - 1)
    return _Noise(of_mean, float(np.mean(seeds**2)) if is_paired else math.nan, rest)


def _terms(cells: Cells) -> list[tuple[str, str, str, float, float]]:
    found = functional_anova(cells.means())
    names, free = cells.factors, [len(levels) - 1 for levels in cells.levels]
    main = [("main", name, "", float(found.main[i]), free[i]) for i, name in enumerate(names)]
    pairs = [
        ("interaction", names[i], names[j], float(found.pairs[i, j]), free[i] * free[j])
        for i, j in itertools.combinations(range(len(names)), 2)
    ]
    rest = cells.size - 1 - sum(row[-1] for row in main + pairs)
    higher = [("higher", "", "", found.higher, rest)] if len(names) > 2 else []
    return [*main, *pairs, *higher]


def _kept(values: Floats, axes: tuple[int, ...]) -> Floats:
    others = tuple(axis for axis in range(values.ndim) if axis not in axes)
    found: Floats = values.mean(axis=others)
    return found
