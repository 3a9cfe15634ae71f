from dataclasses import replace

from ablate.clock import Clock
from ablate.experiment.recording import Timed
from ablate.plans.filters import Remembered
from ablate.storage.trial_cache import Found, content_key
from ablate.study.trial import Epoch, Outcome, RateTest, TrialSpec


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


def test_names_and_testing_do_not_decide_numbers_but_seed_and_rate_do():
    one = spec("a")
    assert content_key(one) == content_key(replace(one, test=True))
    assert content_key(one) == content_key(replace(one, trial="b", phase="ablation", variant="v", mode="find"))
    assert content_key(one) == content_key(replace(one, rate_factors={"learning_rate": 0.1, "optimizer": "adam"}))
    for other in (
        replace(one, seed=1),
        replace(one, factors={**one.factors, "learning_rate": "find*2"}),
        replace(one, rate_factors={"learning_rate": "find", "optimizer": "sgd"}),
    ):
        assert content_key(other) != content_key(one)


def test_a_rate_that_is_typed_in_is_found_for_no_configuration():
    one = spec("a", learning_rate=0.1)
    assert content_key(one) == content_key(replace(one, rate_factors={"learning_rate": "find", "optimizer": "sgd"}))


TESTED = Outcome("a", "finished", score=0.5, test_accuracy=0.4, test_loss=1.0)


def test_a_tested_trial_serves_one_that_is_not_tested_and_shows_it_no_test_score():
    inner = Listed([replace(spec("a"), test=True), spec("b")])
    plan = Remembered(inner)
    assert [s.trial for s in plan.ask(2)] == ["a"]  # b waits for it
    plan.tell(TESTED)
    inner.specs = [spec("c")]
    assert plan.ask(1) == []
    shown = Outcome("b", "finished", score=0.5, same_as="a")
    assert inner.told == [TESTED, shown, replace(shown, trial="c")]


def test_a_trial_that_is_not_tested_does_not_serve_one_that_is_neither_running_nor_done():
    inner = Listed([spec("a"), replace(spec("b"), test=True)])
    plan = Remembered(inner)
    assert [s.trial for s in plan.ask(2)] == ["a", "b"]
    plan.tell(Outcome("a", "finished", score=0.5))
    inner.specs = [replace(spec("c"), test=True)]
    assert plan.ask(1) == []  # waits for b
    plan.tell(replace(TESTED, trial="b"))
    assert inner.told[-1] == replace(TESTED, trial="c", same_as="b")


def test_what_a_pruner_stopped_serves_its_own_phase_alone():
    inner = Listed([replace(spec("b"), phase="tune"), spec("c")])
    plan = Remembered(inner)
    plan.remember(spec("a"), Outcome("a", "pruned", score=0.1))
    assert [s.trial for s in plan.ask(2)] == ["b"]
    assert [(o.trial, o.state, o.same_as) for o in inner.told] == [("c", "pruned", "a")]


def test_a_repeat_of_a_repeat_names_the_first():
    inner = Listed([spec("c")])
    plan = Remembered(inner)
    for name, same_as in (("b", "a"), ("a", "")):  # in the order in which they were first settled
        plan.remember(spec(name), Outcome(name, "finished", score=0.7, same_as=same_as))
    plan.ask(1)
    assert inner.told[0].same_as == "a"


def an_epoch(trial: str, number: int, accuracy: float) -> Epoch:
    return Epoch(trial, number, 1.0, 0.5, 2.0 - accuracy, accuracy, 0.1, 1.0)


CURVE = tuple(an_epoch("search-7", number, accuracy) for number, accuracy in enumerate((0.2, 0.6, 0.5), 1))
FOUND = Found(
    "other/search-7",
    Outcome("search-7", "finished", 0.6, 2, 3, 0.6, 1.4, 0.55, 1.5, learning_rate=0.1, seconds=9.0, data="f00"),
    CURVE,
    "val_accuracy",
)


class OneTrial:
    """A cache with one trial for the seed 0, that keeps what it is given."""

    def __init__(self):
        self.kept = []

    def find(self, spec):
        return FOUND if spec.seed == 0 else None

    def keep(self, spec, outcome, epochs):
        self.kept.append((spec.trial, outcome.state, [epoch.epoch for epoch in epochs]))


class Watchful(Listed):
    """Stops every trial after an epoch."""

    def __init__(self, specs, *, last=99):
        super().__init__(specs)
        self.epochs, self.last = [], last

    def report(self, epoch):
        self.epochs.append(epoch)
        return epoch.epoch < self.last


def test_a_trial_of_another_study_begins_passes_its_epochs_and_ends_under_its_new_name():
    inner, begun = Watchful([spec("a"), spec("b"), spec("c", seed=1)]), []
    plan = Remembered(inner, cache=OneTrial(), on_start=begun.append)
    assert [s.trial for s in plan.ask(3)] == ["c"]
    assert [s.trial for s in begun] == ["a"]
    assert inner.epochs == [replace(epoch, trial="a") for epoch in CURVE]
    reused = replace(FOUND.outcome, trial="a", same_as="other/search-7", seconds=0.0)
    assert inner.told[0] == reused
    # The second of the same content has its curve here, with the first.
    assert inner.told[1] == replace(reused, trial="b", same_as="a", test_accuracy=None, test_loss=None)


def test_a_plan_stops_a_trial_of_another_study_as_it_would_a_fresh_one():
    inner = Watchful([spec("a")], last=1)
    assert Remembered(inner, cache=OneTrial()).ask(1) == []
    assert inner.told == [
        Outcome("a", "pruned", 0.2, 1, 1, 0.2, 1.8, learning_rate=0.1, data="f00", same_as="other/search-7",
                reason="stopped after epoch 1")
    ]  # fmt: skip


def test_what_was_trained_is_offered_to_the_cache_with_the_epochs_of_its_last_attempt():
    inner, cache = Watchful([spec("a", seed=1)]), OneTrial()
    plan = Remembered(inner, cache=cache)
    plan.ask(1)
    for number in (1, 2, 1, 2, 3):
        plan.report(an_epoch("a", number, 0.5))
    plan.tell(Outcome("a", "finished"))
    assert cache.kept == [("a", "finished", [1, 2, 3])]


def test_a_timed_plan_passes_everything_on_and_counts_its_thinking():
    inner, clock = Listed([spec("a")]), Clock()
    plan = Timed(inner, clock, "search")
    assert [s.trial for s in plan.ask(2)] == ["a"]
    assert plan.report(Epoch("a", 1, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0))
    plan.tell(Outcome("a", "finished"))
    assert [outcome.trial for outcome in inner.told] == ["a"]
    assert clock.seconds["search"] > 0
