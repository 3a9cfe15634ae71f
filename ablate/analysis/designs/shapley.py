"""Compute Shapley values of factors and pairs from a factorial, between its reference and a target."""

import itertools
from collections.abc import Mapping, Sequence

import pandas as pd

from ablate.analysis.designs.comparisons import STATISTICS, Comparison, comparison_table
from ablate.analysis.designs.crossed import Factorial
from ablate.analysis.designs.targets import CHOICE_COLUMNS, find_target
from ablate.analysis.effects import without_judgements
from ablate.analysis.importance.games import game_between, shapley_interactions, shapley_values
from ablate.analysis.statistics.paired import Floats

ENUMERATED = ("mode", "kind", "factor", "reference_level", "level", "factor_2", "reference_level_2", "level_2")
SHAPLEY_COLUMNS = (*ENUMERATED, *CHOICE_COLUMNS, *STATISTICS)


def shapley_effects(
    found: Sequence[Factorial], *, margin: float, target: Mapping[str, object] | None = None
) -> pd.DataFrame:
    """One row per factor (kind "value") or pair of factors ("pair") in which target and reference differ.

    The columns are `SHAPLEY_COLUMNS`. The levels that `target` leaves open are chosen by `find_target`, and the
    columns `CHOICE_COLUMNS` say how. All values are exact in each seed, on the metric. In each seed the values sum to
    v(target) − v(reference). That of a pair is the Shapley interaction index: above 0 if the two are worth more
    together than separately. All are exploratory: no verdict judges a difference. The p values are adjusted over the
    values of a mode, and over its pairs.
    """
    tables = [pd.DataFrame(columns=list(SHAPLEY_COLUMNS))]
    for one in found:
        end = find_target(one, target)
        names, game = game_between(end.measured.cells, one.reference, end.levels)
        if names:
            changes = {name: (name, one.reference[name], end.levels[name]) for name in names}
            tables += [
                without_judgements(comparison_table(family, margin=margin)).assign(
                    target=end.choice, target_cells=end.n_cells
                )
                for family in (_values(end.measured, game, changes), _pairs(end.measured, game, changes))
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
