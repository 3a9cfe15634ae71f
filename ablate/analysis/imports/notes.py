"""Say what was done with runs that did not finish, were repeated, or belong to no comparison."""

from typing import TYPE_CHECKING

from ablate.analysis.effects import COUNTED_AT_CHANCE
from ablate.analysis.imports.asked import DROP, ImportOptions
from ablate.analysis.imports.configurations import Configurations
from ablate.analysis.imports.exports import recognize
from ablate.analysis.imports.rows import NO_SCORE, CellRuns
from ablate.analysis.sources import Runs
from ablate.storage.results import coerced
from ablate.study.trial import CUT_SHORT
from ablate.text import number_of

if TYPE_CHECKING:
    import pandas as pd


def not_finished_notes(measured: "pd.DataFrame", cells: CellRuns, asked: ImportOptions) -> list[str]:
    """How many runs did not finish, and how they count."""
    counts = measured["state"].value_counts().drop("finished", errors="ignore")
    if not len(counts):
        return []
    notes = [f"{int(counts.sum()):,} of {number_of(len(measured), 'run')} did not finish: {counted_states(counts)}."]
    if n_missing := int((measured["reason"] == NO_SCORE).sum()):
        runs = f"{number_of(n_missing, 'run')} without a score"
        counted = f"count{'s' * (n_missing == 1)} as lost (failed); to leave such runs out, add --missing {DROP}"
        dropped = f"{'is' if n_missing == 1 else 'are'} left out, as you said (--missing {DROP})"
        notes.append(f"{runs} {counted if asked.counts_missing else dropped}.")
    if cells.n_retried:
        again = "retried with the same configuration and seed; only the finished run counts"
        notes.append(f"{number_of(cells.n_retried, 'lost run')}: {again}.")
    if cells.n_lost_beside:
        beside = "beside a finished run with the same configuration and seed"
        rule = "together they count as a lost run" if asked.chance is None else "the mean counts both"
        notes.append(f"{number_of(cells.n_lost_beside, 'lost run')} {beside}: {rule}.")
    if set(counts.index) & set(COUNTED_AT_CHANCE):
        notes.append(_lost_count(asked))
    if set(counts.index) & set(CUT_SHORT):
        notes.append("Stopped runs (killed, pruned) have no final score, so they are not compared.")
    return notes


def _lost_count(asked: ImportOptions) -> str:
    if asked.chance is None:
        return (
            "What a lost run would score is unknown, so no size is given for comparisons with lost runs; "
            "give the score of guessing with --chance."
        )
    return f"A lost run counts as guessing ({asked.chance:g}, --chance), or as the worst finished run if that is worse."


def progress_notes(runs: Runs, measured: "pd.DataFrame") -> list[str]:
    """How many finished runs ended before the others."""
    name = recognize(map(str, runs.table)).first("progress")
    if not name:
        return []
    numbers = coerced(runs.table[name])
    ended = numbers[(measured["state"] == "finished").to_numpy()].dropna()
    n_less = int((ended < ended.max()).sum())
    if not n_less:
        return []
    said = f"{number_of(n_less, 'finished run')} of {len(ended):,} ended at a {name} below {ended.max():g}"
    return [f"{said}. They are compared like the others; if a scheduler stopped them early, remove them."]


def design_notes(cells: CellRuns, found: Configurations, *, is_crossed: bool, is_compared: bool) -> list[str]:
    """Which factors were drawn, how many runs were averaged, and which designs the table holds."""
    notes = []
    if found.drawn:
        notes.append(
            f"The values of {', '.join(found.drawn)} hardly ever repeat, so they are not compared value by value."
        )
    if cells.n_repeated:
        again = "with the same factors and seed as another run: the comparison uses their mean"
        notes.append(f"{number_of(cells.n_repeated, 'run')} {again}.")
    if is_crossed:
        notes.append(f"The table is a complete factorial of {len(set(cells.of_row)):,} cells.")
    if not is_compared:
        notes.append("No configuration differs from the reference in exactly one factor: no paired comparisons.")
    return notes


def counted_states(counts: "pd.Series[int]") -> str:
    """ "3 failed, 1 out of memory"."""
    return ", ".join(f"{n:,} {str(state).replace('_', ' ')}" for state, n in counts.items())
