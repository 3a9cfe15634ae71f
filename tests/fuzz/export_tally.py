"""Try many drawn exports and count, tool by tool, what they came to."""

import tempfile
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from export_oracle import Verdicts, judge
from export_tools import TOOLS
from export_truth import ExportExample
from exports import draw_export
from scipy.stats import binom

EXAMPLES = 5_000
A_PAGE = 50  # of so many tables one is made the whole page
NOMINAL, SURE = 0.05, 0.001  # how many tables may call a null factor different, and how sure we are that more do


@dataclass
class ExportTally:
    """What the exports came to."""

    answers: dict[str, Counter[str]] = field(default_factory=lambda: {tool.name: Counter() for tool in TOOLS})
    questions: Counter[str] = field(default_factory=Counter)  # that ended in a refusal
    defects: Counter[str] = field(default_factory=Counter)
    smallest: dict[str, tuple[int, ExportExample, str]] = field(default_factory=dict)  # kind -> of so many bytes
    null_tables: int = 0
    alarmed_tables: int = 0
    sums: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def add(self, example: ExportExample, verdicts: Verdicts) -> None:
        """Count one more."""
        counts = self.answers[example.tool]
        counts["tables"] += 1
        counts["clean"] += example.truth.is_clean
        counts[verdicts.answer] += 1
        counts["asked"] += bool(verdicts.questions)
        counts["clean and refused"] += example.truth.is_clean and verdicts.answer == "refused"
        counts["with defects"] += bool(verdicts.defects)
        if verdicts.answer == "refused":
            self.questions[verdicts.questions[-1]] += 1
        self.null_tables += verdicts.nulls > 0
        self.alarmed_tables += verdicts.false_alarms > 0
        for name in ("nulls", "false_alarms", "effects", "found", "is_compared"):
            self.sums[name] += int(getattr(verdicts, name))
        for kind, told in verdicts.defects.items():
            self.defects[kind] += 1
            kept = self.smallest.get(kind)
            if kept is None or len(example.content) < kept[0]:
                self.smallest[kind] = (len(example.content), example, told)

    @property
    def is_alarmed_too_often(self) -> bool:
        """Whether more tables than one in twenty call a null factor different, beyond chance."""
        return bool(binom.sf(self.alarmed_tables - 1, self.null_tables, NOMINAL) < SURE)

    @property
    def is_flawless(self) -> bool:
        """Whether nothing was said that is not so."""
        return not self.defects and not self.is_alarmed_too_often

    def __str__(self) -> str:
        heads = ("tables", "asked", "accepted", "refused", "clean", "clean and refused", "with defects")
        lines = [f"{'exports of':<24}" + "".join(f"{head:>{max(10, len(head) + 2)}}" for head in heads)]
        for name, counts in self.answers.items():
            lines.append(f"{name:<24}" + "".join(f"{counts[head]:>{max(10, len(head) + 2)},}" for head in heads))
        lines += [f"{count:>6,}  refused: {kind}" for kind, count in self.questions.most_common()]
        lines.append(
            f"null factors called different in {self.alarmed_tables:,} of {self.null_tables:,} tables that tested one"
            f" ({self.sums['false_alarms']:,} of {self.sums['nulls']:,} contrasts)"
            f"{', MORE THAN 5 %' if self.is_alarmed_too_often else ''}; true effects found in {self.sums['found']:,} of"
            f" {self.sums['effects']:,} contrasts; {self.sums['is_compared']:,} tables compared; {self.seconds:.0f} s"
        )
        for kind, count in self.defects.most_common():
            _, example, told = self.smallest[kind]
            lines.append(f"--- {count:,}: {kind}: {example.tool}, draw_export{example.drawn}: {told[:600]}")
        return "\n".join(lines)


def tried_exports(examples: int, *, start: int, first: int = 0) -> ExportTally:
    """Draw and judge so many."""
    tally, begun = ExportTally(), time.perf_counter()
    for number in range(first, first + examples):
        example = draw_export(start, number)
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):
            tally.add(example, judge(example, Path(folder), page=number % A_PAGE == A_PAGE - 1))
    tally.seconds = time.perf_counter() - begun
    return tally
