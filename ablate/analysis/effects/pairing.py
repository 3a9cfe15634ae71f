"""Pair each run of a variant with the run of the same seed of its reference."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pandas as pd

from ablate.analysis.effects.metric import COUNTED_AT_CHANCE, Metric, confirmatory_runs, is_reference, metric_values
from ablate.analysis.statistics import Verdict
from ablate.storage.results import metric_columns
from ablate.study.trial import BEST, REFERENCE

PAIR_COLUMNS = (
    "variant", "mode", "against", "factor", "level", "seed", "difference", "value", "reference_value", "state",
    "reference_state", "learning_rate", "run_id", "trial", "same_as", "reference_run_id", "reference_trial",
)  # fmt: skip
PARTNER = ("variant", "mode", "seed", "value", "state", "run_id", "trial")
IDENTICAL: Verdict = "identical runs"
UNFINISHED: Verdict = "no run finished"
LOST: Verdict = "lost runs"
# Results of a run of this package: if all are equal, so were its epochs.
RECORDED = ("best_epoch", "epochs")  # and all metrics
MIN_RUNS = 3  # distinct runs in a table with only scores: saturated or coarse scores repeat
OWN_TRAINERS = ("function: ", "command: ")  # how the column trained_by begins where user code trained by itself
_SCORE = Metric("score", "score", 1, 1.0, "", -math.inf, 0.0)  # a failed run equals no finished run


def paired_scores(results: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """One row per pair: a variant's run and its reference's run of the same seed; the basis of the effects.

    A variant is paired with the rows that `against` names: those of its own learning-rate mode if there are any,
    else those of mode "". `value` and `reference_value` are on the metric (higher is better, in the file's unit),
    `difference` is the first minus the second. A run that diverged, ran out of memory or failed counts at
    `metric.chance`, and is left out if that is unknown. A run that was interrupted, pruned, or has no value is left
    out, and so is a seed without its partner.
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
    in_order = pairs[list(PAIR_COLUMNS)].sort_values(["variant", "mode", "seed"], ignore_index=True)
    return _without_copies(in_order, runs)


def _without_copies(pairs: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """The pairs, of those whose runs are all copies of one on either side only the first: seeds changed nothing there.

    Only of runs that user code trained by itself; any other trainer uses its seed.
    """
    if "trained_by" not in runs or pairs.empty:
        return pairs
    is_own = runs["trained_by"].astype(str).str.startswith(OWN_TRAINERS)
    if not is_own.any():
        return pairs
    numbers = runs[is_own].drop_duplicates("trial", keep="last").set_index("trial")[["score", *metric_columns(runs)]]
    kept = [
        some.head(1) if all(_are_copies(numbers, some[name]) for name in ("trial", "reference_trial")) else some
        for _, some in pairs.groupby(["variant", "mode"], sort=False)
    ]
    return pd.concat(kept, ignore_index=True)


def _are_copies(numbers: pd.DataFrame, trials: "pd.Series[str]") -> bool:
    """Whether at least two trials have the same numbers, to the last digit; a trial without any is no copy."""
    found = numbers.reindex(trials)
    return len(found) > 1 and bool(found["score"].notna().all()) and len(found.drop_duplicates()) == 1


def counted_pairs(runs: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """The pairs of `confirmatory_runs` with all lost runs, whether or not the score of guessing is known."""
    return pair_runs(runs, replace(metric, chance=-math.inf))


def lost_comparisons(
    counted: pd.DataFrame, apart: Mapping[tuple[str, str], tuple[pd.DataFrame, pd.DataFrame]]
) -> frozenset[tuple[str, str]]:
    """The (variant, mode) with a lost run among `counted_pairs` or `unpaired_runs`, on either side."""
    is_lost = counted["state"].isin(COUNTED_AT_CHANCE) | counted["reference_state"].isin(COUNTED_AT_CHANCE)
    unpaired = {
        key for key, sides in apart.items() if any(side["state"].isin(COUNTED_AT_CHANCE).any() for side in sides)
    }
    return frozenset(_cells(counted[is_lost])) | unpaired


def unpaired_runs(
    runs: pd.DataFrame, metric: Metric, counted: pd.DataFrame
) -> dict[tuple[str, str], tuple[pd.DataFrame, pd.DataFrame]]:
    """The runs of both sides of each (variant, mode) whose sides share no seed, with `value` and `state`.

    Lost runs are among them; a comparison with a pair in `counted_pairs`, or without a run on a side, is not.
    """
    known = runs.assign(value=metric_values(runs, metric))
    known = known[metric_values(runs, replace(metric, chance=-math.inf)).notna()]
    variants = declared_runs(known)
    variants["partner_mode"] = variants["mode"].where(_has_own_partner(variants, runs), "")
    paired, found = set(_cells(counted)), dict[tuple[str, str], tuple[pd.DataFrame, pd.DataFrame]]()
    for (variant, mode), mine in variants.groupby(["variant", "mode"], sort=False):
        of_other = (known["variant"] == mine["against"].iloc[0]) & (known["mode"] == mine["partner_mode"].iloc[0])
        if (variant, mode) not in paired and of_other.any():
            found[str(variant), str(mode)] = mine, known[of_other]
    return found


def declared_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs of variants: `against` filled in, and a second reference shared by all modes repeated in each mode.

    The best configuration, itself compared with the reference, has the mode "" if it is the same in all modes. It
    then is a comparison in each mode's family.
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
    """Whether the reference of a variant has rows of the variant's own mode."""
    there = pd.MultiIndex.from_frame(runs[["variant", "mode"]].drop_duplicates())
    wanted = pd.MultiIndex.from_frame(variants[["against", "mode"]])
    return pd.Series(wanted.isin(there), index=variants.index)


def identical_comparisons(runs: pd.DataFrame) -> frozenset[tuple[str, str]]:
    """The (variant, mode) whose `confirmatory_runs` equal their reference's runs in every seed of both.

    In runs with losses all recorded values must be equal, to the last digit; with only scores, these, in at least
    `MIN_RUNS` seeds with distinct scores, if the table has more. A run that reuses its reference's result does not
    count.
    """
    pairs = pair_runs(runs, _SCORE)
    is_fine = runs["score"].nunique() > MIN_RUNS
    details = runs.drop_duplicates("trial", keep="last").set_index("trial")[[*RECORDED, *metric_columns(runs)]]
    return frozenset(
        (str(variant), str(mode))
        for (variant, mode), some in pairs.groupby(["variant", "mode"])
        if _are_equal(some, details, is_fine=is_fine)
    )


def unfinished_contrasts(pairs: pd.DataFrame) -> frozenset[tuple[str, str]]:
    """The (variant, mode) in whose `counted_pairs` no run finished, on either side: there is nothing to compare."""
    has_finished = (pairs["state"] == "finished") | (pairs["reference_state"] == "finished")
    return frozenset(_cells(pairs)) - frozenset(_cells(pairs[has_finished]))


def lossy_comparisons(runs: pd.DataFrame) -> frozenset[tuple[str, str]]:
    """The (variant, mode) with an unfinished run in `confirmatory_runs`, on either side."""
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
    measured = [name for name in details if str(name).startswith("val_")]
    if measured and all(some[measured].notna().all(axis=None) for some in (mine, theirs)):
        return bool(mine.equals(theirs))
    return is_fine and finished["value"].nunique() >= MIN_RUNS
