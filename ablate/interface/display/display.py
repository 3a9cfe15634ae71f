"""Show a running study: a live display on a terminal, plain lines in a pipe, JSON for machines."""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import TextIO, cast

from rich.console import Console, Group
from rich.live import Live

from ablate.experiment.events import (
    Event,
    Notice,
    Opened,
    Part,
    PartBegan,
    ReportWritten,
    Stopping,
    TrialBegan,
    TrialCount,
    TrialEnded,
    TrialLost,
)
from ablate.experiment.progress import STATE_WORDS, Progress, name_of
from ablate.interface.display.picture import LONGEST, part_line, picture, time_left
from ablate.interface.display.progress import Beside, Display
from ablate.interface.display.stream import lasting
from ablate.storage.facts import Facts
from ablate.study.backend import NAMES, backend_used
from ablate.study.trial import Epoch, Outcome
from ablate.text import number_of, printable

PARTS: Mapping[Part, str] = {"search": "search", "tune": "tuning", "ablation": "ablation", "path": "path"}
_LONG = ("rate_test", "test_predictions")  # fields of an outcome that are not in its JSON line
WAY_ON = "Ctrl-C stops and saves; the same command resumes"
MOST_SILENT = 600.0  # seconds until a log line on an epoch: a trial that takes hours should not look like a hang


def make_display(*, as_json: bool, console: Console) -> Display:
    """The suitable display, run on a thread: JSON if requested, live on a terminal, plain lines elsewhere."""
    console.file = lasting(console.file)
    return Beside(fitting(as_json=as_json, console=console))


def fitting(*, as_json: bool, console: Console) -> Display:
    """The suitable display, without the thread."""
    if as_json:
        return JsonLines(cast("TextIO", console.file))
    is_live = console.is_terminal and not console.is_dumb_terminal  # a dumb terminal cannot redraw a line
    return LiveDisplay(console) if is_live else PlainLines(console)


class JsonLines:
    """One JSON object per line, each with the key "event"."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: Event) -> None:
        """Write one line."""
        self._stream.write(json.dumps(_as_json(event)) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Do nothing."""


class PlainLines:
    """One line per start and end, and now and then in long trials: for pipes and log files."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress()
        self._foretold = False  # whether the remaining time of this part was printed
        self._last = time.monotonic()  # time of the last output

    def __call__(self, event: Event) -> None:
        """Print the event if it matters to a reader of a log."""
        self._progress.take(event)
        left = time_left(self._progress)
        place = f"{self._progress.part} {self._progress.done}/{self._progress.trials}"
        match event:
            case Notice():
                self._print(event.text)
            case Opened():
                for line in opening(event):
                    self._print(line)
            case PartBegan():
                self._foretold = False
                if event.done:
                    self._print(f"{event.part}: {event.done} of {event.trials} trials were already done")
            case Epoch() if (left and not self._foretold) or time.monotonic() - self._last > MOST_SILENT:
                score = event.metrics.get(self._progress.monitor.name, math.nan)
                epochs = f"epoch {event.epoch}/{self._progress.epochs}  val {score:.4f}"
                self._print(f"{place}  {self._progress.name_of_running(event.trial)}  {epochs}{left}")
                self._foretold = self._foretold or bool(left)
            case TrialEnded():
                said = ended(event.outcome, sign=self._progress.monitor.sign)
                self._print(f"{place}  {name_of(event.spec)}  {said}{left}")
                self._foretold = bool(left)
            case TrialLost():
                self._print(lost(event))
            case Stopping():
                self._print("stopping after the current epochs; interrupt again to stop at once")
            case _:
                pass

    def close(self) -> None:
        """Do nothing."""

    def _print(self, line: str) -> None:
        self._console.print(printable(line, LONGEST), markup=False, emoji=False, highlight=False, soft_wrap=True)
        self._last = time.monotonic()


class LiveDisplay:
    """The current part of the study with its bar and a line per running trial, redrawn in place four times a second."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress()
        self._live = Live(console=console, refresh_per_second=4, transient=True, get_renderable=self._picture)

    def __call__(self, event: Event) -> None:
        """Update the display; lasting messages are printed above it."""
        if isinstance(event, Notice):
            self._print(event.text)
        elif isinstance(event, TrialLost):
            self._print(lost(event))
        elif isinstance(event, Opened):
            for line in opening(event):
                self._print(line)
            self._console.print()
            self._live.start()
        elif isinstance(event, PartBegan) and self._progress.part:
            self._console.print(part_line(self._progress, width=self._console.width))
        self._progress.take(event)

    def close(self) -> None:
        """Remove the live display."""
        self._live.stop()

    def _print(self, line: str) -> None:
        self._console.print(printable(line, LONGEST), markup=False, emoji=False, highlight=False)

    def _picture(self) -> Group:
        return picture(self._progress, width=self._console.width)


