"""Put the failure of a program into words: how it ended, and what it said last."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.errors import one_line
from ablate.text import printable_lines
from ablate.training.command.kept_output import LastBytes
from ablate.training.command.supervised import ProgramEnd
from ablate.training.trial_error import TrialError

if TYPE_CHECKING:
    from ablate.study.trial import FailedState

MOST_LINES, LONGEST = 100, 300  # of the output in a trace
# How errors begin in Python, R, Julia, Rust and the shell's programs.
_ERROR = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Za-z_]*(?:Error|Exception|Interrupt|Exit)\b(?: in .*|:.*)?|[Ee]rror\b.*")
_EMPTY = re.compile(r"\W*|Execution halted|Killed|Aborted.*|Terminated|\w+ *: *[-+.\w]*\d")  # the last: a result
_SHORT = re.compile(
    r"out of memory|OutOfMemory|MemoryError|RESOURCE_EXHAUSTED|std::bad_alloc|[Cc]annot allocate (?:vector|memory)"
)


@dataclass(frozen=True, slots=True)
class LastWords:
    """What a program was, and the end of what it printed."""

    words: Sequence[str]
    errors: LastBytes
    output: LastBytes
    file: Path  # with all that it printed

    def lines(self) -> list[str]:
        """The last lines of stderr; of stdout where it printed none there."""
        return self.errors.lines(MOST_LINES) or self.output.lines(MOST_LINES)

    def trace(self, what: str) -> str:
        """The command line, what happened, and these lines, as the trace of a trial."""
        shown = "".join(f"{line[:LONGEST]}\n" for line in self.lines())
        where = f"Its output is in {self.file}" + (":" if shown else ".")
        return printable_lines(f"$ {shlex.join(self.words)}\n{what}\n{where}\n{shown}")


def failure_of(end: ProgramEnd, *, said: LastWords) -> TrialError:
    """The error of a trial whose program ended otherwise than with exit code 0."""
    error = last_error(said.errors.lines(MOST_LINES) if end.signal is not None else said.lines())
    reason = one_line(f"{end.in_words()}: {error}" if error else end.in_words())
    state: FailedState = "out_of_memory" if _SHORT.search(error) else "failed"
    return TrialError(state, reason, said.trace(end.in_words()))


def last_error(lines: Sequence[str]) -> str:
    """The last line that names an error, with the one below where it ends in a colon; else the last with words."""
    for number in reversed(range(len(lines))):
        if _ERROR.fullmatch(lines[number].strip()):
            goes_on = lines[number].rstrip().endswith(":") and number + 1 < len(lines)
            return " ".join([lines[number].strip(), *([lines[number + 1].strip()] if goes_on else [])])
    return next((line.strip() for line in reversed(lines) if not _EMPTY.fullmatch(line.strip())), "")
