"""Analyse factorials: main effects, interactions and shares of the variance."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ablate.analysis.designs.comparisons import (
    RATE,
    STATISTICS,
    Comparison,
    ablation_runs,
    comparison_table,
    configuration,
    factor_names,
)
from ablate.analysis.effects import Metric, only_primary, without_judgements
from ablate.analysis.importance.anova import ANOVA_COLUMNS, TIMES, anova_of
from ablate.analysis.importance.cells import Cells, complete_cells, level_key, varying
from ablate.analysis.statistics import DIFFERENT, paired_interval
from ablate.analysis.statistics.paired import Floats
from ablate.study.trial import RATE_SETTING, Level

TERM = ("mode", "term", "kind", "factor", "level", "factor_2", "level_2")
FACTORIAL_COLUMNS = (*TERM, *STATISTICS, "flagged")
CELL_COLUMNS = ("factor", "level", "factor_2", "level_2", "n", "mean", "low", "high")
# Verdicts on interactions: the two levels together against the sum of their separate effects.
INTERACTION_WORDS = {"helps": "more together", "hurts": "less together", "equivalent": "additive"}


@dataclass(frozen=True, slots=True)
class Factorial:
    """The factorial of one learning-rate mode, reduced to the seeds without missing cells."""

    mode: str
    cells: Cells  # values on the metric, one replicate per seed
    scores: Cells  # the same cells with validation scores
    reference: Mapping[str, Level]
    left_out: tuple[int, ...]  # seeds with missing cells

    def by_seed(self, values: Floats) -> "pd.Series[float]":
        """One value per seed, shape (n_seeds,), with the seeds as its index."""
        return pd.Series(values, index=list(self.cells.replicates))

    def best(self, among: NDArray[np.bool_] | None = None) -> dict[str, Level]:
        """The cell with the best mean validation score, of those that are true in `among`; the first among equals."""
        means = self.scores.means()
        chosen = means if among is None else np.where(among, means, -np.inf)
        return self.scores.at([int(at) for at in np.unravel_index(int(chosen.argmax()), means.shape)])

    def every_other(self, first: int) -> "Factorial":
        """The same factorial with every second seed, from number `first`."""
        return replace(self, cells=_every_other(self.cells, first), scores=_every_other(self.scores, first))


def factorials(
    results: pd.DataFrame,
    metric: Metric,
    *,
    factors: Sequence[str] | None = None,
    reference: Mapping[str, object] | None = None,
) -> list[Factorial]:
    """One factorial per learning-rate mode, from rows of design "factorial" with a seed without missing cells.

    `factors` are the crossed ones; without them, those that vary among the rows. `reference` gives levels that the rows
    of the reference do not; a factor whose reference level was not crossed is compared with its first level.
    """
    runs = ablation_runs(results, metric)
    known: Mapping[str, object] = configuration(runs) or reference or {}
    crossed = runs[runs["design"] == "factorial"]
    names = _crossed(crossed, factors)
    found = [_factorial(str(mode), rows, names, known) for mode, rows in crossed.groupby("mode", sort=False) if names]
    return [factorial for factorial in found if factorial is not None]


def factorial_effects(
    found: Sequence[Factorial], *, margin: float, alpha: float = 0.05, is_primary: bool = True
) -> pd.DataFrame:
    """One row per main effect or two-way interaction of each mode, the columns `FACTORIAL_COLUMNS`.

    A main effect is a level minus the reference's level, averaged over all levels of the other factors. An interaction
    is the joint effect of two levels beyond the sum of their effects: y(l, m) − y(r, m) − y(l, r) + y(r, r), averaged
    likewise. Each is computed seed by seed; all comparisons of a mode, main effects and interactions, are one family.
    `flagged`: it helps or hurts, as its verdict says.

    Only a factorial that `is_primary`, the primary family of its report, has verdicts, and of several modes only the
    first by `mode_rank`. Otherwise the verdict of every judged comparison is "exploratory", and none is flagged.
    """
    families = [list(_comparisons(one)) for one in found]
    tables = [comparison_table(family, margin=margin, alpha=alpha) for family in families if family]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(FACTORIAL_COLUMNS))
    table = only_primary(table) if is_primary else without_judgements(table)
    words = table["verdict"].where(table["kind"] != "interaction", table["verdict"].replace(INTERACTION_WORDS))
    return table.assign(flagged=table["verdict"].isin(DIFFERENT), verdict=words)[list(FACTORIAL_COLUMNS)]


def interaction_cells(one: Factorial, factor: str, factor_2: str) -> pd.DataFrame:
    """One row per pair of levels, the columns `CELL_COLUMNS`: its difference to the pair of reference levels.

    Averaged over the levels of all other factors and paired by seed, with the 95 % interval of the mean. The
    reference's level comes first, with a difference of 0.
    """
    axes = (one.cells.factors.index(factor), one.cells.factors.index(factor_2))
    start = [one.cells.place(one.reference)[axis] for axis in axes]
    means = _kept(one.cells.values, axes) if axes[0] < axes[1] else _kept(one.cells.values, axes).swapaxes(1, 2)
    levels = [[start[i], *(at for at, _ in _others(one.cells, axis, start[i]))] for i, axis in enumerate(axes)]
    rows = []
    for at, at_2 in itertools.product(*levels):
        found = paired_interval(means[:, at, at_2] - means[:, start[0], start[1]])
        named = (factor, one.cells.levels[axes[0]][at], factor_2, one.cells.levels[axes[1]][at_2])
        rows.append((*named, found.n, found.mean, found.low, found.high))
    return pd.DataFrame(rows, columns=list(CELL_COLUMNS))


def variance_shares(found: Sequence[Factorial]) -> pd.DataFrame:
    """The functional ANOVA of each mode's cells: mode, then the columns `ANOVA_COLUMNS`."""
    tables = [anova_of(one.cells).assign(mode=one.mode) for one in found]
    columns = ["mode", *ANOVA_COLUMNS]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def _every_other(cells: Cells, first: int) -> Cells:
    return replace(cells, replicates=cells.replicates[first::2], values=cells.values[first::2])


