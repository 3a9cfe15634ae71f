"""Turn what a program prints, or writes into its report file, into the steps of its trial."""

import time
from collections.abc import Iterable, Mapping
from typing import final

from ablate.errors import StudyError
from ablate.text import printable
from ablate.training.command.printed import PrintedNumbers
from ablate.training.command.report_file import VARIABLE, ReportFile
from ablate.training.reported import ReportedTrial
from ablate.training.reported_numbers import is_metric_name

WAIT_SECONDS = 0.1  # for a line in the report file, before a printed line counts: a program may do both
MOST_WAITING = 10_000  # printed numbers
MOST_NAMES = 200  # of one trial's numbers: each is a column of the tables


@final
class ProgramSteps:
    """The steps of a trial. Printed lines count until the program writes into its report file, and none after that.

    Its methods raise `Stopped` where the trial is to end, and `StudyError` for what is no report.
    """

    def __init__(self, trial: ReportedTrial, file: ReportFile) -> None:
        self._trial, self._file = trial, file
        self._numbers = PrintedNumbers()
        self._waiting: list[tuple[str, float]] = []
        self._since = 0.0  # when the first of them was printed
        self._names: set[str] = set()
        self._has_printed = self._has_written = self._has_epochs = False
        self.result: dict[str, object] = {}  # of lines without an epoch after lines with one: no steps

    @property
    def names(self) -> set[str]:
        """The names of all numbers so far."""
        return self._names | set(self.result)

    @property
    def has_written(self) -> bool:
        """Whether the program has written into its report file."""
        return self._has_written

    def printed(self, chunk: bytes) -> None:
        """Take what the program has printed, and what it has written since."""
        if not self._has_written:
            self._wait_with(self._numbers.read(chunk))
        self.look()

    def look(self, *, is_last: bool = False) -> None:
        """Take what the program has written; `is_last`: it has ended by itself."""
        for line in self._file.new_lines(is_last=is_last):
            self._write(line)
        if is_last and not self._has_written:
            self._wait_with(self._numbers.rest())
        is_due = time.monotonic() - self._since > WAIT_SECONDS or len(self._waiting) > MOST_WAITING
        if self._waiting and (is_due or is_last):
            waiting, self._waiting = self._waiting, []
            for name, value in waiting:
                self._has_printed = True
                self._step({name: value}, epoch=None)

    def _wait_with(self, numbers: Iterable[tuple[str, float]]) -> None:
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting += [(name, value) for name, value in numbers if is_metric_name(name)]

    def _write(self, line: Mapping[str, object]) -> None:
        self._has_written, self._waiting = True, []
        values = dict(line)
        epoch = _whole(values.pop("epoch", None))
        if epoch is not None and self._has_printed:
            raise StudyError(
                f"the program prints its numbers, and then writes those of epoch {epoch} to ${VARIABLE}\n"
                f"  keep one of both: print nothing of the form name: number before the first line in ${VARIABLE}"
            )
        if epoch is None and self._has_epochs:
            self.result |= values
            return
        self._has_epochs |= epoch is not None
        self._step(values, epoch=epoch)

    def _step(self, values: Mapping[str, object], *, epoch: int | None) -> None:
        self._names |= set(values)
        if len(self._names) > MOST_NAMES:
            raise StudyError(
                f"the program reports more than {MOST_NAMES} different numbers\n"
                "  print what is no result in another form than name: number"
            )
        self._trial.step(values, epoch=epoch)


def _whole(epoch: object) -> int | None:
    if epoch is None:
        return None
    if isinstance(epoch, bool) or not isinstance(epoch, int | float) or not float(epoch).is_integer():
        said = printable(repr(epoch), 40)
        raise StudyError(f"${VARIABLE}: epoch must be a whole number, got {said}\n  count epochs from 1")
    return int(epoch)
