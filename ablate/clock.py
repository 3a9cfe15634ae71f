"""Measure how much time is spent on each part of the work."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Seconds by part; a part inside another counts only for the inner part, so that the parts add up."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began = time.perf_counter()
        self._inner = 0.0

    @contextmanager
    def on(self, part: str) -> Iterator[None]:
        """Count the time inside the block as `part`."""
        began, outer, self._inner = time.perf_counter(), self._inner, 0.0
        try:
            yield
        finally:
            took = time.perf_counter() - began
            self.add(part, took - self._inner)
            self._inner = outer + took

    def add(self, part: str, seconds: float) -> None:
        """Count time that was measured elsewhere as `part`."""
        self.seconds[part] = self.seconds.get(part, 0.0) + seconds

    def total(self) -> float:
        """Seconds since this clock was made."""
        return time.perf_counter() - self._began


def now_ms() -> int:
    """The current time in milliseconds since 1970, as journal and tracker store it."""
    return int(time.time() * 1000)
