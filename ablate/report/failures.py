"""Trials that failed: a table of every one, and how often the runs of each comparison did."""

import pandas as pd

from ablate.analysis.effects import COUNTED_AT_CHANCE, FAILURE_COLUMNS, FEWER, MORE
from ablate.analysis.imports import LEFT_OUT, end_words
from ablate.analysis.search_history import failures
from ablate.report.inputs import Inputs
from ablate.report.left_out import source_runs
from ablate.report.numbers import as_float, as_text, count, number, p_value, rate
from ablate.report.page import MOST_ROWS, Block, Paragraph, Section, Table
from ablate.report.plots import contrast_name
from ablate.storage.results import Row
from ablate.study.trial import CUT_SHORT
from ablate.text import number_of

FAILS = {MORE: "more often", FEWER: "less often", "": "not shown to differ"}


def failures_block(effects: pd.DataFrame) -> list[Block]:
    """How often the runs of each comparison failed, if any did."""
    lossy = effects[(effects["n_lost"] > 0) | (effects["reference_lost"] > 0)]
    if lossy.empty:
        return []
    head = ("Factor", "Level", "Lost", "Reference lost", "95 % interval of the rate", "p (exact)", "p (Holm)", "Fails")
    rows = [
        [*contrast_name(row["factor"], row["level"], against=row["against"]), _of(row["n_lost"], row["n_runs"]),
         _of(row["reference_lost"], row["reference_runs"]), _rates(row), p_value(row["p_failure"]),
         p_value(row["p_failure_adjusted"]), FAILS[row["failures"]]]
        for row in lossy.head(MOST_ROWS).to_dict("records")
    ]  # fmt: skip
    data = effects[["factor", "level", "variant", "against", "mode", *FAILURE_COLUMNS]]
    caption = "Runs that did not finish, compared with those of the reference"
    return [Table(caption, head, rows, frozenset(range(2, 7)), name="failure-rates", data=data)]


def failures_section(inputs: Inputs) -> Section | None:
    """Every trial that did not finish, with its reason."""
    runs = source_runs(inputs)
    lost = failures(runs)
    if lost.empty:
        return None
    ends = end_words(lost) if inputs.is_imported else lost["state"]
    head = ("Trial", "State", "Epochs", "Rate", "Why", "MLflow run")
    rows = [
        (str(row["trial"]), f"✕\N{NO-BREAK SPACE}{end.replace('_', ' ')}", count(as_float(row["epochs"])),
         rate(as_float(row["learning_rate"])), as_text(row["reason"]), as_text(row["run_id"]))
        for row, end in zip(lost.head(MOST_ROWS).to_dict("records"), ends, strict=False)
    ]  # fmt: skip
    noun = "run" if inputs.is_imported else "trial"
    sentence = f"{_how_many(ends, len(runs), noun)} In the effects {_scored(inputs, lost)}."
    sentence += "" if inputs.is_imported else " If a trial has a traceback, its MLflow run has all of it."
    return Section(
        "failures",
        "What failed",
        [
            Paragraph(sentence),
            Table("Trials that did not finish", head, rows, frozenset((2, 3)), name="failures", data=lost),
        ],
    )


def _how_many(ends: "pd.Series[str]", n_all: int, noun: str) -> str:
    """How many runs did not finish, and how many the user left out, of which nobody knows more."""
    counts = ends[ends != LEFT_OUT].value_counts()
    said = ", ".join(f"{n} {str(state).replace('_', ' ')}" for state, n in counts.items())
    n_dropped, n_lost = len(ends) - int(counts.sum()), int(counts.sum())
    of_all = f"of {number_of(n_all, noun)}"
    parts = [f"{n_lost} {of_all} did not finish: {said}."] * bool(n_lost)
    parts += [f"{n_dropped} {of_all} {'has' if n_dropped == 1 else 'have'} no score or no state."] * bool(n_dropped)
    return " ".join(parts)


def _of(lost: int, n: int) -> str:
    return f"{lost} of {n}"


def _rates(row: Row) -> str:
    return f"{number(100 * row['failure_low'], 0)} to {number(100 * row['failure_high'], 0)} %"


def _scored(inputs: Inputs, lost: pd.DataFrame) -> str:
    is_compared = bool(inputs.runs["state"].isin(COUNTED_AT_CHANCE).any())
    if inputs.is_imported and not is_compared:
        only = lost["state"].isin(CUT_SHORT).all()
        return "they are left out" if only else "none of them counts"
    if not inputs.lost_count:
        has_stopped = not inputs.is_imported or bool(lost["state"].isin(CUT_SHORT).any())
        stopped = "; interrupted ones are left out" if has_stopped else ""
        return f"comparisons with lost runs have no size, since the score of guessing is unknown{stopped}"
    return f"they are scored {inputs.lost_count}, unless they were interrupted"
