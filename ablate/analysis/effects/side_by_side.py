"""Set the effects of two studies side by side: comparisons that both made, and how far their effects differ."""

import math
from dataclasses import dataclass

import pandas as pd

from ablate.analysis.effects.pairing import IDENTICAL, LOST, UNFINISHED
from ablate.analysis.statistics import MIN_SEEDS, Interval, paired_interval
from ablate.analysis.statistics.unpaired import independent_difference
from ablate.storage.results import Row

KEY = ["variant", "mode", "against"]
OF_SIDE = ("n", "mean", "low", "high", "sd", "verdict")  # columns of each side, as mean_a and mean_b
SIDE_COLUMNS = (
    *KEY, "factor", "level", *(f"{name}_{side}" for side in "ab" for name in OF_SIDE), "is_changed",
    "difference", "difference_low", "difference_high", "basis", "n_difference",
)  # fmt: skip
PAIRED, INDEPENDENT = "paired by seed", "independent"
WITHOUT_SIZE = (IDENTICAL, LOST, UNFINISHED)


@dataclass(frozen=True, slots=True)
class StudyEffects:
    """The effects of one study."""

    effects: pd.DataFrame  # the columns of the effects table
    pairs: pd.DataFrame  # rows of `paired_scores`
    is_plain: bool = True  # False: seeds are overlapping folds, or effects are over several data sets


def side_by_side(a: StudyEffects, b: StudyEffects, *, shares_runs: bool) -> pd.DataFrame:
    """One row per comparison that both studies made, the columns `SIDE_COLUMNS`, in the order of `a`.

    `difference` is the effect in `b` minus that in `a`, in the file's unit, with its 95 % interval for this comparison
    alone: exploratory, no verdict. If runs of one seed share data and split (`shares_runs`), it is that of the
    differences paired by seed; else Welch's, from the two standard errors. `basis` says which, or why there is no
    interval: then its ends are NaN. `is_changed`: the two verdicts are different words, which alone says nothing about
    whether the effects differ.
    """
    columns = [*KEY, "factor", "level", *OF_SIDE]
    both = a.effects[columns].merge(b.effects[columns].drop(columns=["factor", "level"]), on=KEY, suffixes=("_a", "_b"))
    rows = both.to_dict("records")
    told = [row | _difference(row, a, b, shares_runs=shares_runs) for row in rows]
    return pd.DataFrame(told, columns=list(SIDE_COLUMNS))


def only_in_one(a: pd.DataFrame, b: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of the effects tables of comparisons that the other one lacks."""
    keys = [set(zip(*(table[name] for name in KEY), strict=True)) for table in (a, b)]
    return _without(a, keys[1]), _without(b, keys[0])


def _without(effects: pd.DataFrame, keys: set[tuple[str, ...]]) -> pd.DataFrame:
    own = pd.Series(list(zip(*(effects[name] for name in KEY), strict=True)), index=effects.index, dtype=object)
    return effects[~own.isin(keys)]


def _difference(row: Row, a: StudyEffects, b: StudyEffects, *, shares_runs: bool) -> Row:
    basis = _against(row, a, b)
    found = Interval(row["mean_b"] - row["mean_a"], math.nan, math.nan, math.nan, min(row["n_a"], row["n_b"]))
    if not basis:
        found, basis = _interval(row, a, b, shares_runs=shares_runs)
    return {
        "is_changed": row["verdict_a"] != row["verdict_b"],
        "difference": found.mean,
        "difference_low": found.low,
        "difference_high": found.high,
        "basis": basis,
        "n_difference": found.n,
    }


def _against(row: Row, a: StudyEffects, b: StudyEffects) -> str:
    """Why no interval can be had; "" if nothing is against it."""
    unsized = [row[f"verdict_{side}"] for side in "ab" if row[f"verdict_{side}"] in WITHOUT_SIZE]
    if unsized:
        return str(unsized[0])
    if not (a.is_plain and b.is_plain):
        return "folds overlap, or several data sets"
    if min(row["n_a"], row["n_b"]) < MIN_SEEDS:
        return f"fewer than {MIN_SEEDS} seeds"
    return ""


def _interval(row: Row, a: StudyEffects, b: StudyEffects, *, shares_runs: bool) -> tuple[Interval, str]:
    before, after = (Interval(row[f"mean_{s}"], row[f"sd_{s}"], math.nan, math.nan, row[f"n_{s}"]) for s in "ab")
    shared = _shared(row, a.pairs, b.pairs) if shares_runs else pd.Series(dtype=float)
    if shared.empty:
        return independent_difference(after, before), INDEPENDENT
    if len(shared) < MIN_SEEDS:
        return Interval(after.mean - before.mean, math.nan, math.nan, math.nan, len(shared)), (
            f"only {len(shared)} seeds in common"
        )
    if (shared == 0).all():
        return Interval(0.0, 0.0, math.nan, math.nan, len(shared)), "the same runs"
    return paired_interval(shared), PAIRED


def _shared(row: Row, a: pd.DataFrame, b: pd.DataFrame) -> "pd.Series[float]":
    """By seed, how far the effect in `b` exceeds that in `a`."""
    before, after = (_by_seed(row, pairs) for pairs in (a, b))
    return (after - before).dropna()


def _by_seed(row: Row, pairs: pd.DataFrame) -> "pd.Series[float]":
    is_own = (
        (pairs["variant"] == row["variant"]) & (pairs["mode"] == row["mode"]) & (pairs["against"] == row["against"])
    )
    by_seed: pd.Series[float] = pairs[is_own].set_index("seed")["difference"].astype(float)
    return by_seed
