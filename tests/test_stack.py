"""Stacks of trials on real training: each trial's numbers are those it has alone, whoever its neighbours are."""

from dataclasses import replace

import pytest

from ablate import stack
from ablate.engine.backend import OutOfMemory
from ablate.engine.program import Program
from ablate.engine.workbench import Workbench
from ablate.rate_finder import RateFinder
from ablate.records import TrialSpec
from ablate.stack import run_trial, run_trials


def spec(study, seed, **factors) -> TrialSpec:
    factors = {**study.baseline, "learning_rate": 0.003, **factors}
    return TrialSpec(f"s{seed}", "ablation", "reference", "", "", "", seed, factors, test=True, frozen="f00")


class Fed:
    """A feed that keeps what passes; `verdict` answers each epoch."""

    def __init__(self, specs=(), verdict=lambda _: True):
        self.waiting, self.verdict = list(specs), verdict
        self.epochs, self.outcomes, self.together = {}, {}, []

    def more(self, n):
        taken, self.waiting = self.waiting[:n], self.waiting[n:]
        return taken

    def report(self, epochs):
        self.together.append([epoch.trial for epoch in epochs])
        for epoch in epochs:
            kept = self.epochs.setdefault(epoch.trial, [])
            del kept[epoch.epoch - 1 :]
            kept.append(epoch)
        return [self.verdict(epoch) for epoch in epochs]

    def tell(self, outcome):
        assert outcome.trial not in self.outcomes
        self.outcomes[outcome.trial] = outcome


@pytest.fixture(scope="module")
def specs(tiny_study):
    """Five seeds; one has a rate of its own, one diverges."""
    rates = (0.003, 0.01, 1e6, 0.003, 0.003)
    return [spec(tiny_study, seed, learning_rate=rate, optimizer="sgd") for seed, rate in enumerate(rates, 1)]


@pytest.fixture(scope="module")
def stacked(tiny_study, digits):
    """A bench that stacks up to four."""
    return Workbench(tiny_study, digits, stack=4)


@pytest.fixture(scope="module")
def alone(specs, bench):
    finder, fed = RateFinder(bench, cache=None), Fed()
    outcomes = {s.trial: run_trial(s, bench, finder, lambda epoch: fed.report([epoch])[0]) for s in specs}
    return outcomes, fed.epochs


def assert_equal(fed, alone, *, rel=1e-4):
    """How far stacking may move a trial: measured 2e-6 relative over three epochs; a rank near a tie may flip."""
    outcomes, epochs = alone
    assert set(fed.outcomes) == set(outcomes)
    for name, outcome in fed.outcomes.items():
        expected = outcomes[name]
        assert (outcome.state, outcome.best_epoch, outcome.epochs) == (
            expected.state,
            expected.best_epoch,
            expected.epochs,
        )
        assert outcome.test_accuracy == expected.test_accuracy
        assert outcome.data == expected.data
        for mine, theirs in zip(fed.epochs.get(name, []), epochs.get(name, []), strict=True):
            assert mine.train_loss == pytest.approx(theirs.train_loss, rel=rel)
            assert mine.val_loss == pytest.approx(theirs.val_loss, rel=rel)
            assert (mine.epoch, mine.val_accuracy) == (theirs.epoch, theirs.val_accuracy)


@pytest.mark.parametrize("first", [1, 3, 5])
def test_results_depend_neither_on_the_stack_nor_on_who_refills_it(first, specs, stacked, alone):
    """The diverged trial's slot is refilled while the others go on; the fifth trial is given at once or later."""
    fed = Fed(specs[first:])
    run_trials(specs[:first], stacked, RateFinder(stacked, cache=None), fed)
    assert_equal(fed, alone)
    assert max(map(len, fed.together)) >= 3
    assert fed.waiting == []


def test_the_order_of_trials_does_not_matter(specs, stacked, alone):
    fed = Fed()
    run_trials(specs[::-1], stacked, RateFinder(stacked, cache=None), fed)
    assert_equal(fed, alone)


