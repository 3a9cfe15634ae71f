import io
import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from records import epoch_of_classes
from rich.console import Console

from ablate.experiment.events import (
    Notice,
    Opened,
    PartBegan,
    ReportWritten,
    Stopping,
    TrialBegan,
    TrialEnded,
    TrialLost,
)
from ablate.interface.display.display import JsonLines, LiveDisplay, PlainLines, fitting, make_display
from ablate.interface.display.progress import Beside, duration
from ablate.plans import TrialCount
from ablate.storage.facts import Facts
from ablate.storage.provenance import NodeFacts
from ablate.study.trial import Label, Outcome, TrialSpec

FACTORS = {"normalization": "batch", "activation": "elu", "optimizer": "nadam", "learning_rate": "find"}
SEARCH = TrialSpec("search-0014", Label("search", number=14), 0, FACTORS)
ABLATION = TrialSpec(
    "ablation-x", Label("ablation", "normalization=[b]x[/b]", "normalization", "[b]x[/b]", "find"), 3, FACTORS
)


@pytest.fixture
def opened(tiny_study, digits) -> Opened:
    facts = Facts(tiny_study, digits, "tiny", "ablate study tiny", 2, 1, "sqlite:///mlflow.db", "2026-11-21T10:30:00")
    return Opened(facts, Path("reports/tiny"), counts={"search": TrialCount(4, 4), "ablation": TrialCount(8, 8)})


def events(opened):
    epoch = epoch_of_classes("search-0014", 1, 1.0, 0.4, 1.1, 0.5, 6e-4, 2.0)
    done = Outcome("search-0014", "finished", score=0.512, epochs=7, seconds=3.25, learning_rate=6.1e-4)
    lost = Outcome("ablation-x", "diverged", epochs=2, seconds=1.0, reason="the loss is not finite\nmore")
    return [
        Notice("fetching cifar10"), opened, PartBegan("search", 4, 1, None), TrialBegan(SEARCH), epoch,
        TrialEnded(SEARCH, done), PartBegan("ablation", 8, 0, None), TrialBegan(ABLATION),
        TrialLost(ABLATION, "its process died (signal 9)"), TrialBegan(ABLATION),
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
        "4 search trials, 8 ablation trials · 2 workers on TensorFlow   "
        "Ctrl-C stops and saves; the same command resumes",
        "search: 1 of 4 trials were already done",
        "search 2/4  #14  finished  0.5120  7 epochs  3.2 s",
        "normalization=[b]x[/b] (find) seed 3  its process died (signal 9): retrying",
        "ablation 1/8  normalization=[b]x[/b] (find) seed 3  diverged  2 epochs  1.0 s  the loss is not finite",
        "stopping after the current epochs; interrupt again to stop at once",
    ]


def test_the_machines_of_a_cluster_are_counted_and_named_in_json(opened):
    nodes = (NodeFacts(host="a"), NodeFacts(host="b"))
    there = replace(opened, facts=replace(opened.facts, nodes=nodes))
    assert " · 2 workers on TensorFlow, 2 machines   " in shown(PlainLines, [there])
    stream = io.StringIO()
    for event in (there, opened):
        JsonLines(stream)(event)
    told, before = map(json.loads, stream.getvalue().splitlines())
    assert told["machines"] == ["a", "b"]
    assert "machines" not in before


def test_plain_lines_say_once_ahead_how_long_it_takes_then_after_long_silence_and_with_each_trial(opened):
    console = Console(file=io.StringIO(), width=100)
    display, epoch = PlainLines(console), epoch_of_classes("ablation-x", 1, 1.0, 0.4, 1.1, 0.5, 6e-4, 2.0)
    for event in (opened, PartBegan("ablation", 4, 0, None), TrialBegan(ABLATION)):
        display(event)
    display(epoch)  # too early to say anything
    display._progress.began -= 3600
    last = display._progress.epochs
    for n in range(2, last + 1):
        display(replace(epoch, epoch=n))
        if n == last - 1:
            display._last -= 601
    display(TrialEnded(ABLATION, Outcome("ablation-x", "finished", score=0.5, epochs=7, seconds=3600.0)))
    display(TrialBegan(ABLATION))
    display(epoch)
    ahead, again, ended = console.file.getvalue().splitlines()[3:]
    whole, name = 3600 * 4, "ablation 0/4  normalization=[b]x[/b] (find) seed 3"
    assert ahead == f"{name}  epoch 2/{last}  val 0.5000   {duration(whole * last / 2 - 3600)} left"
    assert again == f"{name}  epoch {last}/{last}  val 0.5000   {duration(whole - 3600)} left"
    assert ended.endswith("  finished  0.5000  7 epochs  3600.0 s   3:00:00 left")


