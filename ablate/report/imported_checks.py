"""The checklist of another tool's table: only questions that the table itself can answer."""

import pandas as pd

from ablate.analysis.effects.metric import is_reference
from ablate.report.inputs import Inputs
from ablate.report.page import Check
from ablate.storage.results import factor_columns
from ablate.text import first_of, number_of

MOST_NAMED = 8  # items of a list in a reason


def table_checks(inputs: Inputs) -> list[Check]:
    """Checks on the rows, besides those on seeds and lost runs, which studies have as well."""
    return [_one_row_a_run(inputs), _scores_vary(inputs), _separable(inputs), *_folds(inputs)]


def _one_row_a_run(inputs: Inputs) -> Check:
    name, search = "One row per configuration and seed", inputs.results[inputs.results["phase"] == "search"]
    key = [*factor_columns(search), "seed"]
    repeated = int(search[search["seed"].notna()].duplicated(key).sum())
    if not repeated:
        return Check(name, passed=True, why="No configuration appears twice with the same seed.")
    rows = f"{number_of(repeated, 'row')} share configuration and seed with another; their mean counts."
    return Check(name, passed=False, why=rows)


def _scores_vary(inputs: Inputs) -> Check:
    """Whether seeds change scores: runs that all have one score hardly used their seed."""
    name, finished = "Scores differ between seeds", inputs.runs[inputs.runs["state"] == "finished"]
    of_variant = finished.groupby("variant", sort=False)["score"].agg(["size", "nunique"])
    same = of_variant.index[(of_variant["size"] > 1) & (of_variant["nunique"] == 1)]
    if not (of_variant["size"] > 1).any():
        return Check(name, None, "No configuration has two finished runs.")
    stuck = f"All seeds gave the same score for {first_of(list(same), MOST_NAMED)}: did the runs use their seed?"
    return Check(name, not len(same), stuck if len(same) else "No configuration has one score in all seeds.")


def _separable(inputs: Inputs) -> Check:
    pairs = [" and ".join(pair) for pair in inputs.facts.together or ()]
    name = "No two factors always change together"
    if pairs:
        return Check(name, passed=False, why=f"Effects cannot be separated: {first_of(pairs, MOST_NAMED)}.")
    return Check(name, passed=True, why="Every two factors were varied separately in some runs.")


def _folds(inputs: Inputs) -> list[Check]:
    if inputs.facts.overlap is None:
        return []
    why = f"Replicates are folds ({inputs.facts.seed_column}); their variance is corrected for shared training data."
    return [Check("Overlapping folds are allowed for", passed=True, why=why)]


def lost_check(inputs: Inputs) -> Check:
    """Whether every run that did not finish is part of a comparison."""
    runs = inputs.runs
    variants = runs[~is_reference(runs)]
    is_lost = variants["state"] != "finished"
    unpaired = int((is_lost & ~variants["trial"].isin(pd.Series(inputs.scores["trial"]))).sum())
    said = f"Not counted, stopped or without a pair: {number_of(unpaired, 'run')}."
    counted = f"{number_of(int(is_lost.sum()), 'run')} did not finish." if is_lost.any() else "Every run finished."
    return Check("Runs that did not finish are counted", not unpaired, said if unpaired else counted)
