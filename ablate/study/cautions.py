"""Cautions on a study's data and runs: problems that the scores alone do not show, by kind."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from ablate.study.task import Goal

CautionKind: TypeAlias = Literal[
    "contamination",
    "test_scaling",
    "imbalance",
    "groups",
    "test_gap",
    "initial_weights",
    "identical_runs",
    "equal_seeds",
]
# Every kind that was checked, with a sentence for each finding; empty: checked without a finding.
Cautions: TypeAlias = Mapping[CautionKind, Sequence[str]]
# Text by kind that is no caution but replaces `Question.clear`, which would be false.
Remarks: TypeAlias = Mapping[CautionKind, str]
KINDS: Sequence[CautionKind] = get_args(CautionKind)


@dataclass(frozen=True, slots=True)
class Observations:
    """The findings: cautions, and remarks on kinds without a caution."""

    cautions: Cautions
    remarks: Remarks


@dataclass(frozen=True, slots=True)
class Question:
    """A line of the checklist: its assertion, and the reason given if there is no caution."""

    name: str
    clear: str


QUESTIONS: Mapping[CautionKind, Question] = {
    "contamination": Question(
        "No test example is in the training set",
        "No test example equals a training example (near duplicates were not checked).",
    ),
    "test_scaling": Question(
        "Training and test inputs have the same scale", "Their means agree within 1 SD, their SDs within a factor of 2."
    ),
    "imbalance": Question(
        "No class makes up more than 90 % of the examples", "The largest class is smaller."
    ),
    "groups": Question(
        "No group of examples is on both sides of a split",
        "No repeated, overlapping or successive examples were found (other near duplicates were not checked).",
    ),
    "test_gap": Question(
        "Test scores are close to validation scores", "On average they are not far worse."
    ),  # where the metric is known: `question_of_gap`
    "initial_weights": Question(
        "Each seed starts from different weights",
        "The initial weights of all seeds differ (taking all layers together).",
    ),
    "equal_seeds": Question("Each seed gives a run of its own", "The seeds of every configuration differ."),
    "identical_runs": Question(
        "Every level of a factor changes the runs", "No two levels gave identical runs."
    ),
}  # fmt: skip


def question_of_gap(name: str, *, goal: Goal, unit: str) -> Question:
    """The line on the gap between validation and test in the words of the metric whose values were compared."""
    words = name.replace("_", " ")
    worse = "below" if goal == "maximize" else "above"
    clear = (
        f"On average it is less than 15 points {worse}."
        if unit == "points"
        else "On average it is less than 30 % above, or within 4 SDs over the seeds."
        if goal == "minimize"
        else "On average it is not far below."
    )
    return Question(f"Test {words} is close to validation {words}", clear)


def sentences(cautions: Cautions) -> list[str]:
    """All findings, without full stops, without duplicates, in the order of `KINDS`."""
    seen: Iterable[str] = (text.removesuffix(".") for kind in KINDS for text in cautions.get(kind, ()))
    return list(dict.fromkeys(seen))
