"""A plan into outcomes, one trial after the other in this process."""

from collections.abc import Callable
from dataclasses import dataclass

from ablate.plans.protocol import Plan
from ablate.study.trial import Epoch, Outcome, TrialSpec


@dataclass(frozen=True, slots=True)
class Inline:
    """A scheduler for tests and for machines on which processes are not wanted."""

    train: Callable[[TrialSpec, Callable[[Epoch], bool]], Outcome]

    def run(self, plan: Plan) -> None:
        """Train until the plan has nothing left."""
        while specs := plan.ask(1):
            for spec in specs:
                plan.tell(self.train(spec, plan.report))
