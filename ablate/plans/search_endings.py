"""How trials of a search end, as Optuna's states and the values of one or several objectives."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, final

from optuna.trial import TrialState

from ablate.study.objectives import SECONDS, SearchObjective, measured
from ablate.study.trial import Epoch, Outcome
from ablate.text import listed

TrialEnd: TypeAlias = tuple[TrialState, list[float] | None]


@dataclass(frozen=True, slots=True)
class _Ended:
    number: int  # of the trial
    is_finished: bool
    values: Mapping[str, float]  # by objective, as far as the trial has them


@final
class Endings:
    """Each ended trial as Optuna's state and values.

    Without `objectives` the value is the score. With them, a diverged trial has the score of guessing, `chance`, and of
    every other objective the worst value of the trials up to it, by number: else a small network that diverges at
    once would be the cheapest. `sign` is that of the metric that decides. `epochs_of` gives the epochs of any trial of
    the study, `announce` hears once of values that finished trials lack.
    """

    def __init__(
        self,
        objectives: Sequence[SearchObjective],
        *,
        chance: float,
        sign: int,
        epochs_of: Callable[[str], Sequence[Epoch]],
        announce: Callable[[str], None],
    ) -> None:
        self._objectives, self._chance, self._sign = objectives, chance, sign
        self._epochs_of, self._announce = epochs_of, announce
        self._epochs: dict[str, list[Epoch]] = {}  # by search trial
        self._ended: dict[str, _Ended] = {}  # by trial
        self._has_told = False

    def pass_epoch(self, epoch: Epoch) -> None:
        """Note an epoch; an attempt that starts over replaces those of the one before."""
        self._epochs.setdefault(epoch.trial, [])[epoch.epoch - 1 :] = [epoch]

    def note(self, outcome: Outcome, *, number: int) -> None:
        """Note how a trial ended, after its epochs."""
        if not self._objectives:
            return
        own = self._epochs.get(outcome.trial) or self._others(outcome.same_as)
        values = measured(self._objectives, outcome, own, sign=self._sign)
        self._ended[outcome.trial] = _Ended(number, outcome.state == "finished", values)
        missing = [objective.name for objective in self._objectives if objective.name not in values]
        if missing and outcome.state == "finished" and not self._has_told:
            self._has_told = True
            self._announce(
                f"{outcome.trial} has no {listed(missing)}: the search counts such trials as failed; report "
                f"{'each epoch' if missing == [SECONDS] else 'a value'}, or change search.objectives"
            )

    def of(self, outcome: Outcome) -> TrialEnd:
        """The end of a trial. For a pruned one, Optuna uses the last value reported."""
        match outcome.state:
            case "finished":
                return _complete(self._finished(outcome))
            case "diverged" if not math.isnan(self._chance):
                return _complete(self._lost(outcome))
            case "pruned":
                return TrialState.PRUNED, None
            case _:
                return TrialState.FAIL, None

    def _finished(self, outcome: Outcome) -> list[float | None]:
        if not self._objectives:
            return [outcome.score]
        return [self._ended[outcome.trial].values.get(objective.name) for objective in self._objectives]

    def _lost(self, outcome: Outcome) -> list[float | None]:
        if not self._objectives:
            return [self._chance]
        own = self._ended[outcome.trial]
        before = [ended.values for ended in self._ended.values() if ended.is_finished and ended.number < own.number]
        others = [_worst(objective, [*before, own.values]) for objective in self._objectives[1:]]
        return [self._sign * self._chance, *others]

    def _others(self, trial: str) -> Sequence[Epoch]:
        """The epochs of a trial whose result is repeated, maybe of another phase."""
        return self._epochs.get(trial) or (self._epochs_of(trial) if trial else ())


def _worst(objective: SearchObjective, values: Sequence[Mapping[str, float]]) -> float | None:
    known = [objective.sign * some[objective.name] for some in values if objective.name in some]
    return objective.sign * min(known) if known else None


def _complete(values: Sequence[float | None]) -> TrialEnd:
    known = [value for value in values if value is not None]
    return (TrialState.COMPLETE, known) if len(known) == len(values) else (TrialState.FAIL, None)
