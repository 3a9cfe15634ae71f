"""Read nasty tables as `ablate analyze` does, and find what their reports say wrongly."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nasty_tables import NastyTable
from report_claims import Claim, Statement, claims, read_report

from ablate.analysis.imports import ImportOptions
from ablate.errors import DataError
from ablate.experiment.analyze import ReportPlace, prepare


@dataclass(frozen=True, slots=True)
class Said:
    """What the user is told about a table: the refusal, or the notes and the page."""

    refusal: str = ""
    notes: Sequence[str] = ()
    page: Sequence[Statement] = ()
    claims: Sequence[Claim] = field(default=())

    @property
    def text(self) -> str:
        """Notes and page, a line each."""
        return "\n".join((*self.notes, *(one.text for one in self.page)))

    @property
    def head(self) -> Sequence[str]:
        """The sentences of the answer at the head of the page."""
        return [one.text for one in self.page if one.section == "answer"]

    @property
    def answer(self) -> str:
        """The head of the page, a line a sentence."""
        return "\n".join(self.head)


def reported(table: NastyTable, folder: Path) -> Said:
    """Write the table, read it and its report."""
    path = folder / "runs.csv"  # a name without a word that is looked for
    path.write_text(table.text)
    place = ReportPlace(str(path), None, "sqlite:///none.db", "", folder / "reports")
    try:
        made, notes = prepare(place, ImportOptions(**table.asked), command_line="ablate analyze")
    except DataError as err:
        return Said(refusal=str(err))
    page = read_report(made)
    return Said(notes=notes, page=page, claims=claims(page))


def faults(table: NastyTable, said: Said) -> list[str]:
    """What is wrong with it, a line each; [] if nothing is."""
    if said.refusal:
        return _of_refusal(table, said.refusal)
    found = [] if table.read else ["is read, though only its owner knows what it means"]
    asserted = [f"{claim.kind} · {claim}" for claim in said.claims]
    found += [f"claims: {claim}" for claim in asserted if _says(table.wrong, claim)]
    found += [f"does not say: {one}" for one in table.said if not _says(one, said.text)]
    found += [f"does not answer: {one}" for one in table.answered if not _says(one, said.answer)]
    found += [f"does not claim: {one}" for one in table.claimed if not any(_says(one, claim) for claim in asserted)]
    if table.never and (shown := re.search(table.never, said.text, re.IGNORECASE)):
        found.append(f"says: {shown[0]}")
    return found


def _of_refusal(table: NastyTable, refusal: str) -> list[str]:
    first = refusal.splitlines()[0]
    if table.refused is None:
        return [f"is refused: {first}"]
    return [] if _says(table.refused, refusal) else [f"is refused for another reason: {first}"]


def _says(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None
