"""Compare a factor's worth from both ends and on average: add-one-in, leave-one-out and Shapley value.

Without interactions the three are the same number. Where a factor is worth something by itself and costs something on
top of the others, or the reverse, no single number describes it. All of this is exploratory.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ablate.analysis.designs.comparisons import Comparison, ablation_runs, comparison_table, configuration, factor_names
from ablate.analysis.designs.crossed import Factorial
from ablate.analysis.designs.targets import CHOICE_COLUMNS, SAME_SCORES, find_target
from ablate.analysis.effects import Metric, confirmatory_runs, pair_runs
from ablate.analysis.effects.pairing import counted_pairs, lost_comparisons
from ablate.analysis.importance.cells import level_key
from ablate.analysis.importance.games import add_one_in, game_between, leave_one_out, shapley_values
from ablate.analysis.statistics import paired_interval
from ablate.study.trial import BEST, REFERENCE

MEASURES = ("add_one_in", "leave_one_out", "shapley")
IDENTITY = ("mode", "source", "factor", "reference_level", "level")
ALPHA = 0.05
CHANGE = ("change", "change_low", "change_high", "change_p")
DIRECTION_COLUMNS = (
    *IDENTITY, *CHOICE_COLUMNS, *(f"{measure}{part}" for measure in MEASURES for part in ("", "_low", "_high", "_n")),
    *CHANGE, "disagreement",
)  # fmt: skip
Differences = Mapping[str, "pd.Series[float]"]  # measure -> values by seed


@dataclass(frozen=True, slots=True)
class _Worth:
    identity: Mapping[str, object]
    measures: Differences = field(default_factory=dict)

    def change(self) -> "pd.Series[float]":
        """How much more leaving out loses than adding gains, in each seed that has both."""
        empty = pd.Series(dtype=float)
        added, left = (self.measures.get(name, empty) for name in MEASURES[:2])
        return (left - added).dropna()


def both_directions(results: pd.DataFrame, metric: Metric, found: Sequence[Factorial] = ()) -> pd.DataFrame:
    """One row per mode and factor in which "best" differs from "reference", the columns `DIRECTION_COLUMNS`.

    All measures are the gain of the factor's level in "best" over that in "reference", paired by seed: alone
    (`add_one_in`), on top of all others (`leave_one_out`), and on average over all orders (`shapley`, if one of
    `found` crosses exactly these factors). Each has its mean, the ends of its 95 % interval and its seeds. `change` is
    leave-one-out minus add-one-in, with an interval and max-T p over the factors of the mode; below six seeds there
    is no p. `disagreement` is "sign" if the change is significant (p at most `ALPHA`), and leave-one-out and add-one-in
    have opposite signs, each with an interval that excludes 0; else "". `target` is "search": the scores that chose
    the best configuration are those of other seeds.
    """
    runs = ablation_runs(results, metric)
    start, end = configuration(runs), configuration(runs, BEST)
    moved = [name for name in factor_names(runs) if end and level_key(start.get(name)) != level_key(end[name])]
    if not moved:
        return pd.DataFrame(columns=list(DIRECTION_COLUMNS))
    pairs = _whole_pairs(results, metric)
    modes = list(dict.fromkeys(pairs.loc[pairs["against"].isin((REFERENCE, BEST)), "mode"]))
    tables = []
    for mode in modes:
        game = _matching(found, mode, start, end, moved)
        averages = _measures(game, start, end) if game else {}
        worths = [
            _Worth(
                dict(zip(IDENTITY, (mode, "one-factor", name, start[name], end[name]), strict=True))
                | {"target": "search", "target_cells": math.nan},
                dict(_from_pairs(pairs[pairs["mode"] == mode], name, start[name], end[name]))
                | {measure: values for measure, values in averages.get(name, {}).items() if measure == "shapley"},
            )
            for name in moved
        ]
        tables.append(_table([worth for worth in worths if worth.measures], margin=metric.margin))
    return _joined(tables)


def _whole_pairs(results: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """The pairs; where no score stands for a lost run, without the comparisons that lost one."""
    runs = confirmatory_runs(results)
    pairs = pair_runs(runs, metric)
    if not math.isnan(metric.chance):
        return pairs
    lost = lost_comparisons(counted_pairs(runs, metric), {})
    return pairs[[cell not in lost for cell in zip(pairs["variant"], pairs["mode"], strict=True)]]


def crossed_directions(
    found: Iterable[Factorial], *, margin: float, target: Mapping[str, object] | None = None
) -> pd.DataFrame:
    """The same columns, with all three measures from a factorial between its reference and `target`.

    The levels that `target` leaves open are chosen by `find_target`; `target` and `target_cells` say how. Where the
    scores that measure chose the target, no disagreement is told.
    """
    tables = []
    for one in found:
        end = find_target(one, target)
        worths = [
            _Worth(
                dict(zip(IDENTITY, (one.mode, "factorial", name, one.reference[name], end.levels[name]), strict=True))
                | end.columns(),
                values,
            )
            for name, values in _measures(end.measured, one.reference, end.levels).items()
        ]
        tables.append(_table(worths, margin=margin))
    return _joined(tables)


def _matching(
    found: Sequence[Factorial], mode: str, start: Mapping[str, object], end: Mapping[str, object], moved: Sequence[str]
) -> Factorial | None:
    for one in found:
        names = one.cells.factors
        known = {
            name: {level_key(level) for level in levels} for name, levels in zip(names, one.cells.levels, strict=True)
        }
        is_inside = all(level_key(config[name]) in known[name] for config in (start, end) for name in names)
        if one.mode == mode and set(moved) <= set(names) and is_inside:
            return one
    return None


def _measures(one: Factorial, start: Mapping[str, object], end: Mapping[str, object]) -> dict[str, Differences]:
    names, game = game_between(one.cells, start, end)
    if not names:
        return {}
    by_measure = dict(zip(MEASURES, (add_one_in(game), leave_one_out(game), shapley_values(game)), strict=True))
    return {
        name: {measure: one.by_seed(values[:, at]) for measure, values in by_measure.items()}
        for at, name in enumerate(names)
    }


def _from_pairs(
    pairs: pd.DataFrame, factor: str, reference_level: object, level: object
) -> Iterator[tuple[str, "pd.Series[float]"]]:
    """Add-one-in against the reference; leave-one-out against the best, with its sign turned to the level's gain."""
    for measure, against, to, sign in (
        ("add_one_in", REFERENCE, level, 1.0),
        ("leave_one_out", BEST, reference_level, -1.0),
    ):
        rows = pairs[(pairs["against"] == against) & (pairs["factor"] == factor)]
        rows = rows[rows["level"].map(level_key) == level_key(to)]
        if len(rows):
            yield measure, sign * rows.drop_duplicates("seed").set_index("seed")["difference"].astype(float)


