"""Say why a program has no number of the deciding metric: which line it printed instead, and what to print."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from ablate.errors import StudyError
from ablate.text import listed, printable
from ablate.training.command.printed import name_in
from ablate.training.command.report_file import VARIABLE

LONGEST = 80  # letters of a quoted line
_CODES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")  # of a terminal: colours, mostly


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """A line that names the metric."""

    text: str  # as printed
    stream: Literal["stdout", "stderr"]

    @property
    def plain(self) -> str:
        """The line without colours."""
        return _CODES.sub("", self.text).strip()


def missing_metric(
    name: str, *, reported: Collection[str], has_written: bool, stdout: list[str], stderr: list[str]
) -> StudyError:
    """The error of a program that has reported other numbers or none; `has_written`: into its report file.

    `stdout` and `stderr` are the last lines that it printed.
    """
    line = line_with(name, stdout=stdout, stderr=stderr)
    said = [f"it reports {listed(reported)}"] if reported else []
    said += [f"it printed {_fault(line, name, has_written=has_written)}"] if line else []
    found = ", and ".join(said) or "it reports nothing"
    way = f'write {{"{name}": 0.5}}, say, into ${VARIABLE}' if has_written else f'print a line such as "{name}: 0.5"'
    return StudyError(
        f"the program reports no {name}, which [metric] names; {found}\n  {way}, at each step or at the end"
    )


def line_with(name: str, *, stdout: list[str], stderr: list[str]) -> PrintedLine | None:
    """The last line with the metric's name, in capitals or not, and a digit; else the last with the name alone."""
    named = re.compile(rf"(?<![a-z]){re.escape(name).replace('_', '[ _-]?')}(?![a-z])", re.IGNORECASE)
    lines = [PrintedLine(text, "stderr") for text in stderr] + [PrintedLine(text, "stdout") for text in stdout]
    found = [line for line in lines if named.search(line.plain) and not _is_another(line, name)]
    with_digit = [line for line in found if re.search(r"\d", named.sub("", line.plain))]
    chosen = with_digit or found
    return chosen[-1] if chosen else None


def _is_another(line: PrintedLine, name: str) -> bool:
    """Whether a line was read as the number of another metric, such as train_mae."""
    own = name_in(line.text).lower()
    return line.stream == "stdout" and own not in ("", name.lower(), f"val_{name.lower()}")


def _fault(line: PrintedLine, name: str, *, has_written: bool) -> str:
    where = " on stderr" if line.stream == "stderr" else ""
    quoted = f'"{printable(line.plain, LONGEST)}"{where}'
    if not (own := name_in(line.plain)):
        return f'{quoted}, which is not a line "name: number"'
    if own not in (name, f"val_{name}"):
        return f"{quoted}, but the name must be {name}"
    if where:
        return f"{quoted}, but numbers are read from stdout"
    if has_written:
        return f"{quoted}, which does not count since it writes into ${VARIABLE}"
    return f'{quoted} in colour, which is not a plain line "name: number"'
