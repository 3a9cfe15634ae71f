"""The results table into the runs that the effects rest on, and their values."""

import pandas as pd

from ablate.storage.results import NUMBERS
from ablate.study.trial import COLUMNS, REFERENCE, Design

COUNTED_AT_CHANCE = ("diverged", "out_of_memory", "failed")  # results; "killed" and "pruned" say nothing of the variant
ONE_FACTOR: Design = "one-factor"


def confirmatory_runs(results: pd.DataFrame, *, design: Design = ONE_FACTOR) -> pd.DataFrame:
    """The rows of phase "ablation" of a design, all `COLUMNS` there, numbers numeric, one row a run.

    A run is a (variant, mode, against, seed); of several rows the last one wins: it is the one that was run again.
    Tables written before there were designs hold one-factor rows, compared with the reference. A reference has the
    mode "" where all modes share it.
    """
    is_meant = results["phase"] == "ablation"
    if "design" in results:  # first, so that of a large factorial nothing is converted in vain
        is_meant &= results["design"].replace("", ONE_FACTOR).fillna(ONE_FACTOR) == design
    runs = results[is_meant].reindex(columns=list(COLUMNS))
    for name in COLUMNS:
        column = runs[name]
        runs[name] = pd.to_numeric(column, errors="coerce") if name in NUMBERS else column.astype(object).fillna("")
    runs["design"] = runs["design"].replace("", ONE_FACTOR)
    runs = runs[(runs["design"] == design) & runs["seed"].notna()]
    return runs.drop_duplicates(["variant", "mode", "against", "seed"], keep="last").reset_index(drop=True)


def is_reference(runs: pd.DataFrame) -> "pd.Series[bool]":
    """Whether a row is of a variant that others are compared with, and is compared with none itself."""
    names = {REFERENCE, *runs["against"]} - {""}
    return (runs["variant"] == REFERENCE) | (runs["variant"].isin(names) & (runs["against"] == ""))
