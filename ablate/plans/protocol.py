"""The interface of a plan, through which a scheduler gets specs and reports results."""

from collections.abc import Sequence
from typing import Protocol

from ablate.study.trial import Epoch, Outcome, TrialSpec


class Plan(Protocol):
    """Decides what to train next."""

    def ask(self, n: int) -> Sequence[TrialSpec]:
        """Up to `n` specs; none if there is nothing to do until a running trial ends, or at all."""
        ...

    def report(self, epoch: Epoch) -> bool:
        """Take note of an epoch; False stops that trial."""
        ...

    def tell(self, outcome: Outcome) -> None:
        """Take note of how a trial ended."""
        ...
