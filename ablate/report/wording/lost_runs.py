"""Say which runs were lost, and where they were lost more often or less often than those of the reference."""

from collections.abc import Sequence

import pandas as pd

from ablate.analysis.effects import COUNTED_AT_CHANCE, FEWER, LOST, MORE, confirmatory_runs
from ablate.report.wording.phrases import (
    MOST_NAMED,
    MOST_TOLD,
    Effect,
    capital,
    effect_name,
    p_is,
    variant_name,
)
from ablate.study.trial import REFERENCE
from ablate.text import clauses, number_of

ENDED = {"diverged": "diverged", "out_of_memory": "ran out of memory", "failed": "failed"}


def failing_in_words(family: Sequence[Effect]) -> list[str]:
    """One sentence: variants that fail more often than what they are compared with, or less often."""
    told = [row for row in family if row["failures"] in (MORE, FEWER)]
    said = [
        f"{effect_name(row)} fails {'more' if row['failures'] == MORE else 'less'} often: {_failures(row)}, "
        f"{p_is(row['p_failure_adjusted'])}"
        for row in told
    ]
    return [f"{capital(clauses(said, MOST_TOLD))}."] if said else []


def lost_in_words(family: Sequence[Effect], *, way_out: str) -> list[str]:
    """One sentence: comparisons whose lost runs have no known score, and how to give them one."""
    said = [_with_failures(row) for row in family if row["verdict"] == LOST]
    named = f"Runs were lost, so no size is claimed: {clauses(said, MOST_TOLD)}."
    return [f"{named} {way_out}".rstrip()] if said else []


def ended_in_words(results: pd.DataFrame, *, n_modes: int, lost_count: str) -> list[str]:
    """One sentence listing variants and states: SGD diverged in 4 of 6 seeds."""
    lost = results.loc[results["state"].isin(COUNTED_AT_CHANCE), "variant"]
    runs = confirmatory_runs(results[results["variant"].isin(lost)])
    said = []
    for (variant, mode), cell in runs.groupby(["variant", "mode"], sort=False):
        where = f" ({mode})" if mode and n_modes > 1 else ""
        for state in COUNTED_AT_CHANCE:
            count = int((cell["state"] == state).sum())
            if count:
                said.append(f"{variant_name(str(variant))}{where} {ENDED[state]} in {count} of {len(cell)} seeds")
    scored = f" (scored {lost_count})" if lost_count else ""
    return [f"{capital(clauses(said, MOST_NAMED))}{scored}."] if said else []


def _with_failures(row: Effect) -> str:
    if row["failures"]:  # `failing_in_words` has the counts
        return effect_name(row)
    tested = f"; {p_is(row['p_failure_adjusted'])}" if row["p_failure_adjusted"] <= 1 else ""
    return f"{effect_name(row)} ({_failures(row)}{tested})"


def _failures(row: Effect) -> str:
    """ "3 of 8 runs, the reference 0 of 8": the lost runs of both sides."""
    other = variant_name(row["against"] or REFERENCE)
    mine = f"{row['n_lost']} of {number_of(row['n_runs'], 'run')}"
    return f"{mine}, {other} {row['reference_lost']} of {row['reference_runs']}"