def opening(event: Opened, *, way_on: str = WAY_ON) -> list[str]:
    """Lines to print before the first trial; `way_on` says how to stop and to go on."""
    facts = event.facts
    study, data = facts.study, facts.data
    lines = [f"{facts.label}   {study.title}", _examples(facts)]
    if data.stand_in:
        lines.append(
            f"SYNTHETIC DATA: {study.data.name} is not available, so this study uses images that ablate generated."
        )
        lines.append("For meaningful results, put the real .npz into the data folder (--data-dir).")
    lines.append(f"{counted(event.counts)} · {_workers(facts)}   {way_on}")
    return lines


def _examples(facts: Facts) -> str:
    if not facts.study.data.name:
        return f"{facts.study.model.name} brings its own data"
    sizes = facts.sizes()
    examples = f"{sizes.n_train:,} train · {sizes.n_validation:,} validation · {sizes.n_test:,} test"
    return f"{examples}   data {facts.fingerprint()[:8]} from {facts.data.source}"


def _workers(facts: Facts) -> str:
    """How many, and on which backend their networks train."""
    workers, backend = number_of(facts.workers, "worker"), backend_used(facts.study)
    machines = f", {number_of(len(facts.nodes), 'machine')}" if facts.nodes else ""
    return (f"{workers} on {NAMES[backend]}" if backend else workers) + machines


def counted(counts: Mapping[Part, TrialCount]) -> str:
    """Number of trials per part: "24 search trials, 60 to 96 to tune rates, 108 of the ablation"."""
    said = [part_said(part, count) for part, count in counts.items()]
    return ", ".join(said) or "no trials"


def part_said(part: Part, count: TrialCount) -> str:
    """The trials of a part: "1 search trial", "8 to 12 ablation trials"."""
    return f"{count} {PARTS[part]} {'trial' if count.most == 1 else 'trials'}"


def ended(outcome: Outcome, *, sign: int = 1) -> str:
    """How a trial ended, in a few words; its score times `sign` is the metric itself."""
    score = f"  {sign * outcome.score:.4f}" if outcome.score is not None else ""
    same = f"  same as {outcome.same_as}" if outcome.same_as else ""
    why = f"  {outcome.reason.splitlines()[0]}" if outcome.reason else ""
    epochs = f"  {number_of(outcome.epochs, 'epoch')}  {outcome.seconds:.1f} s" if not outcome.same_as else ""
    return f"{STATE_WORDS.get(outcome.state, outcome.state)}{score}{epochs}{same}{why}"


def lost(event: TrialLost) -> str:
    """That an attempt was lost without a result, and what happens next."""
    return f"{name_of(event.spec)}  {event.reason}: retrying"


def _as_json(event: Event) -> dict[str, object]:
    match event:
        case Notice():
            return {"event": "notice", "text": event.text}
        case Opened():
            facts = event.facts
            trials = {part: [count.least, count.most] for part, count in event.counts.items()}
            objectives = {one.name: one.goal for one in facts.objectives}
            return {
                "event": "opened",
                "study": facts.label,
                "folder": str(event.folder),
                "data": facts.data_as_json(),
                "trials": trials,
                "workers": facts.workers,
                "backend": backend_used(facts.study),
                **({"machines": [node.host for node in facts.nodes]} if facts.nodes else {}),
                **({"objectives": objectives} if objectives else {}),
            }
        case PartBegan():
            return {"event": "part", "part": event.part, "trials": event.trials, "done": event.done}
        case TrialBegan():
            return {"event": "trial_began", **event.spec.to_json()}
        case Epoch():
            return {"event": "epoch", **asdict(event)}
        case TrialEnded():
            outcome = {name: value for name, value in event.outcome.to_json().items() if name not in _LONG}
            return {"event": "trial_ended", "variant": event.spec.label.variant, "seed": event.spec.seed, **outcome}
        case TrialLost():
            spec = event.spec
            named = {"trial": spec.trial, "variant": spec.label.variant, "seed": spec.seed}
            return {"event": "trial_lost", **named, "reason": event.reason}
        case Stopping():
            return {"event": "stopping"}
        case ReportWritten():
            return {"event": "report", "report": str(event.path)}
