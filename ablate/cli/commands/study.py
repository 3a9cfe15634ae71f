"""`ablate study`: run a study and print its result."""

import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from ablate.cli.commands import DONE, INTERRUPTED, UNFINISHED
from ablate.cli.commands.browser import InBrowser, open_page
from ablate.experiment.options import Options
from ablate.experiment.run_study import Finished
from ablate.interface.display.display import make_display
from ablate.interface.display.progress import duration
from ablate.interface.display.stream import say
from ablate.interface.running import nothing_finished, run_shown
from ablate.interface.study import Study
from ablate.tracking import DEFAULT_URI, shown_uri

TRAINED = ("train", "evaluate")  # the productive parts of the wall time


@dataclass(frozen=True, slots=True)
class StudyArguments:
    """Which study to run, and how to display it."""

    name: str
    overrides: tuple[str, ...]
    quick: bool
    as_json: bool
    opens: bool = False  # the report, in the browser

    def study(self) -> Study:
        """Load the study."""
        return Study.read(self.name, overrides=self.overrides, quick=self.quick)


def run(chosen: StudyArguments, options: Options) -> int:
    """Run the study, print its result, and return the exit code."""
    study, console = chosen.study(), Console(highlight=False)
    display = make_display(as_json=chosen.as_json, console=console)
    browser = InBrowser(display) if chosen.opens else None
    finished = run_shown(study.settings, options, browser or display)
    if chosen.as_json:
        print(json.dumps(_as_json(finished)), file=console.file, flush=True)
    else:
        say(console, answer(finished), soft_wrap=not console.is_terminal)
    if browser is not None and not browser.has_tried:  # nothing was left to train
        why = open_page(finished.report.html)
        say(console, [why] if why and not chosen.as_json else [], soft_wrap=True)
    if finished.ending.interrupted:
        return INTERRUPTED
    return DONE if finished.ending.complete and not nothing_finished(finished.states) else UNFINISHED


def answer(finished: Finished) -> list[str]:
    """The answer in words, the paths of the results, and the cost."""
    facts, ending, folder = finished.facts, finished.ending, finished.folder
    lines = ["", *finished.report.headline]
    lines += [f"Note: {note}." for note in finished.notes]
    if facts.data.stand_in:
        lines.append("SYNTHETIC DATA: these numbers describe images that ablate generated itself.")
    if finished.set_aside:
        lines.append(f"the old results are in {finished.set_aside}")
    if finished.missing_runs:
        lines.append(
            f"MLflow lacks {finished.missing_runs} of the study's runs ({finished.tracker_failure}); "
            "results.csv has them; when the store answers, run the same command to write them"
        )
    lines += [
        f"report   {_short(finished.report.html)}",
        f"table    {_short(folder.results)}",
        f"runs     {_ui_command(facts.tracking_uri)}",
        *([f"model    {_short(finished.model)}"] if finished.model else []),
        cost(ending.seconds, states=finished.states),
    ]
    if nothing := nothing_finished(finished.states):
        lines.append(f"{nothing} Their reasons are in {_short(folder.results)}.")
    if ending.interrupted:
        lines.append("Interrupted and saved: run the same command to resume.")
    if ending.gave_up:
        lines += [f"Gave up: {ending.gave_up}", "Fix this, then run the same command with --retry to resume."]
    return lines


def cost(seconds: Mapping[str, float], *, states: dict[str, int]) -> str:
    """The last line: wall time and its parts, in percent."""
    total = max(seconds["total"], 1e-9)
    shares = {
        "training": sum(seconds.get(part, 0.0) for part in TRAINED) / total,
        **({"pretraining": seconds["pretrain"] / total} if seconds.get("pretrain") else {}),
        "compiling": seconds.get("compile", 0.0) / total,
        "range tests": seconds.get("lr_test", 0.0) / total,
        "tracking": seconds.get("track_wait", 0.0) / total,  # only waiting: the tracker's own thread runs in parallel
    }
    parts = [f"{name} {_percent(share)}" for name, share in shares.items()]
    trials = ", ".join(f"{n} {state.replace('_', ' ')}" for state, n in states.items())
    return f"{duration(total)}: {', '.join(parts)}, the rest {_percent(1 - sum(shares.values()))}   trials: {trials}"


def _percent(share: float) -> str:
    percent = 100 * max(0.0, share)
    return f"{percent:.1f} %" if percent < 2 else f"{percent:.0f} %"


def _short(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _ui_command(uri: str) -> str:
    if uri == DEFAULT_URI:
        return "ablate ui"
    return shown_uri(uri) if uri.startswith("http") else f"ablate ui --tracking-uri {shlex.quote(shown_uri(uri))}"


def _as_json(finished: Finished) -> dict[str, object]:
    return {
        "event": "closed",
        "study": finished.facts.label,
        "headline": list(finished.report.headline),
        "report": os.fspath(finished.report.html),
        "results": os.fspath(finished.folder.results),
        "model": os.fspath(finished.model) if finished.model else "",
        "complete": finished.ending.complete,
        "failure": nothing_finished(finished.states),
        "interrupted": finished.ending.interrupted,
        "seconds": dict(finished.ending.seconds),
        "states": finished.states,
    }
