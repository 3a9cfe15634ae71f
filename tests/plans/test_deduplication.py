from records import epoch_of_classes

from ablate.plans.filters import Deduplicated, GuardedTestSet, StopAfterFailures
from ablate.study.trial import Label, Outcome, TrialSpec

SPEC = TrialSpec("a", Label("search"), 0, {"learning_rate": 0.1})
EPOCH = epoch_of_classes("a", 1, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0)


class Noted:
    """A plan of one trial that notes what it is asked, and stops the trial."""

    def __init__(self):
        self.heard = []

    def ask(self, n):
        self.heard.append(n)
        return [SPEC] if len(self.heard) == 1 else []

    def report(self, epoch):
        self.heard.append(epoch)
        return False

    def tell(self, outcome):
        self.heard.append(outcome)


def test_in_all_its_filters_a_plan_hears_what_it_hears_alone_and_of_an_epoch_in_one_call():
    inner = Noted()
    plan = StopAfterFailures(Deduplicated(GuardedTestSet(inner, None)), most=3, on_reason=lambda _: None)
    assert plan.report == inner.report
    assert plan.ask(2) == [SPEC]
    assert not plan.report(EPOCH)
    plan.tell(Outcome("a", "pruned"))
    assert plan.ask(1) == []
    assert inner.heard == [2, EPOCH, Outcome("a", "pruned"), 1]
