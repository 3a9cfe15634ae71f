"""A plan into one that is written down."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

from ablate.study.trial import Epoch, Outcome, TrialSpec
from ablate.tracking.background import BackgroundTracker

if TYPE_CHECKING:
    from ablate.plans.protocol import Plan


@final
class Tracked:
    """A plan whose trials, epochs and outcomes are written down as they pass; it decides as the plan does."""

    def __init__(self, plan: "Plan", tracker: BackgroundTracker) -> None:
        self._plan = plan
        self._tracker = tracker
        self._specs: dict[str, TrialSpec] = {}

    def ask(self, n: int) -> Sequence[TrialSpec]:
        """The plan's specs. A scheduler may hold them a while: their runs open when it starts them, not here.

        Raises `AblateError` where the store is of no use: a scheduler asks while its workers still start.
        """
        self._tracker.check()
        specs = self._plan.ask(n)
        self._specs.update({spec.trial: spec for spec in specs})
        return specs

    def report(self, epoch: Epoch) -> bool:
        """The plan's answer; the epoch is written down."""
        self._tracker.log_epoch(epoch)
        return self._plan.report(epoch)

    def tell(self, outcome: Outcome) -> None:
        """Pass on; the attempt's run ends. A repeat of another trial was never started and gets a run all the same."""
        spec = self._specs.pop(outcome.trial)
        if outcome.same_as:
            self._tracker.open_trial(spec, attempt=outcome.attempt)
        self._tracker.close_trial(outcome)
        self._plan.tell(outcome)
