"""A study and a hand that kills into what came of it: killed, resumed by the same command, until it is done."""

import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from survival.phases import CLOSING, FREEZING, OPENING, STARTING, Whole, is_preparing, phase_of
from survival.runs import Run, Site, kill, processes
from survival.tables import (
    PLACE_AND_TIME,
    Runs,
    check_rest,
    check_runs,
    check_search,
    compare,
    read_table,
    runs_in_file,
)

Whom: TypeAlias = Literal["parent", "worker", "all"]
MOST_RUNS = 200  # of one study
GRACE = 20.0  # seconds in which the workers of a dead parent must end, TensorFlow's import among them


@dataclass(frozen=True, slots=True)
class Blow:
    """A kill -9 that is meant: so many seconds after a phase has begun."""

    phase: str
    after: float
    whom: Whom


@dataclass(frozen=True, slots=True)
class Kill:
    """A kill -9 that was done."""

    phase: str
    preparing: bool  # while every running trial was in its range test or compiled
    whom: Whom
    seconds: float  # since the run began
    meant: Blow


@dataclass
class Life:
    """What happened to one study until it was done."""

    kills: list[Kill] = field(default_factory=list)
    resumes: list[float] = field(default_factory=list)  # seconds from a command to the first trial that it trains
    lost: Counter[str] = field(default_factory=Counter)  # trial -> how often it was under way when the parent died
    complaints: list[str] = field(default_factory=list)


Draw: TypeAlias = Callable[[Sequence[str]], Blow | None]  # the phases that are left -> the next blow; None: no more


def live(site: Site, whole: Whole, draw: Draw, *, rng: random.Random, patience: float = 300.0) -> Life:
    """Run the study's command again and again until it is done, each run until a blow falls.

    `rng` chooses which of several workers dies. `patience` is what a run may take that no blow ends, in seconds.
    """
    life = Life()
    for n in range(MOST_RUNS):
        settled = site.settled()
        with site.run() as run:
            whom = _blows(run, whole, settled, draw, life, rng)
            try:
                code = run.wait(patience)
            except subprocess.TimeoutExpired:
                life.complaints.append(f"run {n}: hangs in {_phase(run, whole, settled)} after {life.kills[-1:]}")
                return life
        if whom in ("parent", "all") and code != -9:
            life.kills.pop()  # it was over already
        _take(run, site, life, resumed=n > 0)
        if code == 0:
            return life
        if code != -9:
            said = run.errors().strip()[-600:]
            life.complaints.append(f"run {n}: ended by itself with {code} after {life.kills[-1:]}: {said}")
    life.complaints.append(f"not done after {MOST_RUNS} runs")
    return life


def check_life(site: Site, whole: Whole, life: Life, *, without: Sequence[str] = ()) -> list[str]:
    """All that is not as it must be once the study is done; `without` are more columns that need not be equal."""
    said = [*life.complaints, *check_site(site, whole, without=without)]
    if (site.folder / "results.csv").exists():
        attempts = {t: int(row["attempt"]) for t, row in read_table(site.folder / "results.csv").items()}
        said += [
            f"{trial}: lost {n} times and yet attempt {attempts.get(trial)}"
            for trial, n in life.lost.items()
            if attempts.get(trial, 0) <= n
        ]
    return said


def without_times(effects: str) -> str:
    """The table of effects without the column of times."""
    rows = [line.split(",") for line in effects.splitlines()]
    place = rows[0].index("epoch_seconds")
    return "\n".join(",".join([*row[:place], *row[place + 1 :]]) for row in rows)


def check_site(site: Site, whole: Whole, *, without: Sequence[str] = (), store: str | Runs = "mlflow.db") -> list[str]:
    """Whether tables, runs, search and folder are those of an undisturbed study, and nothing runs any more.

    `store`: an SQLite file in the site, or what was read from a server.
    """
    results, epochs = site.folder / "results.csv", site.folder / "epochs.csv"
    if not (results.exists() and epochs.exists() and (site.folder / "effects.csv").exists()):
        return ["there are no tables"]
    ignored = (*PLACE_AND_TIME, *without)
    found, curves = read_table(results), read_table(epochs)
    said = compare(found, whole.results, what="results.csv", without=ignored)
    said += compare(curves, whole.epochs, what="epochs.csv", without=ignored)
    if without_times((site.folder / "effects.csv").read_text()) != without_times(whole.effects):
        said.append("effects.csv is another one")
    stored = runs_in_file(site.root / store) if isinstance(store, str) else store
    said += check_runs(stored, found, curves)
    searched = sum(row["phase"] == "search" for row in whole.results.values())
    if searched:
        said += check_search(site.folder / "search.db", trials=searched)
    return [*said, *check_rest(site.root, site.folder), *_stray(site)]


