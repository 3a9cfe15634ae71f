import time
from pathlib import Path

import pytest

from ablate.cli.commands.browser import InBrowser, has_screen, open_page
from ablate.experiment.events import Notice, ReportWritten


class Kept:
    def __init__(self):
        self.events, self.closed = [], 0

    def __call__(self, event):
        self.events.append(event)

    def close(self):
        self.closed += 1


def until(is_so) -> bool:
    end = time.monotonic() + 20
    while not is_so() and time.monotonic() < end:
        time.sleep(0.01)
    return is_so()


@pytest.mark.parametrize(
    ("environment", "platform", "has_one"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ""}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"BROWSER": "firefox"}, "linux", True),
        ({}, "darwin", True),
        ({}, "win32", True),
    ],
)
def test_a_session_without_a_screen_has_no_browser(environment, platform, has_one):
    assert has_screen(environment, platform) is has_one


def test_the_first_report_is_opened_and_the_later_ones_are_not(monkeypatch, tmp_path):
    monkeypatch.setenv("DISPLAY", ":0")
    shown, opened = Kept(), []
    display = InBrowser(shown, browse=lambda uri: opened.append(uri) or True)
    events = [Notice("a"), ReportWritten(tmp_path / "report.html"), ReportWritten(tmp_path / "report.html")]
    for event in events:
        display(event)
    assert until(lambda: opened)
    display.close()
    assert opened == [(tmp_path / "report.html").resolve().as_uri()]
    assert shown.events == events
    assert (shown.closed, display.has_tried) == (1, True)


def test_where_there_is_no_browser_one_line_says_where_the_report_is(monkeypatch, tmp_path):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    shown = Kept()
    display = InBrowser(shown)
    display(ReportWritten(tmp_path / "report.html"))
    assert until(lambda: len(shown.events) == 2)
    assert shown.events[1].text == f"there is no browser here to open the report in: it is {tmp_path / 'report.html'}"


def test_a_browser_that_fails_is_none(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":0")

    def broken(_):
        raise OSError("no")

    assert "no browser" in open_page(Path("report.html"), browse=broken)
    assert "no browser" in open_page(Path("report.html"), browse=lambda _: False)
    assert open_page(Path("report.html"), browse=lambda _: True) == ""