def _crossed(rows: pd.DataFrame, factors: Sequence[str] | None) -> list[str]:
    if factors is not None:
        renamed = [RATE if name == RATE_SETTING else name for name in factors]
        return [name for name in renamed if name in rows.columns]
    names = varying(rows, factor_names(rows))
    others = [name for name in names if name != RATE]
    # A tuned rate depends on its cell; only a rate that distinguishes cells was crossed.
    is_told = not rows.duplicated([*others, "mode", "seed"]).any() if others else False
    return others if is_told else names


def _factorial(mode: str, rows: pd.DataFrame, names: Sequence[str], known: Mapping[str, object]) -> Factorial | None:
    rows = rows.drop_duplicates([*names, "seed"], keep="last")
    size = math.prod(rows[name].nunique(dropna=False) for name in names)
    there = rows.dropna(subset=["value", "score"])
    counts = there.groupby("seed").size()
    complete = counts.index[counts == size]
    if not len(complete):
        return None
    kept = there[there["seed"].isin(complete)]
    cells, scores = (complete_cells(kept, names, value, replicate="seed") for value in ("value", "score"))
    left_out = tuple(int(seed) for seed in sorted(set(rows["seed"]) - set(complete)))
    return Factorial(mode, cells, scores, _levels_of(cells, kept, known), left_out)


def _levels_of(cells: Cells, rows: pd.DataFrame, known: Mapping[str, object]) -> dict[str, Level]:
    """The reference's level of each crossed factor, as the cells write it."""
    first = {str(name): level for name, level in rows[list(cells.factors)].iloc[0].items()}
    found = {}
    for name, levels in zip(cells.factors, cells.levels, strict=True):
        keys = {level_key(level): level for level in levels}
        own = keys[level_key(first[name])]
        found[name] = keys.get(level_key(known[name]), own) if name in known else own
    return found


def _comparisons(one: Factorial) -> Iterator[Comparison]:
    start = one.cells.place(one.reference)
    for axis, name in enumerate(one.cells.factors):
        means = _kept(one.cells.values, (axis,))
        for at, level in _others(one.cells, axis, start[axis]):
            identity = (one.mode, f"{name}={level}", "main", name, level, "", "")
            yield Comparison(dict(zip(TERM, identity, strict=True)), one.by_seed(means[:, at] - means[:, start[axis]]))
    for i, j in itertools.combinations(range(len(start)), 2):
        yield from _interactions(one, (i, j), start)


def _interactions(one: Factorial, axes: tuple[int, int], start: Sequence[int]) -> Iterator[Comparison]:
    i, j = axes
    means = _kept(one.cells.values, axes)
    (a, b), (name, name_2) = (start[i], start[j]), (one.cells.factors[i], one.cells.factors[j])
    together = means - means[:, [a], :] - means[:, :, [b]] + means[:, [a]][:, :, [b]]
    for (at, level), (at_2, level_2) in itertools.product(_others(one.cells, i, a), _others(one.cells, j, b)):
        term = f"{name}={level}{TIMES}{name_2}={level_2}"
        identity = (one.mode, term, "interaction", name, level, name_2, level_2)
        yield Comparison(dict(zip(TERM, identity, strict=True)), one.by_seed(together[:, at, at_2]))


def _others(cells: Cells, axis: int, start: int) -> list[tuple[int, Level]]:
    return [(at, level) for at, level in enumerate(cells.levels[axis]) if at != start]


def _kept(values: Floats, axes: tuple[int, ...]) -> Floats:
    """The mean over all factors except these, seed by seed."""
    others = tuple(axis + 1 for axis in range(values.ndim - 1) if axis not in axes)
    found: Floats = values.mean(axis=others)
    return found