def _stray(site: Site) -> list[str]:
    """Processes that outlive their study by more than a moment."""
    give_up = time.monotonic() + GRACE
    while (left := processes(site.root)) and time.monotonic() < give_up:
        time.sleep(0.1)
    return [f"{len(left)} processes are still there after {GRACE:.0f} s"] if left else []


def _blows(run: Run, whole: Whole, settled: set[str], draw: Draw, life: Life, rng: random.Random) -> Whom | None:
    """Let blows fall until one ends the run, or it ends by itself; whom the last one hit, None where none fell."""
    last: Whom | None = None
    while blow := draw(_left(run, whole, settled)):
        place = whole.place(blow.phase)

        def reached(place: int = place) -> bool:
            return whole.place(_phase(run, whole, settled)) >= place

        if not run.wait_until(reached):
            break
        run.wait_until(lambda: False, timeout=blow.after)
        done = _strike(run, whole, settled, blow, rng)
        if done is None:
            break
        life.kills.append(done)
        last = done.whom
        if last != "worker":
            break
    return last


def _strike(run: Run, whole: Whole, settled: set[str], blow: Blow, rng: random.Random) -> Kill | None:
    """Kill; where there is no worker to be killed alone, the parent. None where the run is over."""
    workers = run.workers() if blow.whom != "parent" else []
    whom: Whom = "parent" if blow.whom == "worker" and not workers else blow.whom
    if run.process.poll() is not None:
        return None
    phase, preparing = _phase(run, whole, settled), is_preparing(list(run.events))
    seconds = time.monotonic() - run.began
    kill([rng.choice(workers)] if whom == "worker" else [*workers, run.process.pid])
    return Kill(phase, preparing, whom, seconds, blow)


def _take(run: Run, site: Site, life: Life, *, resumed: bool) -> None:
    """What a run that is over has shown."""
    began = [event["trial"] for event in run.seen("trial_began")]
    if resumed and began:
        first = next(n for n, event in enumerate(run.events) if event["event"] == "trial_began")
        life.resumes.append(run.times[first])
    if run.process.returncode == -9:
        over = {event["trial"] for event in run.seen("trial_ended")} | site.settled()
        life.lost.update(set(began) - over)
    if "Traceback" in run.errors():
        life.complaints.append(f"a traceback on the error stream: {run.errors()[-1000:]}")


def _phase(run: Run, whole: Whole, settled: set[str]) -> str:
    return phase_of(list(run.events), whole.parts, settled)


def _left(run: Run, whole: Whole, settled: set[str]) -> list[str]:
    """The phases in which something is left to do in this run."""
    now = whole.place(_phase(run, whole, settled))
    over = settled | {event["trial"] for event in run.seen("trial_ended")}
    parts = {part for trial, part in whole.parts.items() if trial not in over}
    frozen = any(part == "ablation" and trial in over for trial, part in whole.parts.items())
    not_parts = {OPENING, STARTING, CLOSING} if frozen else {OPENING, STARTING, FREEZING, CLOSING}
    return [phase for phase in whole.phases() if whole.place(phase) >= now and phase in parts | not_parts]


def said_by_phase(lives: Sequence[Life], phases: Sequence[str]) -> list[str]:
    """A line a phase: how many kills fell in it, and on whom."""
    kills = [done for life in lives for done in life.kills]
    lines = [f"{'phase':<12} {'kills':>5} {'parent':>7} {'worker':>7} {'all':>5} {'in range tests or compilation':>30}"]
    for phase in phases:
        own = [done for done in kills if done.phase == phase]
        by: Mapping[str, int] = Counter(done.whom for done in own)
        preparing = sum(done.preparing for done in own)
        lines.append(f"{phase:<12} {len(own):5} {by['parent']:7} {by['worker']:7} {by['all']:5} {preparing:30}")
    return lines
