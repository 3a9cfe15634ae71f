"""What a notebook shows: lasting lines, the current part, at most two drawings a second while trials run."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from ablate.experiment.events import Notice, Opened, PartBegan, Stopping, TrialBegan, TrialEnded
from ablate.experiment.progress import Progress
from ablate.interface.display import picture, suitable
from ablate.interface.display.display import LiveDisplay
from ablate.interface.display.notebook import NotebookDisplay
from ablate.interface.display.progress import Beside
from ablate.plans import TrialCount
from ablate.study.trial import Epoch, Label, Outcome, TrialSpec

SPEC = TrialSpec(
    "t", Label("ablation", variant="<b>bold</b>", mode="find"), 1, {"optimizer": "adam", "learning_rate": "find"}
)


class Shown:
    def __init__(self):
        self.html, self.text, self.n = "", "", 0

    def update(self, html, text):
        self.html, self.text, self.n = html, text, self.n + 1


@pytest.fixture
def clock():
    return SimpleNamespace(now=0.0)


@pytest.fixture
def display(clock):
    shown = Shown()
    made = NotebookDisplay(shown, now=lambda: clock.now)
    return made, shown


def opened(study, digits):
    from ablate.experiment.options import Options, gather_facts

    facts = gather_facts(study, digits, Options(Path("reports"), "", "", workers=1))
    return Opened(facts=facts, folder=Path("reports/tiny"), counts={"ablation": TrialCount(2, 2)})


def test_lines_stay_and_the_current_part_is_drawn_below(display, tiny_study, digits):
    made, shown = display
    made(Notice("downloading once"))
    made(opened(tiny_study, digits))
    made(PartBegan("ablation", 2, 0, None))
    made(TrialBegan(SPEC))
    lines = shown.text.splitlines()
    assert lines[0] == "downloading once"
    assert lines[1].startswith("tiny")
    assert lines[-2].startswith("ablation  ░")
    assert "0/2" in lines[-2]
    assert "preparing: range test and compilation" in lines[-1]
    made(TrialEnded(SPEC, Outcome("t", "finished", score=0.5)))
    assert "1/2" in shown.text
    made.close()
    assert shown.text.splitlines()[-1].startswith("ablation  █")


def test_names_of_the_users_are_no_markup(display):
    made, shown = display
    made(Notice("a [red]level[/red] & <b>one</b>"))
    assert "a [red]level[/red] & <b>one</b>" in shown.text
    assert "<b>" not in shown.html
    assert "&lt;b&gt;" in shown.html
    assert shown.html.startswith("<pre")


def test_epochs_are_drawn_at_most_twice_a_second(display, clock, tiny_study, digits):
    made, shown = display
    made(opened(tiny_study, digits))
    made(PartBegan("ablation", 2, 0, None))
    made(TrialBegan(SPEC))
    before = shown.n
    for epoch in range(1, 101):
        clock.now += 0.01
        made(Epoch("t", epoch, {"val_accuracy": 0.1}, 0.1, 0.01))
    assert shown.n - before in (1, 2)
    made(Stopping())
    assert "stopping after the current epochs" in shown.text


def test_outside_of_a_notebook_the_display_is_that_of_the_command_line():
    assert not suitable.in_notebook()
    display = suitable.suitable_display()
    assert isinstance(display, Beside)
    display.close()
    suitable.show_figures(object)  # nothing to set


def test_in_a_kernel_the_display_is_an_output_of_the_cell(monkeypatch):
    outputs = []

    class Handle:
        def update(self, data, **_):
            outputs.append(data)

    shell = SimpleNamespace(kernel=object())
    fake = SimpleNamespace(get_ipython=lambda: shell, display=lambda *_, **__: Handle())
    monkeypatch.setitem(__import__("sys").modules, "IPython", fake)
    monkeypatch.setitem(__import__("sys").modules, "IPython.display", fake)
    display = suitable.suitable_display()
    display(Notice("hello"))
    display.close()
    assert outputs[-1]["text/plain"].strip() == "hello"
    assert "hello" in outputs[-1]["text/html"]


def test_a_terminal_and_a_notebook_show_the_same_picture():
    from rich.console import Console

    progress = Progress(part="search", trials=10, done=5)
    live = LiveDisplay(Console(width=80))
    live._progress = progress
    assert str(live._picture().renderables[0]) == str(picture.part_line(progress, width=80))
