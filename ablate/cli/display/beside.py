"""A display into one that cannot hold up or end a study: a thread shows the events, and is silent once that failed.

A terminal may stop taking lines (Ctrl-S, a pager that waits), go away or turn out to be something else, at any moment.
"""

from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Protocol, final

from ablate.experiment.events import Event
from ablate.study.trial import Epoch

MOST_WAITING = 100_000  # events, some 30 MB; of epochs, no more are kept for a terminal that has stopped


class Display(Protocol):
    """Shows the events of one run of a study."""

    def __call__(self, event: Event) -> None:
        """Show one event."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


@final
class Beside:
    """A display that returns at once. It may be called from any thread."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._events: SimpleQueue[Event | None] = SimpleQueue()
        self._thread = Thread(target=self._show, name="display", daemon=True)
        self._thread.start()

    def __call__(self, event: Event) -> None:
        """Have it shown after those before it."""
        if not (isinstance(event, Epoch) and self._events.qsize() >= MOST_WAITING):
            self._events.put(event)

    def close(self) -> None:
        """Wait until all is shown; leave the terminal as it was."""
        self._events.put(None)
        self._thread.join()

    def _show(self) -> None:
        is_silent = False
        while (event := self._events.get()) is not None:
            if not is_silent:
                try:
                    self._display(event)
                except Exception:  # whatever it is, it is no reason to lose a study
                    is_silent = True
        with suppress(Exception):
            self._display.close()
