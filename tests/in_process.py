"""A scheduler without processes: one trial after the other, here."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ablate.clock import Clock
from ablate.plans.protocol import Plan
from ablate.study.trial import Epoch, Outcome, TrialSpec

if TYPE_CHECKING:
    from ablate.data import Dataset
    from ablate.study.settings import StudySettings
    from ablate.training.engine.context import TrainingContext
    from ablate.training.run_range_test import RateFinder

OnEpoch = Callable[[Epoch], bool]  # False: stop this trial


class InProcess:
    """A scheduler that trains with a function."""

    def __init__(self, train: Callable[[TrialSpec, OnEpoch], Outcome]) -> None:
        self._train, self.clock = train, Clock()

    def run(self, plan: Plan) -> None:
        while specs := plan.ask(1):
            for spec in specs:
                plan.tell(self._train(spec, plan.report))


@contextmanager
def workers_here(
    study: "StudySettings", data: "Dataset", _options: object, *, on_start: Callable[[TrialSpec], None],
    on_notice: Callable[[str], None], **_more: Any,
) -> Iterator[InProcess]:  # fmt: skip
    """In place of `open_workers`: train a study's trials in this process, so that TensorFlow starts once."""
    from ablate.training.engine.context import TrainingContext  # as below
    from ablate.training.run_range_test import RateFinder

    context = TrainingContext(study, data, stack=1)
    finder = RateFinder(context, cache=None)
    for notice in context.check():
        on_notice(notice)

    def train(spec: TrialSpec, on_epoch: OnEpoch) -> Outcome:
        on_start(spec)
        return run_trial(spec, context, finder, on_epoch)

    yield InProcess(train)


def run_trial(
    spec: TrialSpec, context: "TrainingContext", finder: "RateFinder", on_epoch: OnEpoch = lambda _: True
) -> Outcome:
    """Train one spec to its end."""
    from ablate.training.stack import Stack  # not every user of this module starts TensorFlow

    feed = Alone(on_epoch)
    Stack(context, finder, feed, size=1).run([spec])
    return feed.outcomes[0]


class Alone:
    """The feed of one trial."""

    def __init__(self, on_epoch: OnEpoch) -> None:
        self._on_epoch = on_epoch
        self.outcomes: list[Outcome] = []

    def more(self, _n: int) -> Sequence[TrialSpec]:
        return ()

    def report(self, epochs: Sequence[Epoch]) -> Sequence[bool]:
        return [self._on_epoch(epoch) for epoch in epochs]

    def tell(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
