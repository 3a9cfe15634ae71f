"""Collect what a user's function or program reports into the epochs and the outcome of its trial."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import SupportsInt, final

from ablate.errors import Stopped, StudyError
from ablate.study.rate import RATE
from ablate.study.task import Task
from ablate.study.trial import PARTS, Epoch, FailedState, Outcome, TrialSpec, is_of_test
from ablate.text import listed, printable
from ablate.training.reported_numbers import PARAMETERS, checked

MOST_STEPS = 10_000  # of a trial: each is a line of a table and a question to the plan
LARGEST = 1e100  # tables take larger numbers for missing ones: their squares are infinite
POINTS = "points"  # the unit of shares of 1


@final
class ReportedTrial:
    """A trial whose numbers are reported from outside, step by step and at its end.

    `send` passes an epoch on and returns whether the trial goes on. Metrics of the test set that come although the
    spec does not allow them are thrown away, and named in the outcome.
    """

    def __init__(self, spec: TrialSpec, task: Task, send: Callable[[Epoch], bool], *, who: str) -> None:
        self.spec, self._task, self._send, self._who = spec, task, send, who
        self._decides = task.monitor.name
        self._shares = {f"{part}_{one.name}": one.name for one in task.metrics if one.unit == POINTS for part in PARTS}
        self._waiting: dict[str, float] = {}  # since the last step
        self._last: dict[str, float] = {}  # the last value of each name
        self._best: tuple[float, int] | None = None  # score and number of the best epoch
        self._written: dict[str, str] = {}  # column -> the name as reported
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
        found = self._known(values, what=f"{self._who} reports")
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
        values = result if isinstance(result, Mapping) else {} if result is None else {self._task.decides: result}
        self._last |= self._known(values, what=f"{self._who} returns")
        if self._decides not in self._last:
            got = listed(self._written[name] for name in self._last) if self._last else "nothing"
            name = self._task.decides
            raise StudyError(
                f"{self._who} reports no {name}, which [metric] names; it reports {got}; "
                f'report {name} at each step, or return a number or {{"{name}": …}}'
            )
        value = self._last[self._decides]
        if not _is_usable(value):
            return self._finished(self._lost(f"its {self._task.decides} is {value:g}"))
        return self._finished(Outcome(self.spec.trial, "finished"))

    def stopped(self) -> Outcome:
        """The outcome of a trial that ended because `step` raised `Stopped`. Raises `StudyError` if it did not."""
        if self._state is None:
            raise StudyError(f"{self._who} raised Stopped, though nothing stopped it; return instead")
        return self._finished(self._state)

    def failed(self, state: FailedState, reason: str, trace: str) -> Outcome:
        """The outcome of a trial whose code failed."""
        outcome = Outcome(self.spec.trial, state, epochs=self._number, reason=reason, traceback=trace)
        return replace(outcome, discarded=tuple(self._discarded))

    @property
    def is_stopped(self) -> bool:
        """Whether it was pruned, or has diverged."""
        return self._state is not None

    def _known(self, values: Mapping[str, object], *, what: str) -> dict[str, float]:
        """The numbers by column that count for this trial, without the learning rate, which is noted."""
        found = checked(values, what=what)
        self._written |= dict(zip(found, map(str, values), strict=True))
        self._rate = found.pop(RATE, self._rate)
        for column, value in found.items():
            if column in self._shares and _is_usable(value) and not 0 <= value <= 1:
                name = self._shares[column]
                raise StudyError(
                    f"{what}: {name} is {value:g}, but it is shown in points, as a share of 1; "
                    f'divide it by 100, or write unit = "%" in [metric] where that names {name}'
                )
        return self._allowed(found)

    def _allowed(self, values: dict[str, float]) -> dict[str, float]:
        """The numbers without scores of the test set that come too early, or under a name that hides them."""
        may = self.spec.may_test()
        kept = {one: value for one, value in values.items() if not is_of_test(one) or (may and one.startswith("test_"))}
        self._discarded |= dict.fromkeys(self._written[one] for one in values if one not in kept)
        return kept

    def _next(self, epoch: int | None) -> int:
        if epoch is None:
            return self._number + 1
        if isinstance(epoch, bool) or not isinstance(epoch, SupportsInt) or int(epoch) != epoch:
            raise StudyError(f"{self._who} reports the epoch {printable(repr(epoch), 40)}; count epochs from 1")
        if not self._number and int(epoch) == 0:
            self._shift = 1
        number = int(epoch) + self._shift
        if number <= self._number:
            rule = f"reports epoch {int(epoch)} after epoch {self._number - self._shift}"
            raise StudyError(f"{self._who} {rule}; epochs must increase: leave epoch out to have them counted")
        return number

    def _take(self, number: int) -> None:
        """Pass an epoch on; raises `Stopped` where the trial ends with it."""
        self._number, value = number, self._waiting[self._decides]
        if not _is_usable(value):
            self._state = self._lost(f"its {self._task.decides} is {value:g} in epoch {number}")
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
        has_score = outcome.state != "diverged" and _is_usable(value)
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
    return name.startswith(("train_", "val_")) and _is_usable(value)


def is_results(name: str, value: float) -> bool:
    """Whether a reported number belongs in the results table."""
    return name.startswith(("val_", "test_")) and _is_usable(value)


def _is_usable(value: float) -> bool:
    return math.isfinite(value) and abs(value) <= LARGEST
