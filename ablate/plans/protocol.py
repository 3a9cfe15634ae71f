"""The seam between deciding and executing."""

from collections.abc import Sequence
from typing import Protocol

from ablate.study.trial import Epoch, Outcome, TrialSpec


class Plan(Protocol):
    """Decides what to train next."""

    def ask(self, n: int) -> Sequence[TrialSpec]:
        """Up to `n` specs; none means nothing to do until a running trial is told, or ever."""
        ...

    def report(self, epoch: Epoch) -> bool:
        """Take note of an epoch; False stops that trial."""
        ...

    def tell(self, outcome: Outcome) -> None:
        """Take note of how a trial ended."""
        ...
