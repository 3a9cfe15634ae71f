"""Show the events of a study on a thread of their own, and describe curves and times in a few characters."""

import math
from collections.abc import Sequence
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Protocol, final

from ablate.experiment.events import Event
from ablate.study.trial import Epoch

BARS = "▁▂▃▄▅▆▇█"
MOST_WAITING = 100_000  # events, some 30 MB; beyond that, epochs are dropped while a terminal is stopped


def sparkline(values: Sequence[float]) -> str:
    """The last 20 values of a curve as block characters, scaled to their own range."""
    values = [value for value in values[-20:] if math.isfinite(value)]
    if not values:
        return ""
    low, span = min(values), max(values) - min(values)
    return "".join(BARS[round((value - low) / span * (len(BARS) - 1))] if span else BARS[0] for value in values)


def duration(seconds: float) -> str:
    """Seconds as "4:10", "1:02:03"."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


class Display(Protocol):
    """Shows the events of one run of a study."""

    def __call__(self, event: Event) -> None:
        """Show one event."""
        ...

    def close(self) -> None:
        """Restore the terminal."""
        ...


@final
class Beside:
    """Show events on a thread of its own, so that calls return at once. Any thread may call it."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._events: SimpleQueue[Event | None] = SimpleQueue()
        self._thread = Thread(target=self._show, name="display", daemon=True)
        self._thread.start()

    def __call__(self, event: Event) -> None:
        """Queue the event to be shown in order."""
        if not (isinstance(event, Epoch) and self._events.qsize() >= MOST_WAITING):
            self._events.put(event)

    def close(self) -> None:
        """Wait until every event is shown, then restore the terminal."""
        self._events.put(None)
        self._thread.join()

    def _show(self) -> None:
        is_silent = False
        while (event := self._events.get()) is not None:
            if not is_silent:
                try:
                    self._display(event)
                except Exception:  # a failing display must not end a study
                    is_silent = True
        with suppress(Exception):
            self._display.close()
