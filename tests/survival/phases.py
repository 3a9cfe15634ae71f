"""What a run has said so far into where it is: opening, one of the parts, closing; and an undisturbed run's facts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from survival.runs import Happening, Run, Site
from survival.tables import Table, read_table

OPENING, STARTING, FREEZING, CLOSING = "opening", "starting", "freezing", "closing"


@dataclass(frozen=True)
class Whole:
    """What a study comes to where nothing happens to it."""

    results: Table
    epochs: Table
    effects: str
    parts: Mapping[str, str]  # trial -> the part of the study that it belongs to
    seconds: Mapping[str, float]  # phase -> how long it took

    def phases(self) -> list[str]:
        """All phases in their order."""
        return list(self.seconds)

    def place(self, phase: str) -> int:
        """The number of a phase in the order."""
        return self.phases().index(phase)


def undisturbed(site: Site) -> Whole:
    """Run a study from beginning to end. Raises `AssertionError` where it does not get there."""
    with site.run() as run:
        code = run.wait()
        assert code == 0, f"the undisturbed study ended with {code}: {run.errors()[-2000:]}"
    return Whole(
        results=read_table(site.folder / "results.csv"),
        epochs=read_table(site.folder / "epochs.csv"),
        effects=(site.folder / "effects.csv").read_text(),
        parts=parts_of(run.events),
        seconds=_durations(run),
    )


def parts_of(events: Iterable[Happening]) -> dict[str, str]:
    """Trial -> part of the study, from the events of a whole run."""
    part, parts = "", {}
    for event in events:
        if event["event"] == "part":
            part = event["part"]
        elif event["event"] == "trial_ended":
            parts[event["trial"]] = part
    return parts


def phase_of(events: Sequence[Happening], parts: Mapping[str, str], settled: Iterable[str]) -> str:
    """Where a run is that has said `events`, if the trials `settled` were known before it began."""
    kinds = [event["event"] for event in events]
    if "opened" not in kinds:
        return OPENING
    done = {*settled, *(event["trial"] for event in events if event["event"] == "trial_ended")}
    part = next((event["part"] for event in reversed(events) if event["event"] == "part"), "")
    if any(own == part and trial not in done for trial, own in parts.items()):
        return part if "trial_began" in kinds else STARTING
    order = list(dict.fromkeys(parts.values()))
    if part not in order:
        return CLOSING if part else STARTING  # a part without trials can only be the last one
    following = order[order.index(part) + 1 :]
    if not following:
        return CLOSING
    return FREEZING if following[0] == "ablation" else part


def is_preparing(events: Sequence[Happening]) -> bool:
    """Whether trials run, and none of them has had an epoch: range tests, compilation."""
    running: dict[str, bool] = {}
    for event in events:
        match event["event"]:
            case "trial_began":
                running[event["trial"]] = True
            case "epoch":
                running[event["trial"]] = False
            case "trial_ended":
                running.pop(event["trial"], None)
    return bool(running) and all(running.values())


def _durations(run: Run) -> dict[str, float]:
    """Seconds of each phase of a whole run, in their order."""
    parts = parts_of(run.events)
    seconds: dict[str, float] = {}
    edges = [0.0, *run.times, run.ended]
    for n, (start, end) in enumerate(pairwise(edges)):
        phase = phase_of(run.events[:n], parts, ())
        seconds[phase] = seconds.get(phase, 0.0) + end - start
    return seconds
