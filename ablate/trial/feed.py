"""Where the trials of a stack come from, and where what becomes of them goes."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias, final

from ablate.records import Epoch, Outcome, TrialSpec

OnEpoch: TypeAlias = Callable[[Epoch], bool]  # False: stop this trial


class Feed(Protocol):
    """The other side of a stack. What it raises is its own, and no trial's."""

    def more(self, n: int) -> Sequence[TrialSpec]:
        """Up to `n` more specs of the structure in training; none where there are no such specs now."""
        ...

    def report(self, epochs: Sequence[Epoch]) -> Sequence[bool]:
        """Take note of an epoch of some trials; False stops that trial. A trial that starts over begins with its first.

        One answer an epoch, in their order.
        """
        ...

    def tell(self, outcome: Outcome) -> None:
        """Take note of how a trial ended."""
        ...


@final
class Single:
    """The feed of one trial."""

    def __init__(self, on_epoch: OnEpoch) -> None:
        self._on_epoch = on_epoch
        self.outcomes: list[Outcome] = []

    def more(self, n: int) -> Sequence[TrialSpec]:
        """None."""
        del n
        return ()

    def report(self, epochs: Sequence[Epoch]) -> Sequence[bool]:
        """Ask the callback."""
        return [self._on_epoch(epoch) for epoch in epochs]

    def tell(self, outcome: Outcome) -> None:
        """Keep it."""
        self.outcomes.append(outcome)