def test_a_verdict_stops_one_trial_and_the_next_takes_its_slot(specs, stacked, alone):
    fed = Fed(specs[4:], verdict=lambda epoch: (epoch.trial, epoch.epoch) != ("s1", 1))
    run_trials(specs[:4], stacked, RateFinder(stacked, cache=None), fed)
    assert (fed.outcomes["s1"].state, fed.outcomes["s1"].epochs) == ("pruned", 1)
    assert fed.outcomes["s1"].test_accuracy is None
    outcomes, epochs = alone
    del fed.outcomes["s1"], fed.epochs["s1"]
    assert_equal(fed, ({k: o for k, o in outcomes.items() if k != "s1"}, epochs))
    assert "s5" in fed.together[1]


def test_early_stopping_is_each_slots_own(tiny_study, digits):
    impatient = tiny_study.model_copy(update={"training": tiny_study.training.model_copy(update={"patience": 1})})
    rates = (0.003, 0.3, 1e-9)
    different = [spec(tiny_study, seed, learning_rate=rate, optimizer="sgd") for seed, rate in enumerate(rates, 1)]
    several, single = Workbench(impatient, digits, stack=4), Workbench(impatient, digits, stack=1)
    together, apart = Fed(), Fed()
    run_trials(different, several, RateFinder(several, cache=None), together)
    run_trials(different, single, RateFinder(single, cache=None), apart)
    assert_equal(together, (apart.outcomes, apart.epochs))
    assert len({outcome.epochs for outcome in apart.outcomes.values()}) > 1


def test_range_tests_on_a_stack_give_the_curves_they_give_alone(tiny_study, bench, stacked):
    from ablate.clock import Clock

    one = RateFinder(bench, cache=None).find(tiny_study.baseline, Clock(), replicate=0)
    four = RateFinder(stacked, cache=None).find(tiny_study.baseline, Clock(), replicate=0, size=4)
    n = len(one.losses) // 2  # at higher rates rounding grows from batch to batch
    assert four.losses[:n] == pytest.approx(one.losses[:n], rel=1e-4)
    assert four.suggestion == pytest.approx(one.suggestion, rel=0.2)  # a neighbouring rate at most


def test_a_trial_that_cannot_begin_costs_no_other(specs, stacked):
    wrong = replace(specs[0], trial="wrong", factors={**specs[0].factors, "learning_rate": "fast"})
    fed = Fed()
    run_trials([wrong, specs[1]], stacked, RateFinder(stacked, cache=None), fed)
    assert fed.outcomes["wrong"].state == "failed"
    assert fed.outcomes["s2"].state == "finished"


def test_a_stack_without_memory_starts_over_in_smaller_ones(specs, stacked, alone, monkeypatch):
    train, sizes = Program.train, []

    def cramped(program, *arguments, **options):
        sizes.append(program.size)
        if program.size == 4 and options["n_steps"].any():
            raise OutOfMemory(None, None, "no room")
        return train(program, *arguments, **options)

    monkeypatch.setattr(Program, "train", cramped)
    fed = Fed()
    run_trials(specs[:4], stacked, RateFinder(stacked, cache=None), fed)
    outcomes, epochs = alone
    assert_equal(fed, ({s.trial: outcomes[s.trial] for s in specs[:4]}, epochs))
    assert 4 in sizes
    assert 2 in sizes


def test_a_lone_trial_without_memory_says_so(specs, bench, monkeypatch):
    def cramped(*_, **__):
        raise OutOfMemory(None, None, "no room")

    monkeypatch.setattr(Program, "train", cramped)
    outcome = run_trial(specs[0], bench, RateFinder(bench, cache=None))
    assert outcome.state == "out_of_memory"
    assert "no room" in outcome.reason
    assert "Traceback" in outcome.traceback


def test_a_lone_waiting_trial_gets_a_program_of_one(specs, stacked):
    fed = Fed()
    run_trials(specs[:1], stacked, RateFinder(stacked, cache=None), fed)
    assert fed.together == [["s1"]] * 3
    assert stack.Stack(stacked, None, fed, size=1)._size == 1


def test_the_seconds_of_a_stack_are_shared_among_its_trials(specs, stacked):
    import time

    fed, began = Fed(), time.perf_counter()
    run_trials([specs[0], specs[3]], stacked, RateFinder(stacked, cache=None), fed)
    wall = time.perf_counter() - began
    assert sum(outcome.seconds for outcome in fed.outcomes.values()) <= wall
    for outcome in fed.outcomes.values():
        assert sum(outcome.timings.values()) <= outcome.seconds * 1.001
