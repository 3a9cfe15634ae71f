"""Runs into pairs: each run of a variant beside the run of the same seed that it is compared with."""

import math
from collections.abc import Iterator

import pandas as pd

from ablate.analysis.effects.metric import Metric, confirmatory_runs, is_reference, metric_values
from ablate.analysis.statistics import Verdict
from ablate.study.trial import BEST, REFERENCE

PAIR_COLUMNS = (
    "variant", "mode", "against", "factor", "level", "seed", "difference", "value", "reference_value", "state",
    "reference_state", "learning_rate", "run_id", "trial", "same_as", "reference_run_id", "reference_trial",
)  # fmt: skip
PARTNER = ("variant", "mode", "seed", "value", "state", "run_id", "trial")
IDENTICAL: Verdict = "identical runs"
UNFINISHED: Verdict = "no run finished"
# What a run of this program shows: where all are equal, so were its epochs.
RECORDED = ("val_loss", "val_accuracy", "test_loss", "test_accuracy", "best_epoch", "epochs")
MIN_RUNS = 3  # of a table with scores alone, each with a score of its own: a saturated or coarse score repeats itself
_SCORE = Metric("score", "score", 1, 1.0, "", -math.inf, 0.0)  # a lost run equals none that finished


def paired_scores(results: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """One row a pair: a variant's run and its reference's of the same seed; what the effects are computed from.

    A variant is paired with the rows that `against` names: those of its own learning-rate mode where there are any,
    else those of mode "". `value` and `reference_value` are on the metric (higher is better, in the file's unit),
    `difference` is the first less the second. A run that diverged, ran out of memory or failed counts at chance level;
    one that was interrupted, pruned, or has no value is left out, and so is a seed without its partner.
    """
    return pair_runs(confirmatory_runs(results), metric)


def pair_runs(runs: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """The pairs of `confirmatory_runs`."""
    runs = runs.assign(value=metric_values(runs, metric), seed=runs["seed"].astype(int))
    variants = declared_runs(runs).dropna(subset="value")
    partners = runs[list(PARTNER)].add_prefix("reference_")
    variants["partner_mode"] = variants["mode"].where(_has_own_partner(variants, runs), "")
    pairs = variants.merge(
        partners.dropna(subset="reference_value"),
        left_on=["against", "partner_mode", "seed"],
        right_on=["reference_variant", "reference_mode", "reference_seed"],
    )
    pairs["difference"] = pairs["value"] - pairs["reference_value"]
    return pairs[list(PAIR_COLUMNS)].sort_values(["variant", "mode", "seed"], ignore_index=True)


def declared_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs of variants: `against` filled in, and those of a second reference that all modes share told in each.

    The best configuration, itself compared with the reference, has the mode "" where it is the same in all modes. It
    is a contrast of each mode's family then.
    """
    variants = runs[~is_reference(runs)]
    variants = variants.assign(against=variants["against"].replace("", REFERENCE))
    is_shared = (variants["mode"] == "") & variants["variant"].isin({BEST, *variants["against"]})
    own = variants[~is_shared]
    modes = [mode for mode in own["mode"].unique() if mode]
    if not modes:
        return variants.copy()
    return pd.concat([own, *(variants[is_shared].assign(mode=mode) for mode in modes)], ignore_index=True)


def _has_own_partner(variants: pd.DataFrame, runs: pd.DataFrame) -> "pd.Series[bool]":
    """Whether what a variant is compared with has rows of the variant's own mode."""
    there = pd.MultiIndex.from_frame(runs[["variant", "mode"]].drop_duplicates())
    wanted = pd.MultiIndex.from_frame(variants[["against", "mode"]])
    return pd.Series(wanted.isin(there), index=variants.index)


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
