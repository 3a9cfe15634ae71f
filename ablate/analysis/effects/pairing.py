"""Runs into pairs: each run of a variant beside the run of the same seed that it is compared with."""

import pandas as pd

from ablate.analysis.effects.metric import Metric, metric_values
from ablate.analysis.effects.runs import confirmatory_runs, is_reference
from ablate.study.trial import BEST, REFERENCE

PAIR_COLUMNS = (
    "variant", "mode", "against", "factor", "level", "seed", "difference", "value", "reference_value", "state",
    "reference_state", "learning_rate", "run_id", "trial", "same_as", "reference_run_id", "reference_trial",
)  # fmt: skip
PARTNER = ("variant", "mode", "seed", "value", "state", "run_id", "trial")


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
