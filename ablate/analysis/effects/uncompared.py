"""Find contrasts that compare nothing: both sides gave the same runs, or no run of either side finished."""

import math
from collections.abc import Iterator

import pandas as pd

from ablate.analysis.effects.metric import Metric
from ablate.analysis.effects.pairing import declared_runs, pair_runs
from ablate.analysis.statistics import Verdict

IDENTICAL: Verdict = "identical runs"
UNFINISHED: Verdict = "no run finished"
# What a run of this program shows: where all are equal, so were its epochs.
RECORDED = ("val_loss", "val_accuracy", "test_loss", "test_accuracy", "best_epoch", "epochs")
MIN_RUNS = 3  # of a table with scores alone, each with a score of its own: a saturated or coarse score repeats itself
_SCORE = Metric("score", "score", 1, 1.0, "", -math.inf, 0.0)  # a lost run equals none that finished


def identical_contrasts(runs: pd.DataFrame) -> frozenset[tuple[str, str]]:
    """The (variant, mode) whose `confirmatory_runs` equal those that they are compared with, in every seed of both.

    Of runs with losses all that is recorded must be equal, to the last digit; with scores alone, these, in at least
    `MIN_RUNS` seeds with as many scores, of a table with more. A run that took the other one's result counts as none.
    """
    pairs = pair_runs(runs, _SCORE)
    is_fine = runs["score"].nunique() > MIN_RUNS
    details = runs.drop_duplicates("trial", keep="last").set_index("trial")[list(RECORDED)]
    return frozenset(
        (str(variant), str(mode))
        for (variant, mode), some in pairs.groupby(["variant", "mode"])
        if _are_equal(some, details, is_fine=is_fine)
    )


def unfinished_contrasts(pairs: pd.DataFrame) -> frozenset[tuple[str, str]]:
    """The (variant, mode) of whose pairs no run finished, on neither side: all count as the same chance level."""
    has_finished = (pairs["state"] == "finished") | (pairs["reference_state"] == "finished")
    return frozenset(_cells(pairs)) - frozenset(_cells(pairs[has_finished]))


def lossy_contrasts(runs: pd.DataFrame) -> frozenset[tuple[str, str]]:
    """The (variant, mode) of whose `confirmatory_runs` one on either side did not finish."""
    holed = set(_cells(runs[runs["state"] != "finished"]))
    contrasts = declared_runs(runs)[["variant", "mode", "against"]].drop_duplicates().astype(str)
    return frozenset(
        (variant, mode)
        for variant, mode, against in contrasts.itertuples(index=False)
        if holed & {(variant, mode), (variant, ""), (against, mode), (against, "")}
    )


def _cells(pairs: pd.DataFrame) -> Iterator[tuple[str, str]]:
    return zip(pairs["variant"].astype(str), pairs["mode"].astype(str), strict=True)


def _are_equal(pairs: pd.DataFrame, details: pd.DataFrame, *, is_fine: bool) -> bool:
    is_taken = (pairs["same_as"] == pairs["reference_trial"]) | (pairs["same_as"] == pairs["trial"])
    finished = pairs[(pairs["state"] == "finished") & (pairs["reference_state"] == "finished")]
    if is_taken.any() or finished.empty or not (pairs["value"] == pairs["reference_value"]).all():
        return False
    mine, theirs = (details.reindex(finished[name]).reset_index(drop=True) for name in ("trial", "reference_trial"))
    if mine["val_loss"].notna().all() and theirs["val_loss"].notna().all():
        return bool(mine.equals(theirs))
    return is_fine and finished["value"].nunique() >= MIN_RUNS
