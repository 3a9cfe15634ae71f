"""The runs of a comparison of which an imported table has no result: cut short, or missing on one side."""

import pandas as pd

from ablate.analysis.effects.metric import is_reference
from ablate.analysis.effects.pairing import declared_runs
from ablate.report.inputs import Inputs
from ablate.report.wording.phrases import variant_name
from ablate.study.trial import CUT_SHORT
from ablate.text import clauses, number_of

MOST_TOLD = 4


def cut_short(inputs: Inputs) -> list[str]:
    """ "3 of 10 runs of act gelu (pruned)" for each compared configuration with runs that were cut short."""
    said = []
    for variant, cell in inputs.runs.groupby("variant", sort=False):
        stopped = cell[cell["state"].isin(CUT_SHORT)]
        if len(stopped):
            words = stopped["state"].where(stopped["reason"].fillna("").astype(str) == "", "no score")
            why = ", ".join(dict.fromkeys(words.astype(str)))
            said.append(f"{len(stopped)} of {number_of(len(cell), 'run')} of {variant_name(str(variant))} ({why})")
    return said


def missing_seeds(inputs: Inputs) -> list[str]:
    """ "act gelu has no run with 6 of 12 seeds" for each side that lacks seeds of the other, if they share some."""
    said: dict[str, None] = {}
    runs = inputs.runs
    seeds = {str(name): frozenset(cell["seed"].dropna()) for name, cell in runs.groupby("variant", sort=False)}
    pairs = declared_runs(runs)[["variant", "against"]].drop_duplicates()
    for sides in pairs.itertuples(index=False, name=None):
        mine, theirs = (seeds.get(str(side), frozenset()) for side in sides)
        if not mine & theirs:
            continue
        for name, own in zip(sides, (mine, theirs), strict=True):
            lacking = len((mine | theirs) - own)
            if lacking:
                of_all = number_of(len(mine | theirs), "seed")
                said[f"{variant_name(str(name))} has no run with {lacking} of {of_all}"] = None
    return list(said)


def left_out_in_words(inputs: Inputs) -> list[str]:
    """Sentences of the answer on runs that a comparison lacks; empty for studies of this package."""
    if not inputs.is_imported:
        return []
    lines, stopped, missing = [], cut_short(inputs), missing_seeds(inputs)
    if stopped:
        others = "comparisons are of the other runs only, which may favour the side they are missing from"
        if len(stopped) == 1 and inputs.effects["variant"].nunique() == 1:
            others = "the comparison is of the others only, which may favour this side"
        lines.append(f"Left out: {clauses(stopped, MOST_TOLD)}: {others}.")
    if missing:
        favoured = "If runs were started and lost, a comparison of the shared seeds may favour the side that lost them"
        lines.append(f"Missing: {clauses(missing, MOST_TOLD)}. {favoured}.")
    return lines


def unpaired_names(inputs: Inputs) -> list[str]:
    """The variants that share no seed with what they are compared with."""
    effects = inputs.effects
    return [variant_name(str(name)) for name in effects.loc[effects["test"] == "unpaired", "variant"].unique()]


def same_settled_seeds(inputs: Inputs) -> bool:
    """Whether all compared configurations have a result, or a lost run, with the same seeds."""
    runs = inputs.runs[~inputs.runs["state"].isin(CUT_SHORT)]
    seeds = runs.groupby("variant")["seed"].agg(frozenset)
    has_all = set(seeds.index) == set(inputs.runs["variant"])
    return has_all and seeds.nunique() <= 1 and bool(is_reference(runs).any())


def source_runs(inputs: Inputs) -> pd.DataFrame:
    """The rows of the results without the copies that the designs of an imported table repeat."""
    results = inputs.results
    if not inputs.is_imported:
        return results
    search = results[results["phase"] == "search"]
    if len(search) or "same_as" not in results:
        return search if len(search) else results
    return results[results["same_as"].fillna("").astype(str) == ""]