def _table(worths: Sequence[_Worth], *, margin: float) -> pd.DataFrame:
    changes = comparison_table([Comparison({}, worth.change()) for worth in worths], margin=margin)
    rows = []
    for worth, change in zip(worths, changes.to_dict("records"), strict=True):
        row = dict(worth.identity)
        for measure in MEASURES:
            values = worth.measures.get(measure, pd.Series(dtype=float))
            interval = paired_interval(values.to_numpy(dtype=np.float64))
            parts = (interval.mean, interval.low, interval.high, interval.n)
            row |= {f"{measure}{part}": value for part, value in zip(("", "_low", "_high", "_n"), parts, strict=True)}
        row |= dict(zip(CHANGE, (change[name] for name in ("mean", "low", "high", "p_adjusted")), strict=True))
        rows.append(row | {"disagreement": _disagreement(row)})
    return pd.DataFrame(rows, columns=list(DIRECTION_COLUMNS))


def _disagreement(row: Mapping[str, object]) -> str:
    """ "sign" only with a test behind it: two intervals that lie on different sides of 0 are none."""
    if row["target"] == SAME_SCORES or not _number(row, "change_p") <= ALPHA:
        return ""
    added, left = ((_number(row, f"{name}_low"), _number(row, f"{name}_high")) for name in MEASURES[:2])
    is_opposite = (added[0] > 0 and left[1] < 0) or (added[1] < 0 and left[0] > 0)
    return "sign" if is_opposite else ""


def _number(row: Mapping[str, object], name: str) -> float:
    return float(str(row[name]))


def _joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(DIRECTION_COLUMNS))
