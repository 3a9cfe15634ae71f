"""Collect what a user's function or program reports into the epochs and the outcome of its trial."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import SupportsFloat, SupportsInt, final

from ablate.errors import Stopped, StudyError
from ablate.study.rate import RATE
from ablate.study.task import Task
from ablate.study.trial import PARTS, Epoch, FailedState, Outcome, TrialSpec, is_metric
from ablate.text import listed, printable

MOST_STEPS = 10_000  # of a trial: each is a line of a table and a question to the plan
PARAMETERS = "parameters"  # a result of this name is the number of parameters, not a metric
_RESERVED = ("trial", "epoch", "seconds")  # columns of the table of epochs


def column_of(name: str) -> str:
    """The column of a reported name: that of validation examples, unless it begins with "train_" or "test_"."""
    return name if is_metric(name) else f"val_{name}"


def checked(values: Mapping[str, object], *, what: str) -> dict[str, float]:
    """The numbers by column. Raises `StudyError` for a name or a value that is none; `what` is their source."""
    found = {}
    for name, value in values.items():
        if not isinstance(name, str) or not is_metric_name(name):
            raise StudyError(f"{what}: {printable(repr(name), 60)} cannot be the name of a metric\n  rename it")
        found[name if name in (RATE, PARAMETERS) else column_of(name)] = _number(value, f"{what}: {name}")
    return found


def is_metric_name(name: str) -> bool:
    """Whether a number may be reported under a name."""
    return name.isidentifier() and name not in (*_RESERVED, *PARTS)


def _number(value: object, what: str) -> float:
    if isinstance(value, SupportsFloat) and not isinstance(value, str):
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError):  # an array of several numbers
            pass
    kind = type(value).__name__
    raise StudyError(f"{what} must be a number, got {printable(repr(value), 60)} ({kind})\n  convert it with float(…)")


@final
class ReportedTrial:
    """A trial whose numbers are reported from outside, step by step and at its end.

    `send` passes an epoch on and returns whether the trial goes on. Metrics of the test set that come although the
    spec does not allow them are thrown away, and named in the outcome.
    """

    def __init__(self, spec: TrialSpec, task: Task, send: Callable[[Epoch], bool], *, who: str) -> None:
        self.spec, self._task, self._send, self._who = spec, task, send, who
        self._decides = task.monitor.name
        self._waiting: dict[str, float] = {}  # since the last step
        self._last: dict[str, float] = {}  # the last value of each name
        self._best: tuple[float, int] | None = None  # score and number of the best epoch
        self._discarded: dict[str, None] = {}
        self._shift = 0  # 1 where the trial counts its epochs from 0
        self._steps = 0
        self._number = 0
        self._since = time.perf_counter()
        rate = spec.factors.get(RATE)
        self._rate = float(rate) if isinstance(rate, int | float) else math.nan
        self._state: Outcome | None = None  # once it is pruned or diverged

    def step(self, values: Mapping[str, object], *, epoch: int | None = None) -> None:
        """Take numbers; those with the deciding metric make an epoch. Raises `Stopped` where the trial ends with it."""
        if self._state is not None:  # the function went on after it was stopped
            raise Stopped
        found = self._allowed(checked(values, what=f"{self._who} reports"))
        self._rate = found.pop(RATE, self._rate)
        self._waiting |= found
        self._last |= found
        if self._decides in self._waiting:
            self._take(self._next(epoch))

    def ended(self, result: object) -> Outcome:
        """The outcome of a trial that ended by itself with a `result`: None, a number, or numbers by name.

        Raises `StudyError` if neither the result nor a report had the deciding metric.
        """
        if self._state is not None:
            return self._finished(self._state)
        final = self._allowed(self._result(result))
        self._last |= final
        if self._decides not in self._last:
            got = listed(name.removeprefix("val_") for name in self._last) if self._last else "nothing"
            name = self._task.decides
            raise StudyError(
                f"{self._who} reports no {name}, which [metric] names; it reports {got}\n"
                f'  report {name} at each step, or return a number or {{"{name}": …}}'
            )
        value = self._last[self._decides]
        if not math.isfinite(value):
            return self._finished(self._lost(f"its {self._task.decides} is {value}"))
        return self._finished(Outcome(self.spec.trial, "finished"))

    def stopped(self) -> Outcome:
        """The outcome of a trial that ended because `step` raised `Stopped`."""
        assert self._state is not None
        return self._finished(self._state)

    def failed(self, state: FailedState, reason: str, trace: str) -> Outcome:
        """The outcome of a trial whose code failed."""
        outcome = Outcome(self.spec.trial, state, epochs=self._number, reason=reason, traceback=trace)
        return replace(outcome, discarded=tuple(self._discarded))

    @property
    def is_stopped(self) -> bool:
        """Whether it was pruned, or has diverged."""
        return self._state is not None

    def _result(self, result: object) -> dict[str, float]:
        if result is None:
            return {}
        values = result if isinstance(result, Mapping) else {self._task.decides: result}
        return checked(values, what=f"{self._who} returns")

    def _allowed(self, values: dict[str, float]) -> dict[str, float]:
        if self.spec.may_test():
            return values
        kept = {name: value for name, value in values.items() if not name.startswith("test_")}
        self._discarded |= dict.fromkeys(name for name in values if name not in kept)
        return kept

    def _next(self, epoch: int | None) -> int:
        if epoch is None:
            return self._number + 1
        if isinstance(epoch, bool) or not isinstance(epoch, SupportsInt) or int(epoch) != epoch:
            raise StudyError(f"{self._who} reports the epoch {printable(repr(epoch), 40)}\n  count epochs from 1")
        if not self._number and int(epoch) == 0:
            self._shift = 1
        number = int(epoch) + self._shift
        if number <= self._number:
            rule = f"reports epoch {int(epoch)} after epoch {self._number - self._shift}"
            raise StudyError(f"{self._who} {rule}\n  epochs must increase; leave epoch out to have them counted")
        return number

    def _take(self, number: int) -> None:
        """Pass an epoch on; raises `Stopped` where the trial ends with it."""
        self._number, value = number, self._waiting[self._decides]
        if not math.isfinite(value):
            self._state = self._lost(f"its {self._task.decides} is {value} in epoch {number}")
            raise Stopped
        now = time.perf_counter()
        metrics = {name: value for name, value in self._waiting.items() if is_epochs(name, value)}
        epoch = Epoch(self.spec.trial, number, metrics, self._rate, now - self._since)
        self._waiting, self._since, self._steps = {}, now, self._steps + 1
        score = self._task.metric.sign * value
        if self._best is None or score > self._best[0]:
            self._best = score, number
        if self._steps <= MOST_STEPS and not self._send(epoch):
            self._state = Outcome(self.spec.trial, "pruned", reason=f"stopped after epoch {number}")
            raise Stopped

    def _lost(self, reason: str) -> Outcome:
        return Outcome(self.spec.trial, "diverged", reason=reason)

    def _finished(self, outcome: Outcome) -> Outcome:
        """The outcome with the numbers so far; a diverged trial has no score."""
        value = self._last.get(self._decides, math.nan)
        has_score = outcome.state != "diverged" and math.isfinite(value)
        parameters = self._last.get(PARAMETERS, math.nan)
        return replace(
            outcome,
            score=self._task.metric.sign * value if has_score else None,
            best_epoch=self._best[1] if self._best and has_score else None,
            epochs=self._number,
            metrics={name: value for name, value in self._last.items() if is_results(name, value)} if has_score else {},
            learning_rate=self._rate if math.isfinite(self._rate) else None,
            parameters=int(parameters) if math.isfinite(parameters) else None,
            notes=tuple(self._notes()),
            discarded=tuple(self._discarded),
        )

    def _notes(self) -> list[str]:
        if self._steps <= MOST_STEPS:
            return []
        return [f"it reported {self._steps:,} steps, of which the first {MOST_STEPS:,} are recorded"]


def is_epochs(name: str, value: float) -> bool:
    """Whether a reported number belongs in the table of epochs."""
    return name.startswith(("train_", "val_")) and math.isfinite(value)


def is_results(name: str, value: float) -> bool:
    """Whether a reported number belongs in the results table."""
    return name.startswith(("val_", "test_")) and math.isfinite(value)
