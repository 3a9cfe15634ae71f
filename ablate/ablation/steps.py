"""Specs into a plan: a list that was known before the start, or what follows step by step from the outcomes."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import TypeAlias, final

from ablate.records import Epoch, Outcome, TrialSpec

Outcomes: TypeAlias = Mapping[str, Outcome]  # of settled trials, by trial
Rule: TypeAlias = Callable[[Outcomes], Iterable[TrialSpec]]  # all that is to be trained as far as the outcomes say


@final
class AblationPlan:
    """Hands out the confirmatory trials that are not known yet; stops none, since each is a result."""

    def __init__(self, specs: Iterable[TrialSpec], *, known: Outcomes) -> None:
        self._waiting = deque(spec for spec in specs if spec.trial not in known)

    def ask(self, n: int) -> Sequence[TrialSpec]:
        """The next `n`."""
        return _taken(self._waiting, n)

    def report(self, _: Epoch) -> bool:
        """Never stops a trial."""
        return True

    def tell(self, _: Outcome) -> None:
        """What to train was decided before the first outcome."""


@final
class SteppedPlan:
    """Hands out what a rule makes of the outcomes so far, each trial once; stops none.

    The rule is a function of the outcomes alone, so a study that was interrupted goes on as it would have. `outcomes`
    are those that were `known` and those told since; an interrupted trial has none, and is asked for in the next run.
    """

    def __init__(self, rule: Rule, *, known: Outcomes) -> None:
        self._rule = rule
        self.outcomes: dict[str, Outcome] = dict(known)
        self._handed_out: set[str] = set()
        self._waiting: deque[TrialSpec] = deque()
        self._is_stale = True

    def ask(self, n: int) -> Sequence[TrialSpec]:
        """Up to `n` of those that can be known by now."""
        if self._is_stale:
            specs, past = self._rule(self.outcomes), self._handed_out | self.outcomes.keys()
            self._waiting, self._is_stale = deque(spec for spec in specs if spec.trial not in past), False
        specs = _taken(self._waiting, n)
        self._handed_out.update(spec.trial for spec in specs)
        return specs

    def report(self, _: Epoch) -> bool:
        """Never stops a trial."""
        return True

    def tell(self, outcome: Outcome) -> None:
        """Take note of what was settled: the rule is asked again before the next trial."""
        if outcome.state != "killed":
            self.outcomes[outcome.trial] = outcome
            self._is_stale = True


def value_of(outcome: Outcome, *, chance: float) -> float:
    """The validation score that a choice is made by: guessing where a trial did not finish."""
    return outcome.score if outcome.state == "finished" and outcome.score is not None else chance


def _taken(waiting: deque[TrialSpec], n: int) -> list[TrialSpec]:
    specs = list(islice(waiting, n))
    for _ in specs:
        waiting.popleft()
    return specs
