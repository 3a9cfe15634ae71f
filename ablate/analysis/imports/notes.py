"""Say what was done with runs that did not finish, were repeated, or belong to no comparison."""

from typing import TYPE_CHECKING

from ablate.analysis.effects import COUNTED_AT_CHANCE
from ablate.analysis.imports.asked import DROP, ImportOptions
from ablate.analysis.imports.configurations import Configurations
from ablate.analysis.imports.exports import recognize
from ablate.analysis.imports.rows import LEFT_OUT, NO_SCORE, NO_STATE, CellRuns, end_words
from ablate.analysis.sources import Runs
from ablate.storage.results import coerced
from ablate.study.trial import CUT_SHORT
from ablate.text import number_of

if TYPE_CHECKING:
    import pandas as pd


def not_finished_notes(measured: "pd.DataFrame", cells: CellRuns, asked: ImportOptions) -> list[str]:
    """How many runs did not finish, and how they count."""
    ends = end_words(measured)
    states = set(ends) - {"finished", LEFT_OUT}
    counts = ends[ends.isin(states)].value_counts()
    notes = _options_without_effect(ends, asked)
    if len(counts):
        n = number_of(len(measured), "run")
        notes.insert(0, f"{int(counts.sum()):,} of {n} did not finish: {counted_states(counts)}.")
    notes += _missing_notes(measured, asked)
    if n_unused := int((measured["score"].notna() & ends.isin(COUNTED_AT_CHANCE)).sum()):
        has = "has a score, which does" if n_unused == 1 else "have scores, which do"
        notes.append(f"{number_of(n_unused, 'run')} that did not finish {has} not count.")
    same = "with the same configuration and seed" if cells.is_seeded else "with the same configuration"
    if cells.n_retried:
        again = f"retried {same}; only the finished run counts"
        notes.append(f"{number_of(cells.n_retried, 'lost run')}: {again}.")
    if cells.n_lost_beside:
        rule = "together they count as a lost run" if asked.chance is None else "the mean counts both"
        notes.append(f"{number_of(cells.n_lost_beside, 'lost run')} beside a finished run {same}: {rule}.")
    if states & set(COUNTED_AT_CHANCE):
        notes.append(_lost_count(asked))
    if states & set(CUT_SHORT):
        notes.append("Stopped runs (killed, pruned) have no final score, so they are not compared.")
    return notes


def _missing_notes(measured: "pd.DataFrame", asked: ImportOptions) -> list[str]:
    """How runs count of which the table lacks the score or the state."""
    notes = []
    for reason, what in ((NO_SCORE, "score"), (NO_STATE, "state")):
        n = int((measured["reason"] == reason).sum())
        runs = f"{number_of(n, 'run')} without a {what}"
        counted = f"count{'s' * (n == 1)} as lost (failed); to leave such runs out, add --missing {DROP}"
        dropped = f"{'is' if n == 1 else 'are'} left out, as you said (--missing {DROP})"
        notes += [f"{runs} {counted if asked.counts_missing else dropped}."] * bool(n)
    return notes


def _options_without_effect(ends: "pd.Series[str]", asked: ImportOptions) -> list[str]:
    """Which options on lost and missing runs had nothing to do."""
    notes, is_lost = [], ends.isin(COUNTED_AT_CHANCE)
    if asked.missing == DROP and not (ends == LEFT_OUT).any():
        rest = ""
        if n := int(is_lost.sum()):
            lost = "run that did not finish counts" if n == 1 else "runs that did not finish count"
            rest = f"; {n:,} {lost} as lost all the same (--states WORD=killed leaves out runs with a state)"
        notes.append(f"--missing {DROP} leaves out no run, as each has a score or says how it ended{rest}.")
    if asked.chance is not None and not is_lost.any():
        notes.append("--chance changes nothing, as no run was lost.")
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
        same = "factors and seed" if cells.is_seeded else "factors"
        again = f"with the same {same} as another run: the comparison uses their mean"
        notes.append(f"{number_of(cells.n_repeated, 'run')} {again}.")
    if is_crossed:
        notes.append(f"The table is a complete factorial of {len(set(cells.of_row)):,} cells.")
    if not is_compared:
        notes.append("No configuration differs from the reference in exactly one factor: no paired comparisons.")
    return notes


def counted_states(counts: "pd.Series[int]") -> str:
    """ "3 failed, 1 out of memory"."""
    return ", ".join(f"{n:,} {str(state).replace('_', ' ')}" for state, n in counts.items())
