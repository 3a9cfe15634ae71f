"""Hand out trials step by step: a plan that follows a rule, and the rule that adds seeds to undecided comparisons."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from typing import TypeAlias, final

from ablate.plans.cells import Cell, replicates, to_specs
from ablate.study.trial import Epoch, Outcome, TrialSpec

Outcomes: TypeAlias = Mapping[str, Outcome]  # of settled trials, by trial
Rule: TypeAlias = Callable[[Outcomes], Iterable[TrialSpec]]  # all trials to train, given the outcomes so far
Undecided: TypeAlias = Callable[[int], AbstractSet[tuple[str, str]]]  # look, from 1 -> (variant, mode) still undecided


@final
class SteppedPlan:
    """Hands out the trials that a rule derives from the outcomes so far, each trial once; stops none.

    The rule is a function of the outcomes alone, so that an interrupted study continues as it would have. `outcomes`
    are the `known` ones and those told since; an interrupted trial has none, and is asked for in the next run.
    """

    def __init__(self, rule: Rule, *, known: Outcomes) -> None:
        self._rule = rule
        self.outcomes: dict[str, Outcome] = dict(known)
        self._handed_out: set[str] = set()
        self._waiting: deque[TrialSpec] = deque()
        self._is_stale = True

    def ask(self, n: int) -> Sequence[TrialSpec]:
        """Up to `n` of the trials that are known by now."""
        if self._is_stale:
            specs, past = self._rule(self.outcomes), self._handed_out | self.outcomes.keys()
            self._waiting, self._is_stale = deque(spec for spec in specs if spec.trial not in past), False
        specs = [self._waiting.popleft() for _ in range(min(n, len(self._waiting)))]
        self._handed_out.update(spec.trial for spec in specs)
        return specs

    def report(self, _: Epoch) -> bool:
        """Never stop a trial."""
        return True

    def tell(self, outcome: Outcome) -> None:
        """Take note of a settled trial: the rule is asked again before the next trial."""
        if outcome.state != "killed":
            self.outcomes[outcome.trial] = outcome
            self._is_stale = True


def value_of(outcome: Outcome, *, chance: float) -> float:
    """The validation score that choices are based on: the score of guessing if the trial did not finish.

    If that is unknown, NaN, the trial is worse than any other: a rate at which it diverged is never chosen.
    """
    if outcome.state == "finished" and outcome.score is not None:
        return outcome.score
    return -math.inf if math.isnan(chance) else chance


@final
class Sequential:
    """The rule of `seeds = "auto"`: which trials follow from the outcomes so far.

    `looks` are the numbers of seeds of a cell at each look, rising. Once every trial of a look is settled, `undecided`
    is asked, once: it must judge by the seeds up to that look, so that a resumed study decides the same. The variants
    that it names, if still open before, get the seeds of the next look, and so do the references they are paired with.
    A factorial keeps the seeds of the first look: its effects need all of its cells.
    """

    def __init__(self, cells: Sequence[Cell], *, looks: Sequence[int], undecided: Undecided) -> None:
        if not looks or any(late <= early for early, late in zip((0, *looks), looks, strict=False)):
            raise ValueError(f"looks must increase and start at 1 seed or more, got {list(looks)}")
        self._cells, self._looks, self._undecided = list(cells), tuple(looks), cache(undecided)

    def wanted(self, outcomes: Outcomes) -> list[TrialSpec]:
        """All trials up to the first look that is not settled."""
        specs = to_specs(self._cells, replicates(self._looks[0]))
        going = {(cell.variant, cell.mode) for cell in self._cells if cell.design == "one-factor" and cell.against}
        for look in range(1, len(self._looks)):
            if not going or any(spec.trial not in outcomes for spec in specs):
                break
            going &= self._undecided(look)
            specs += to_specs(self._continued(going), replicates(self._looks[look], after=self._looks[look - 1]))
        return specs

    def _continued(self, going: AbstractSet[tuple[str, str]]) -> list[Cell]:
        """The open variants and their references, in the order of the cells."""
        cells = [cell for cell in self._cells if cell.design == "one-factor"]
        named = {(cell.variant, cell.mode) for cell in cells}
        partners = {
            (cell.against, cell.mode if (cell.against, cell.mode) in named else "")
            for cell in cells
            if (cell.variant, cell.mode) in going
        }
        # The second reference is paired with its own variants here, and need not be open itself.
        return [cell for cell in cells if (cell.variant, cell.mode) in going | partners]
