"""Show a running study in a notebook: one output below the cell, drawn anew at most twice a second."""

import time
from collections.abc import Callable
from io import StringIO
from typing import Protocol, final

from rich.console import Console, Group
from rich.text import Text

from ablate.experiment.events import Event, Notice, Opened, PartBegan, TrialLost
from ablate.experiment.progress import Progress
from ablate.interface.display.display import lost, opening
from ablate.interface.display.picture import LONGEST, part_line, picture
from ablate.study.trial import Epoch
from ablate.text import printable

WIDTH = 110  # characters
WAY_ON = "Interrupt stops and saves; the same cell resumes"
BETWEEN = 0.5  # seconds between two drawings while trials run
_PRE = '<pre style="white-space: pre; overflow-x: auto; line-height: 1.4; font-family: monospace">{code}</pre>'


class Output(Protocol):
    """An output below the cell that can be drawn anew."""

    def update(self, html: str, text: str) -> None:
        """Show this instead of what was shown."""
        ...


@final
class NotebookDisplay:
    """The messages and finished parts of a study, and below them the current part with a line per running trial."""

    def __init__(self, output: Output, *, now: Callable[[], float] = time.monotonic) -> None:
        self._output, self._now = output, now
        self._progress = Progress()
        self._lines: list[Text] = []
        self._is_running, self._last = False, -BETWEEN

    def __call__(self, event: Event) -> None:
        """Update the output."""
        match event:
            case Notice():
                self._add(event.text)
            case TrialLost():
                self._add(lost(event))
            case Opened():
                self._is_running = True
                for line in opening(event, way_on=WAY_ON):
                    self._add(line)
            case PartBegan() if self._progress.part:
                self._lines.append(part_line(self._progress, width=WIDTH))
        self._progress.take(event)
        if not isinstance(event, Epoch) or self._now() - self._last >= BETWEEN:
            self._draw()

    def close(self) -> None:
        """Leave the last part as it ended."""
        if self._progress.part:
            self._lines.append(part_line(self._progress, width=WIDTH))
        self._is_running = False
        self._draw()

    def _add(self, line: str) -> None:
        self._lines.append(Text(printable(line, LONGEST)))

    def _draw(self) -> None:
        self._last = self._now()
        console = Console(file=StringIO(), record=True, width=WIDTH, force_jupyter=False, force_terminal=False)
        console.print(Group(*self._lines, *([picture(self._progress, width=WIDTH)] if self._is_running else [])))
        html = console.export_html(inline_styles=True, code_format=_PRE, clear=False)
        self._output.update(html, console.export_text())
