from dataclasses import replace

from ablate.clock import Clock
from ablate.plan import Remembered, Timed, content_key
from ablate.records import Epoch, Outcome, RateTest, TrialSpec


def spec(trial: str, seed: int = 0, **factors) -> TrialSpec:
    return TrialSpec(trial, "search", "", "", "", "", seed, {"learning_rate": "find", "optimizer": "adam"} | factors)


class Listed:
    """A plan that hands out what it is given and keeps what it is told."""

    def __init__(self, specs):
        self.specs, self.told = list(specs), []

    def ask(self, n):
        specs, self.specs = self.specs[:n], self.specs[n:]
        return specs

    def report(self, _):
        return True

    def tell(self, outcome):
        self.told.append(outcome)


def test_a_repeat_takes_the_first_ones_result_and_says_so():
    inner = Listed([spec("a"), spec("b"), spec("c", optimizer="sgd")])
    plan = Remembered(inner)
    assert [s.trial for s in plan.ask(3)] == ["a", "c"]
    plan.tell(Outcome("a", "finished", score=0.5, seconds=9.0))
    assert inner.told == [
        Outcome("a", "finished", score=0.5, seconds=9.0),
        Outcome("b", "finished", score=0.5, same_as="a"),
    ]


def test_a_repeat_of_a_settled_trial_is_settled_while_asking():
    inner = Listed([spec("a")])
    plan = Remembered(inner)
    plan.ask(1)
    plan.tell(Outcome("a", "diverged", reason="NaN"))
    inner.specs = [spec("b"), spec("c", seed=1)]
    assert [s.trial for s in plan.ask(1)] == ["c"]
    assert inner.told[-1] == Outcome("b", "diverged", reason="NaN", same_as="a")


def test_one_range_test_is_kept_once_however_many_trials_bring_it():
    inner = Listed([spec("a"), spec("b", seed=1)])
    plan = Remembered(inner)
    plan.ask(2)
    for name in ("a", "b"):
        test = RateTest("k", (1e-3, 1e-2), (2.0, 1.0), {"valley": 1e-3}, 1e-3, "determined", "", 0.5)
        plan.tell(Outcome(name, "finished", score=0.5, rate_test=test))
    assert inner.told[0].rate_test is inner.told[1].rate_test


def test_trials_of_an_earlier_run_count():
    inner = Listed([spec("b")])
    plan = Remembered(inner)
    plan.remember(spec("a"), Outcome("a", "finished", score=0.7))
    assert plan.ask(5) == []
    assert inner.told[0].same_as == "a"


def test_an_interrupted_trial_is_no_result_for_its_repeats():
    inner = Listed([spec("a")])
    plan = Remembered(inner)
    plan.ask(1)
    plan.tell(Outcome("a", "killed"))
    inner.specs = [spec("b")]
    assert [s.trial for s in plan.ask(1)] == ["b"]


def test_names_do_not_decide_numbers_but_seed_rate_and_test_do():
    one = spec("a")
    assert content_key(one) == content_key(replace(one, trial="b", phase="ablation", variant="v", mode="find"))
    assert content_key(one) == content_key(replace(one, rate_factors={"learning_rate": 0.1, "optimizer": "adam"}))
    for other in (
        replace(one, seed=1),
        replace(one, test=True),
        replace(one, factors={**one.factors, "learning_rate": "find*2"}),
        replace(one, rate_factors={"learning_rate": "find", "optimizer": "sgd"}),
    ):
        assert content_key(other) != content_key(one)


def test_a_timed_plan_passes_everything_on_and_counts_its_thinking():
    inner, clock = Listed([spec("a")]), Clock()
    plan = Timed(inner, clock, "search")
    assert [s.trial for s in plan.ask(2)] == ["a"]
    assert plan.report(Epoch("a", 1, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0))
    plan.tell(Outcome("a", "finished"))
    assert [outcome.trial for outcome in inner.told] == ["a"]
    assert clock.seconds["search"] > 0