def test_a_log_hears_of_a_part_whose_time_cannot_be_told(opened):
    console = Console(file=io.StringIO(), width=100)
    display = PlainLines(console)
    for event in (opened, PartBegan("ablation", 4, 0, None), TrialBegan(ABLATION)):
        display(event)
    display._last -= 601
    display(epoch_of_classes("ablation-x", 1, 1.0, 0.4, 1.1, 0.5, 6e-4, 2.0))
    assert console.file.getvalue().splitlines()[3:] == [
        f"ablation 0/4  normalization=[b]x[/b] (find) seed 3  epoch 1/{display._progress.epochs}  val 0.5000"
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
    for event in (*events(opened), ReportWritten(Path("report.html"))):
        display(event)
    parsed = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in parsed] == [
        "notice", "opened", "part", "trial_began", "epoch", "trial_ended", "part", "trial_began", "trial_lost",
        "trial_began", "trial_ended", "stopping", "report",
    ]  # fmt: skip
    assert parsed[5]["score"] == 0.512
    assert parsed[8] == {
        "event": "trial_lost", "trial": "ablation-x", "variant": "normalization=[b]x[/b]", "seed": 3,
        "reason": "its process died (signal 9)",
    }  # fmt: skip


def test_the_json_line_of_a_study_names_its_objectives_if_it_has_several(opened):
    def first_line(event) -> dict:
        stream = io.StringIO()
        JsonLines(stream)(event)
        return json.loads(stream.getvalue())

    assert "objectives" not in first_line(opened)
    study = opened.facts.study
    search = study.search.model_copy(update={"objectives": ("accuracy", "parameters")})
    facts = replace(opened.facts, study=study.model_copy(update={"search": search}))
    assert first_line(replace(opened, facts=facts))["objectives"] == {"accuracy": "maximize", "parameters": "minimize"}


def test_a_pipe_gets_plain_lines_a_terminal_the_live_display(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(fitting(as_json=False, console=Console(file=io.StringIO())), PlainLines)
    assert isinstance(fitting(as_json=False, console=Console(force_terminal=True)), LiveDisplay)
    assert isinstance(fitting(as_json=True, console=Console(force_terminal=True)), JsonLines)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(fitting(as_json=False, console=Console(force_terminal=True)), PlainLines)


HOSTILE = "\x1b[2J\x07\r\x1b]0;owned\x07\u202e" + "x" * 5000
STEERING = set("\x07\r\u202e")


@pytest.mark.parametrize("terminal", [True, False])
def test_hostile_text_does_not_reach_the_terminal_as_it_is(opened, terminal):
    spec = replace(
        ABLATION,
        label=replace(ABLATION.label, variant=HOSTILE, level=HOSTILE),
        factors={**FACTORS, "activation": HOSTILE},
    )
    best = Outcome("search-0014", "finished", score=0.5, learning_rate=0.1)
    console = Console(file=io.StringIO(), width=100, force_terminal=terminal, color_system=None)
    display = fitting(as_json=False, console=console)
    for event in (
        Notice(HOSTILE), opened, PartBegan("search", 4, 0, None),
        TrialEnded(replace(SEARCH, factors=spec.factors), best), TrialBegan(spec), TrialLost(spec, HOSTILE),
        TrialBegan(spec), TrialEnded(spec, Outcome("ablation-x", "failed", reason=HOSTILE)), TrialBegan(spec),
    ):  # fmt: skip
        display(event)
    if isinstance(display, LiveDisplay):
        console.print(display._picture())
    display.close()
    shown = console.file.getvalue()
    assert r"\x1b[2J\x07\r\x1b]0;owned\x07\u202e" in shown
    assert "owned" in shown
    own = ("\x1b[?25l", "\x1b[?25h", "\x1b[2K", "\x1b[1A", "\r")  # how a live picture is drawn anew
    for sign in own if terminal else ():
        shown = shown.replace(sign, "")
    assert STEERING.isdisjoint(shown)
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) < 500


class Gone(io.StringIO):
    """A terminal that goes away after so many writes."""

    def __init__(self, writes: int):
        super().__init__()
        self.writes = writes

    def write(self, text):
        self.writes -= 1
        if self.writes < 0:
            raise OSError(5, "Input/output error")
        return super().write(text)

    def isatty(self):
        return True


@pytest.mark.parametrize("writes", [0, 1, 3])
@pytest.mark.parametrize("as_json", [True, False])
def test_a_terminal_that_goes_away_ends_nothing(opened, writes, as_json):
    console = Console(file=Gone(writes), width=80, force_terminal=True, color_system=None)
    display = make_display(as_json=as_json, console=console)
    assert isinstance(display, Beside)
    with closing(display):
        for event in events(opened):
            display(event)
    console.print("the answer")  # and what is printed after it


@pytest.mark.parametrize("terminal", [True, False])
def test_a_stream_of_ascii_gets_every_line(opened, terminal):
    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, encoding="ascii"), width=80, force_terminal=terminal)
    with closing(make_display(as_json=False, console=console)) as display:
        for event in events(opened):
            display(event)
    text = raw.getvalue().decode("ascii")
    assert "640 train - 200 validation - 359 test" in text
    assert "its process died (signal 9): retrying" in text


@pytest.mark.parametrize("width", [1, 4, 20])
def test_the_narrowest_window_is_wide_enough(opened, width):
    assert shown(LiveDisplay, events(opened), width=width, terminal=True)
