"""Check that the test set was read once for each run, and only after the comparisons were preregistered."""

import pandas as pd

from ablate.report import own_trials
from ablate.report.inputs import Inputs
from ablate.report.page import NOT_RECORDED, Check
from ablate.report.wording import level_sentence, read_before
from ablate.storage.provenance import PreregistrationFacts
from ablate.storage.results import metric_columns
from ablate.text import number_of, to_minute


def preregistered(inputs: Inputs) -> Check:
    """Whether all comparisons were preregistered, and no test score was read before."""
    name, frozen = "Comparisons preregistered before the test set was read", inputs.facts.frozen
    if frozen is None:
        reads = inputs.metric.name.startswith("test_")
        why = NOT_RECORDED if reads else "The test set was not read."
        return Check(name, None if reads else True, why)
    effects = inputs.effects if inputs.data_sets is None else inputs.data_sets.on_each
    n, declared = len(effects), frozen.contrasts or 0
    if n > declared:
        return Check(name, passed=False, why=f"Comparisons made: {n}; preregistered: {declared}.")
    what = f"{number_of(declared, 'comparison')}, digest {(frozen.digest or '')[:12]}…"
    said = f"Preregistered on {to_minute(frozen.at or '')}: {what}."
    if before := read_before(frozen):
        return Check(name, passed=False, why=f"{said} {before}")
    if unread := _undated(frozen):
        return Check(name, None, f"{said} {unread}")
    level = " ".join(level_sentence(frozen))
    return Check(
        name,
        passed=True,
        why=f"{said} No test score is on record as read before in this results folder. {level}".rstrip(),
    )


def read_once(inputs: Inputs) -> Check:
    """Whether only compared runs have test scores, each read once."""
    name, results = "Test set read once per run", inputs.results
    tested = [name for name in metric_columns(results) if name.startswith("test_")]
    early = results.loc[results["phase"] != "ablation", tested]
    peeked = sum(int(pd.to_numeric(early[column], errors="coerce").notna().sum()) for column in early)
    repeated = int(results["trial"].duplicated().sum())
    before = sum(one.scores or 0 for one in (inputs.facts.frozen and inputs.facts.frozen.read_before) or ())
    is_once = not peeked and not repeated and not before
    why = (
        "No search or tuning trial has a test score, and no trial ran twice." if is_once
        else f"Test scores outside the comparisons: {peeked}; trials that appear twice: {repeated}; test scores that "
        f"were read for an earlier preregistration: {before}."
    )  # fmt: skip
    return Check(name, is_once, f"{why} {own_trials.thrown_away(inputs)}".rstrip())


def _undated(frozen: PreregistrationFacts) -> str:
    """Which scores have no record of their first reading; "" if all have one."""
    if frozen.scores is None:
        return "When the test scores were first read is not recorded."
    if not frozen.undated:
        return ""
    scores = number_of(frozen.scores, "test score")
    return f"When {frozen.undated:,} of {scores} were first read is not recorded."
