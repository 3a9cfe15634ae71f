"""Track the progress of a study from its events: trials done and running, the best so far, the time left."""

import math
import time
from dataclasses import dataclass, field

from ablate.experiment.events import Event, Opened, PartBegan, Stopping, TrialBegan, TrialEnded, TrialLost
from ablate.study.rate import RATE, rate_of
from ablate.study.trial import ACCURACY, Epoch, Factors, Monitor, TrialSpec

STARTING = 120.0  # seconds in which start-up, range tests and compilation may take longer than the epochs
STATE_WORDS = {"out_of_memory": "out of memory"}


@dataclass(slots=True)
class Running:
    """A running trial, with its validation metric epoch by epoch."""

    spec: TrialSpec
    curve: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Progress:
    """The progress of a study, from the events so far."""

    part: str = ""
    trials: int = 0
    done: int = 0
    before: int = 0  # finished in earlier runs or other studies
    epochs: int = 0
    monitor: Monitor = ACCURACY
    lost: int = 0  # lost attempts, whose trial is tried again
    best: str = ""
    stopping: bool = False
    running: dict[str, Running] = field(default_factory=dict)
    states: dict[str, int] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    _best_score: float = float("-inf")

    def take(self, event: Event) -> None:
        """Update the progress by one event."""
        match event:
            case Opened():
                self.epochs, self.monitor = event.facts.study.training.epochs, event.facts.task.monitor
            case PartBegan():
                self.part, self.trials, self.done, self.before = event.part, event.trials, event.done, event.done
                self.began, self.states, self.running, self.lost = time.monotonic(), {}, {}, 0
                self.best, self._best_score = "", float("-inf")
                if event.best is not None and event.best.score is not None:
                    self.best, self._best_score = self._shown(event.best.score), event.best.score
            case TrialBegan():
                self.running[name_of(event.spec)] = Running(event.spec)
            case Epoch():
                if (name := self.name_of_running(event.trial)) in self.running:
                    self.running[name].curve[event.epoch - 1 :] = [event.metrics.get(self.monitor.name, math.nan)]
            case TrialLost():
                self.running.pop(name_of(event.spec), None)
                self.lost += 1
            case TrialEnded():
                self._end(event)
            case Stopping():
                self.stopping = True

    def name_of_running(self, trial: str) -> str:
        """The display name of a running trial; for any other trial, its own name."""
        return next((name for name, running in self.running.items() if running.spec.trial == trial), trial)

    def counts(self) -> str:
        """Trials of this part that did not finish normally, e.g. "5 pruned, 1 diverged, 2 tried again"."""
        odd = [f"{n} {STATE_WORDS.get(state, state)}" for state, n in self.states.items() if state != "finished"]
        return ", ".join([*odd, f"{self.lost} retried"] if self.lost else odd)

    def seconds_left(self) -> float | None:
        """Estimate from this part's pace so far, if no trial stops early.

        None while the pace is uncertain, and after a stop.
        """
        fresh, elapsed = self.done - self.before, time.monotonic() - self.began
        under_way = sum(min(1.0, len(one.curve) / self.epochs) for one in self.running.values() if self.epochs)
        if self.stopping or self.done >= self.trials or not fresh + under_way or (fresh < 3 and elapsed < STARTING):
            return None
        return elapsed / (fresh + under_way) * max(0.0, self.trials - self.before - fresh - under_way)

    def _shown(self, score: float) -> str:
        """A score as the metric itself, which may be better the lower it is."""
        value = self.monitor.sign * score
        return f"{value:.3f}" if abs(value) < 100 else f"{value:.4g}"

    def _end(self, event: TrialEnded) -> None:
        outcome = event.outcome
        self.running.pop(name_of(event.spec), None)
        self.done += outcome.state != "killed"
        self.before += "/" in outcome.same_as  # "STUDY/TRIAL": reused from another study, says nothing about the pace
        self.trials = max(self.trials, self.done)  # a part may grow while it runs
        self.states[outcome.state] = self.states.get(outcome.state, 0) + 1
        finished = outcome.state == "finished" and event.spec.label.phase == "search"
        if finished and outcome.score is not None and outcome.score > self._best_score:
            self._best_score = outcome.score
            self.best = f"{self._shown(outcome.score)} ({configuration(event.spec.factors, outcome.learning_rate)})"


def name_of(spec: TrialSpec) -> str:
    """A trial's display name: "#14", "normalization=batch seed 3", "normalization=batch at find*0.3162"."""
    label = spec.label
    if label.phase == "search":
        return f"#{label.number}"
    if label.phase == "tune":
        return f"{label.variant} at {spec.factors['learning_rate']}"
    mode = f" ({label.mode})" if label.mode else ""
    return f"{label.variant}{mode} seed {spec.seed}"


def configuration(factors: Factors, rate: float | None) -> str:
    """A configuration in short: "batch · elu · he_normal · nadam 6.1e-4"."""
    levels = [str(level) for name, level in factors.items() if name not in ("optimizer", RATE)]
    if rate is None and RATE in factors:
        rate = rate_of(factors).value
    optimizer = str(factors.get("optimizer", ""))
    last = f"{optimizer} {rate:.2g}".lstrip() if rate is not None else optimizer
    return " · ".join([*levels, last] if last else levels)
