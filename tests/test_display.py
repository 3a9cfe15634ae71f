import io
import json
from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console

from ablate.ablation import Count
from ablate.closing import Facts
from ablate.display import JsonLines, LiveDisplay, PlainLines, make_display
from ablate.events import Notice, Opened, PartBegan, Stopping, TrialBegan, TrialEnded
from ablate.records import Epoch, Outcome, TrialSpec

FACTORS = {"normalization": "batch", "activation": "elu", "optimizer": "nadam", "learning_rate": "find"}
SEARCH = TrialSpec("search-0014", "search", "", "", "", "", 0, FACTORS)
ABLATION = TrialSpec(
    "ablation-x", "ablation", "normalization=[b]x[/b]", "normalization", "[b]x[/b]", "find", 3, FACTORS
)


@pytest.fixture
def opened(tiny_study, digits) -> Opened:
    facts = Facts(tiny_study, digits, "tiny", "ablate study tiny", 2, 1, "sqlite:///mlflow.db", "2026-11-21T10:30:00")
    return Opened(facts, Path("reports/tiny"), counts={"search": Count(4, 4), "ablation": Count(8, 8)})


def events(opened):
    epoch = Epoch("search-0014", 1, 1.0, 0.4, 1.1, 0.5, 6e-4, 2.0)
    done = Outcome("search-0014", "finished", score=0.512, epochs=7, seconds=3.25, learning_rate=6.1e-4)
    lost = Outcome("ablation-x", "diverged", epochs=2, seconds=1.0, reason="the loss is not finite\nmore")
    return [
        Notice("fetching cifar10"), opened, PartBegan("search", 4, 1, None), TrialBegan(SEARCH), epoch,
        TrialEnded(SEARCH, done), PartBegan("ablation", 8, 0, None), TrialBegan(ABLATION),
        TrialEnded(ABLATION, lost), Stopping(),
    ]  # fmt: skip


def shown(display_of, events, *, width=100, terminal=False) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None)
    with closing(display_of(console)) as display:
        for event in events:
            display(event)
    return console.file.getvalue()


def test_plain_lines_say_what_begins_and_how_it_ends(opened):
    lines = shown(PlainLines, events(opened)).splitlines()
    assert lines == [
        "fetching cifar10",
        "tiny   A tiny MLP on digits",
        f"640 train · 200 validation · 359 test   data {opened.facts.fingerprint()[:8]} from scikit-learn",
        "4 search trials, 8 of the ablation · 2 workers   Ctrl-C stops and saves; the same command resumes",
        "search: 1 of 4 trials were done before",
        "search 2/4  #14  finished  0.5120  7 epochs  3.2 s",
        "ablation 1/8  normalization=[b]x[/b] (find) seed 3  diverged  2 epochs  1.0 s  the loss is not finite",
        "stopping after the running epochs; once more to stop at once",
    ]


@pytest.mark.parametrize("width", [30, 60, 120])
def test_the_live_picture_fits_the_window(opened, width):
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    display = LiveDisplay(console)
    for event in events(opened)[2:5]:
        display._progress.take(event)
    with console.capture() as capture:
        console.print(display._picture())
    lines = capture.get().splitlines()
    assert len(lines) == 2
    assert max(map(len, lines)) <= width
    assert "1/4" in lines[0]
    assert "#14" in lines[1]


def test_the_live_display_prints_what_lasts_and_stops_cleanly(opened):
    text = shown(LiveDisplay, events(opened), terminal=True)
    assert "tiny   A tiny MLP on digits" in text
    assert "best 0.512 (batch · elu · nadam 0.00061)" in text


def test_json_lines_are_one_object_each(opened):
    stream = io.StringIO()
    display = JsonLines(stream)
    for event in events(opened):
        display(event)
    parsed = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in parsed] == [
        "notice", "opened", "part", "trial_began", "epoch", "trial_ended", "part", "trial_began", "trial_ended",
        "stopping",
    ]  # fmt: skip
    assert parsed[5]["score"] == 0.512


def test_a_pipe_gets_plain_lines_a_terminal_the_live_display():
    assert isinstance(make_display(as_json=False, console=Console(file=io.StringIO())), PlainLines)
    assert isinstance(make_display(as_json=False, console=Console(force_terminal=True)), LiveDisplay)
    assert isinstance(make_display(as_json=True, console=Console(force_terminal=True)), JsonLines)
