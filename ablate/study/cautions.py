"""What a study's data and runs show that nobody would suspect who reads only the scores."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

CautionKind: TypeAlias = Literal[
    "contamination", "test_scaling", "imbalance", "groups", "test_gap", "initial_weights", "identical_runs"
]
# Every kind that was looked for, with a sentence for each thing that was seen; empty: looked for, and nothing seen.
Cautions: TypeAlias = Mapping[CautionKind, Sequence[str]]
# What speaks against no kind of `Cautions` but is to be said in place of `Question.clear`, which would be false.
Remarks: TypeAlias = Mapping[CautionKind, str]
KINDS: Sequence[CautionKind] = get_args(CautionKind)


@dataclass(frozen=True, slots=True)
class Observations:
    """What was looked for: cautions, and remarks on kinds that nothing speaks against."""

    cautions: Cautions
    remarks: Remarks


@dataclass(frozen=True, slots=True)
class Question:
    """A line of the checklist: what it asserts, and the reason where nothing speaks against it."""

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
        "Test accuracy is close to validation accuracy", "On average it is less than 15 points below."
    ),
    "initial_weights": Question(
        "Each seed starts from different weights",
        "The initial weights of all seeds differ (taking all layers together).",
    ),
    "identical_runs": Question(
        "Every level of a factor changes the runs", "No two levels gave identical runs."
    ),
}  # fmt: skip


def sentences(cautions: Cautions) -> list[str]:
    """All that was seen, without full stops, each once, in the order of `KINDS`."""
    seen: Iterable[str] = (text.removesuffix(".") for kind in KINDS for text in cautions.get(kind, ()))
    return list(dict.fromkeys(seen))
