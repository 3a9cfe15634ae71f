"""Read a drawn export as a user does who answers what he is asked."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from bad_tables import check_page
from doors import Defect
from export_truth import ExportExample

from ablate.analysis.imports import ImportOptions
from ablate.errors import AblateError
from ablate.experiment.analyze import ReportPlace, prepare
from ablate.report import build_report
from ablate.report.build import SCORE_OF_GUESSING
from ablate.report.inputs import Inputs, read_inputs
from ablate.report.wording import headline as in_words

MOST_QUESTIONS = 4


@dataclass(frozen=True, slots=True)
class Said:
    """What the user reads, and the tables behind it."""

    notes: str
    headline: str
    inputs: Inputs

    @property
    def everything(self) -> str:
        return f"{self.notes}\n{self.headline}".replace("\N{NO-BREAK SPACE}", " ").lower()


def read_as_a_user(example: ExportExample, folder: Path, questions: list[str], *, page: bool) -> Said:
    """What `ablate analyze` says; questions are answered and kept. Raises `AblateError` where one is left.

    `page`: build the report too, and see that it says the same.
    """
    path = folder / "sweep.csv"
    path.write_bytes(example.content)
    asked = ImportOptions(margin=example.margin)
    for turn in range(MOST_QUESTIONS + 1):
        try:
            made, notes = prepare(
                ReportPlace(str(path), None, "sqlite:///x.db", f"r{turn}", folder / "reports"),
                asked,
                command_line="ablate",
            )
            break
        except AblateError as err:
            questions.append(question(str(err)))
            answered = _answer(str(err), asked, example)
            if answered == asked or turn == MOST_QUESTIONS:
                raise
            asked = answered
    inputs = read_inputs(made)
    headline = []
    if len(inputs.effects):
        headline = in_words(  # as the page has it
            inputs.effects,
            inputs.results,
            title=inputs.title,
            lost_count=inputs.lost_count,
            way_out=SCORE_OF_GUESSING,
            changes=inputs.mode_changes,
            lower_is_better=inputs.metric.label if inputs.metric.direction == "minimize" else "",
            has_seeds=inputs.has_seeds,
        )
    if page or not headline:
        built = build_report(made)
        check_page(built.html)
        if headline and headline != list(built.headline):
            raise Defect("the page has another headline")
        headline = list(built.headline)
    return Said("\n".join(notes), "\n".join(headline), inputs)


def question(message: str) -> str:
    """The kind of a refusal: its first line without what is of this table alone."""
    first = re.sub(r"^\S*sweep\.csv: ", "", message.splitlines()[0])
    return re.sub(r'"[^"]*"|\d[\d,.]*', "…", first)[:80]


def _answer(message: str, asked: ImportOptions, example: ExportExample) -> ImportOptions:
    """What a user who knows his table says to that."""
    truth = example.truth
    if "which column is the score" in message and not asked.score:
        return replace(asked, score=truth.score)
    if "--direction" in message and not asked.direction:
        return replace(asked, direction="maximize" if truth.sign > 0 else "minimize")
    if "--states" in message and not asked.states:
        return replace(
            asked, state=truth.state, states=",".join(f"{word}={kind}" for word, kind in truth.words.items())
        )
    if "--seed" in message and truth.seeds and not asked.seed:
        return replace(asked, seed=",".join(truth.seeds))
    return asked
