"""Measure what each variant costs: its parameters, the seconds of an epoch, and the epochs to its best score."""

import pandas as pd

COSTS = ("parameters", "epoch_seconds", "epochs_to_best")  # medians over the finished runs of a variant
OF_REFERENCE = "reference_"  # prefix of the costs of what a variant is compared with


def variant_costs(runs: pd.DataFrame, epochs: pd.DataFrame) -> pd.DataFrame:
    """One row per variant and mode with a finished run: variant, mode, the columns `COSTS`, and n, its finished runs.

    `runs` are those of `confirmatory_runs`; `epochs` the table of epochs, maybe empty or without seconds. The seconds
    of an epoch are the median over the epochs of a run, then over the runs, so that a first epoch that compiles and a
    pause of the machine do not count. What no run records is NaN.
    """
    finished = runs[runs["state"] == "finished"]
    known = pd.DataFrame({
        "variant": finished["variant"],
        "mode": finished["mode"],
        "parameters": pd.to_numeric(finished["parameters"]),
        "epoch_seconds": epoch_seconds(finished, epochs),
        "epochs_to_best": pd.to_numeric(finished["best_epoch"]),
    })  # fmt: skip
    groups = known.groupby(["variant", "mode"], sort=False)
    return groups[list(COSTS)].median().assign(n=groups.size()).reset_index()


def beside_effects(effects: pd.DataFrame, costs: pd.DataFrame) -> pd.DataFrame:
    """The effects with the costs of each variant, and those of its reference under names with `OF_REFERENCE`.

    The reference is the one trained in the variant's mode if there is one, else the one that all modes share.
    """
    by_cell = costs.set_index(["variant", "mode"])[list(COSTS)]
    own = list(zip(effects["variant"], effects["mode"], strict=True))
    others = [
        (against, mode if (against, mode) in by_cell.index else "")
        for against, mode in zip(effects["against"], effects["mode"], strict=True)
    ]
    sides = ("", own), (OF_REFERENCE, others)
    found = [_rows(by_cell, cells).add_prefix(prefix).set_axis(effects.index) for prefix, cells in sides]
    return pd.concat([effects, *found], axis=1)


def epoch_seconds(runs: pd.DataFrame, epochs: pd.DataFrame) -> "pd.Series[float]":
    """The median seconds of an epoch of each run; NaN without its epochs."""
    if epochs.empty or "seconds" not in epochs:
        return pd.Series(float("nan"), index=runs.index)
    by_trial = epochs.groupby("trial")["seconds"].median()
    # A deduplicated run has its epochs under the trial whose result it reuses, unless that is of another study.
    source = runs["same_as"].where(runs["same_as"].isin(by_trial.index), runs["trial"])
    return source.map(by_trial).astype(float)


def _rows(by_cell: pd.DataFrame, cells: list[tuple[str, str]]) -> pd.DataFrame:
    return by_cell.reindex(pd.MultiIndex.from_tuples(cells, names=["variant", "mode"]))
