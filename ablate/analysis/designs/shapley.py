"""Compute Shapley values of factors and pairs from a factorial, between its reference and a target."""

import itertools
from collections.abc import Mapping, Sequence

import pandas as pd

from ablate.analysis.designs.comparisons import STATISTICS, Comparison, comparison_table
from ablate.analysis.designs.crossed import Factorial
from ablate.analysis.importance.games import game_between, shapley_interactions, shapley_values
from ablate.analysis.statistics.paired import Floats

ENUMERATED = ("mode", "kind", "factor", "reference_level", "level", "factor_2", "reference_level_2", "level_2")
SHAPLEY_COLUMNS = (*ENUMERATED, *STATISTICS)


def shapley_effects(
    found: Sequence[Factorial], *, margin: float, target: Mapping[str, object] | None = None
) -> pd.DataFrame:
    """One row per factor (kind "value") or pair of factors ("pair") in which target and reference differ.

    The columns are `SHAPLEY_COLUMNS`. Without a `target` it is the cell with the best mean validation score. All
    values are exact in each seed, on the metric. In each seed the values sum to v(target) − v(reference). That of a
    pair is the Shapley interaction index: above 0 if the two are worth more together than separately. The values of
    a mode are one family, its pairs another.
    """
    tables = [pd.DataFrame(columns=list(SHAPLEY_COLUMNS))]
    for one in found:
        end = one.target() if target is None else target
        names, game = game_between(one.cells, one.reference, end)
        if names:
            changes = {name: (name, one.reference[name], end[name]) for name in names}
            tables += [
                comparison_table(family, margin=margin)
                for family in (_values(one, game, changes), _pairs(one, game, changes))
                if family
            ]
    filled = [table for table in tables if len(table)]
    return pd.concat(filled or tables, ignore_index=True)[list(SHAPLEY_COLUMNS)]


def _values(one: Factorial, game: Floats, changes: Mapping[str, tuple[object, ...]]) -> list[Comparison]:
    values = shapley_values(game)
    return [
        Comparison(
            dict(zip(ENUMERATED, (one.mode, "value", *change, "", "", ""), strict=True)), one.by_seed(values[:, j])
        )
        for j, change in enumerate(changes.values())
    ]


def _pairs(one: Factorial, game: Floats, changes: Mapping[str, tuple[object, ...]]) -> list[Comparison]:
    indices = shapley_interactions(game)
    return [
        Comparison(
            dict(zip(ENUMERATED, (one.mode, "pair", *first, *second), strict=True)), one.by_seed(indices[:, i, j])
        )
        for (i, first), (j, second) in itertools.combinations(enumerate(changes.values()), 2)
    ]
