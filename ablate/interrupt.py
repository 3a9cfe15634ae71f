"""Signals that ask a process to end into a call: Ctrl-C, SIGTERM from clusters, SIGHUP from a closed terminal."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
BREATH = 1.0  # seconds in which systems repeat themselves: a closed terminal sends SIGHUP twice, systemd two signals


@contextmanager
def on_stop_signal(handle: Callable[[], None]) -> Iterator[None]:
    """The first of these signals inside the block has `handle` called by a thread; the next raises KeyboardInterrupt.

    A signal that was ignored before stays so, as under nohup and for jobs in the background. What follows the first one
    within a `BREATH` is the same request, unless it is Ctrl-C: a person who types it twice means it. Only the main
    thread may set this; elsewhere, signals are as they were.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: SimpleQueue[bool] = SimpleQueue()
    thread = threading.Thread(target=_call_when, args=(asked, handle), name="stop", daemon=True)
    thread.start()
    before = {number: signal.getsignal(number) for number in SIGNALS}
    taken = [number for number, handler in before.items() if handler not in (signal.SIG_IGN, None)]
    handler = _handler(asked)
    try:
        for number in taken:
            signal.signal(number, handler)
        yield
    finally:
        for number in taken:
            signal.signal(number, before[number])
        asked.put(False)
        thread.join(BREATH)


def _handler(asked: "SimpleQueue[bool]") -> Callable[[int, FrameType | None], None]:
    # It interrupts any line of the main thread, which may hold any lock: nothing is set, shown or written here. To put
    # something into a SimpleQueue is safe.
    first: list[float] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if not first:
            first.append(time.monotonic())
            asked.put(True)
        elif number == signal.SIGINT or time.monotonic() - first[0] > BREATH:
            raise KeyboardInterrupt

    return on_signal


def _call_when(asked: "SimpleQueue[bool]", handle: Callable[[], None]) -> None:
    if asked.get():
        handle()
