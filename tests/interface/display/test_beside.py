import threading
from contextlib import closing

import pytest
from records import epoch_of_classes

from ablate.experiment.events import Notice, Stopping
from ablate.interface.display import progress
from ablate.interface.display.progress import Beside, duration, sparkline

EPOCH = epoch_of_classes("search-0014", 1, 1.0, 0.4, 1.1, 0.5, 6e-4, 2.0)


class Kept:
    """A display that keeps what it is shown, and may do something first."""

    def __init__(self, act=lambda _: None):
        self.events, self.act, self.closed = [], act, 0

    def __call__(self, event):
        self.act(event)
        self.events.append(event)

    def close(self):
        self.closed += 1


def test_everything_is_shown_in_its_order_before_it_is_closed():
    kept = Kept()
    with closing(Beside(kept)) as display:
        for n in range(1000):
            display(Notice(str(n)))
    assert [event.text for event in kept.events] == [str(n) for n in range(1000)]
    assert kept.closed == 1


@pytest.mark.parametrize(
    "error", [OSError(5, "Input/output error"), BrokenPipeError(), ValueError("closed"), KeyError()]
)
def test_a_display_that_fails_is_silent_from_then_on(error):
    def fail(event):
        if event.text == "bad":
            raise error

    kept = Kept(fail)
    with closing(Beside(kept)) as display:
        for text in ("good", "bad", "good"):
            display(Notice(text))
    assert kept.events == [Notice("good")]
    assert kept.closed == 1


def test_a_terminal_that_has_stopped_holds_nothing_up_and_gets_what_matters_later(monkeypatch):
    monkeypatch.setattr(progress, "MOST_WAITING", 10)
    go, began = threading.Event(), threading.Event()

    def wait(_):
        began.set()
        assert go.wait(10)

    kept = Kept(wait)
    display = Beside(kept)
    display(Notice("first"))
    assert began.wait(5)
    for _ in range(50):
        display(EPOCH)
    display(Stopping())
    go.set()
    display.close()
    assert kept.events == [Notice("first"), *[EPOCH] * 10, Stopping()]


def test_curves_and_times_are_a_few_characters():
    assert [duration(s) for s in (0, 9.6, 250, 3723)] == ["0:00", "0:10", "4:10", "1:02:03"]
    assert sparkline([0.0, 0.5, 1.0]) == "▁▅█"
    assert sparkline([0.3, 0.3]) == "▁▁"
