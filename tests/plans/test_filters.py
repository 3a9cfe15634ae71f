from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import epoch_of_classes
from tested_cells import FACTORS, REFERENCE, SPECS, VARIANT, changed

from ablate.errors import AblateError
from ablate.plans.filters import Deduplicated, GuardedTestSet, StopAfterFailures, common
from ablate.storage.preregistration import Preregistration, declare, freeze
from ablate.storage.trial_cache import CachedTrial
from ablate.study.trial import ACCURACY, Epoch, Label, Outcome, RateTest, TrialSpec


class Listed:
    """A plan that hands out what it is given, keeps what passes, and stops each trial after the epoch `last`."""

    def __init__(self, specs, *, last=99):
        self.specs, self.told, self.epochs, self.last = list(specs), [], [], last

    def ask(self, n):
        specs, self.specs = self.specs[:n], self.specs[n:]
        return specs

    def report(self, epoch):
        self.epochs.append(epoch)
        return epoch.epoch < self.last

    def tell(self, outcome):
        self.told.append(outcome)


def an_epoch(trial: str, number: int, accuracy: float) -> Epoch:
    return epoch_of_classes(trial, number, 1.0, 0.5, 2.0 - accuracy, accuracy, 0.1, 1.0)


def spec(trial: str, seed: int = 0, **factors) -> TrialSpec:
    return TrialSpec(trial, Label("search"), seed, {"learning_rate": "find", "optimizer": "adam"} | factors)


@pytest.fixture
def frozen(tiny_study, tmp_path) -> Preregistration:
    return freeze(tmp_path, declare(SPECS, tiny_study, data="f00", looks=(2,)))


def test_a_frozen_cell_passes_with_the_digest_whatever_its_seed(frozen):
    specs = [*SPECS, replace(VARIANT, seed=7)]
    passed = GuardedTestSet(Listed(specs), frozen).ask(9)
    assert passed == [replace(spec, frozen=frozen.digest) for spec in specs]
    assert all(spec.may_test() for spec in passed)


def test_nothing_is_tested_before_the_freeze():
    with pytest.raises(AblateError, match="before the comparisons are preregistered"):
        GuardedTestSet(Listed([REFERENCE]), None).ask(1)


@pytest.mark.parametrize("changes", [{"phase": "search"}, {"phase": "tune"}, {"design": "path"}])
def test_what_chooses_is_never_tested(frozen, changes):
    with pytest.raises(AblateError, match="only a confirmatory trial"):
        GuardedTestSet(Listed([changed(REFERENCE, **changes)]), frozen).ask(1)


@pytest.mark.parametrize(
    "changes",
    [
        {"variant": "dropout=0.2"},
        {"factors": {**FACTORS, "dropout": 0.2}},
        {"mode": "tune"},
        {"rate_factors": FACTORS},
        {"against": "best"},
    ],
)
def test_a_cell_that_was_not_frozen_is_not_tested(frozen, changes):
    with pytest.raises(AblateError, match=r"not one of the 4 preregistered"):
        GuardedTestSet(Listed([changed(VARIANT, **changes)]), frozen).ask(1)


def test_trials_without_the_test_set_pass_at_any_time_and_lose_a_digest_that_they_brought(frozen):
    search = changed(REFERENCE, phase="search", variant="", test=False, frozen="made up")
    for guard in (None, frozen):
        assert GuardedTestSet(Listed([search]), guard).ask(1) == [replace(search, frozen="")]


def test_epochs_and_outcomes_pass(frozen):
    inner, epoch = Listed([], last=1), epoch_of_classes("r", 1, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0)
    plan = GuardedTestSet(inner, frozen)
    assert not plan.report(epoch)
    plan.tell(Outcome("r", "finished"))
    assert (inner.epochs, inner.told) == ([epoch], [Outcome("r", "finished")])


def test_a_repeat_takes_the_first_ones_result_and_says_so():
    inner = Listed([spec("a"), spec("b"), spec("c", optimizer="sgd")])
    plan = Deduplicated(inner)
    assert [s.trial for s in plan.ask(3)] == ["a", "c"]
    plan.tell(Outcome("a", "finished", score=0.5, seconds=9.0))
    assert inner.told == [
        Outcome("a", "finished", score=0.5, seconds=9.0),
        Outcome("b", "finished", score=0.5, same_as="a"),
    ]


def test_a_repeat_of_a_settled_trial_is_settled_while_asking():
    inner = Listed([spec("a")])
    plan = Deduplicated(inner)
    plan.ask(1)
    plan.tell(Outcome("a", "diverged", reason="NaN"))
    inner.specs = [spec("b"), spec("c", seed=1)]
    assert [s.trial for s in plan.ask(1)] == ["c"]
    assert inner.told[-1] == Outcome("b", "diverged", reason="NaN", same_as="a")


def test_one_range_test_is_kept_once_however_many_trials_bring_it():
    inner = Listed([spec("a"), spec("b", seed=1)])
    plan = Deduplicated(inner)
    plan.ask(2)
    for name in ("a", "b"):
        test = RateTest("k", (1e-3, 1e-2), (2.0, 1.0), {"valley": 1e-3}, 1e-3, "determined", "", 0.5)
        plan.tell(Outcome(name, "finished", score=0.5, rate_test=test))
    assert inner.told[0].rate_test is inner.told[1].rate_test


def test_trials_of_an_earlier_run_count():
    inner = Listed([spec("b")])
    plan = Deduplicated(inner)
    plan.remember(spec("a"), Outcome("a", "finished", score=0.7))
    assert plan.ask(5) == []
    assert inner.told[0].same_as == "a"


def test_an_interrupted_trial_is_no_result_for_its_repeats():
    inner = Listed([spec("a")])
    plan = Deduplicated(inner)
    plan.ask(1)
    plan.tell(Outcome("a", "killed"))
    inner.specs = [spec("b")]
    assert [s.trial for s in plan.ask(1)] == ["b"]


TESTED = Outcome("a", "finished", score=0.5, metrics={"test_accuracy": 0.4, "test_loss": 1.0})


def test_a_tested_trial_serves_one_that_is_not_tested_and_shows_it_no_test_score():
    inner = Listed([replace(spec("a"), test=True), spec("b")])
    plan = Deduplicated(inner)
    assert [s.trial for s in plan.ask(2)] == ["a"]  # b waits for it
    plan.tell(TESTED)
    inner.specs = [spec("c")]
    assert plan.ask(1) == []
    shown = Outcome("b", "finished", score=0.5, same_as="a")
    assert inner.told == [TESTED, shown, replace(shown, trial="c")]


def test_a_trial_that_is_not_tested_does_not_serve_one_that_is_neither_running_nor_done():
    inner = Listed([spec("a"), replace(spec("b"), test=True)])
    plan = Deduplicated(inner)
    assert [s.trial for s in plan.ask(2)] == ["a", "b"]
    plan.tell(Outcome("a", "finished", score=0.5))
    inner.specs = [replace(spec("c"), test=True)]
    assert plan.ask(1) == []  # waits for b
    plan.tell(replace(TESTED, trial="b"))
    assert inner.told[-1] == replace(TESTED, trial="c", same_as="b")


def test_what_a_pruner_stopped_serves_its_own_phase_alone():
    inner = Listed([replace(spec("b"), label=Label("tune")), spec("c")])
    plan = Deduplicated(inner)
    plan.remember(spec("a"), Outcome("a", "pruned", score=0.1))
    assert [s.trial for s in plan.ask(2)] == ["b"]
    assert [(o.trial, o.state, o.same_as) for o in inner.told] == [("c", "pruned", "a")]


def test_a_repeat_of_a_repeat_names_the_first():
    inner = Listed([spec("c")])
    plan = Deduplicated(inner)
    for name, same_as in (("b", "a"), ("a", "")):  # in the order in which they were first settled
        plan.remember(spec(name), Outcome(name, "finished", score=0.7, same_as=same_as))
    plan.ask(1)
    assert inner.told[0].same_as == "a"


SCORES = {"val_accuracy": 0.6, "val_loss": 1.4, "test_accuracy": 0.55, "test_loss": 1.5}
CURVE = tuple(an_epoch("search-7", number, accuracy) for number, accuracy in enumerate((0.2, 0.6, 0.5), 1))
FOUND = CachedTrial(
    "other/search-7",
    Outcome("search-7", "finished", 0.6, 2, 3, SCORES, learning_rate=0.1, seconds=9.0, data="f00"),
    CURVE,
    ACCURACY,
)


class OneTrial:
    """A cache with one trial for the seed 0."""

    def find(self, spec):
        return FOUND if spec.seed == 0 else None

    def keep(self, _spec, _outcome, _epochs):
        raise AssertionError("what writes is a listener")


def test_a_trial_of_another_study_begins_passes_its_epochs_and_ends_under_its_new_name():
    inner, begun = Listed([spec("a"), spec("b"), spec("c", seed=1)]), []
    plan = Deduplicated(inner, cache=OneTrial(), on_start=begun.append)
    assert [s.trial for s in plan.ask(3)] == ["c"]
    assert [s.trial for s in begun] == ["a"]
    assert inner.epochs == [replace(epoch, trial="a") for epoch in CURVE]
    reused = replace(FOUND.outcome, trial="a", same_as="other/search-7", seconds=0.0)
    assert inner.told[0] == reused
    # The second of the same content has its curve here, with the first.
    assert inner.told[1] == replace(reused, trial="b", same_as="a", metrics={"val_accuracy": 0.6, "val_loss": 1.4})


def test_a_plan_stops_a_trial_of_another_study_as_it_would_a_fresh_one():
    inner = Listed([spec("a")], last=1)
    assert Deduplicated(inner, cache=OneTrial()).ask(1) == []
    assert inner.told == [
        Outcome("a", "pruned", 0.2, 1, 1, {"val_loss": 1.8, "val_accuracy": 0.2},
                learning_rate=0.1, data="f00", same_as="other/search-7",
                reason="stopped after epoch 1")
    ]  # fmt: skip


def wide(trial: str, *, width: int = 16, rate: float = 0.1) -> TrialSpec:
    return TrialSpec(trial, Label("search"), 0, {"width": width, "learning_rate": rate})


def run(outcomes, *, most=3, specs=None) -> tuple[list[str], StopAfterFailures]:
    """What was said after trials of different configurations, or of `specs`, ended so."""
    said: list[str] = []
    specs = specs or [wide(outcome.trial, width=number) for number, outcome in enumerate(outcomes)]
    plan = StopAfterFailures(Listed([*specs, wide("later")], last=2), most=most, on_reason=said.append)
    plan.ask(len(specs))
    for outcome in outcomes:
        plan.tell(outcome)
    return said, plan


def failed(trial: str, reason: str = "ValueError: no layer 7", state="failed") -> Outcome:
    return Outcome(trial, state, reason=reason)


def test_so_many_alike_in_a_row_end_the_asking_and_are_said_once():
    outcomes = [failed(f"t{n}", f"ValueError: no layer {n} of t{n}\nin build") for n in range(4)]
    said, plan = run(outcomes)
    assert said == ["3 trials in a row failed for the same reason: ValueError: no layer 2 of t2"]
    assert plan.ask(1) == []
    assert run(outcomes, most=4)[0] == ["4 trials in a row failed for the same reason: ValueError: no layer 3 of t3"]


def test_up_to_then_and_with_0_for_ever_all_is_passed_on():
    for most, n in ((3, 2), (0, 50)):
        outcomes = [failed(f"t{number}") for number in range(n)]
        said, plan = run(outcomes, most=most)
        assert said == []
        assert [s.trial for s in plan.ask(1)] == ["later"]
        assert plan._plan.told == outcomes
        assert plan.report(an_epoch("later", 1, 0.5))
        assert not plan.report(an_epoch("later", 2, 0.5))


@pytest.mark.parametrize(
    "between",
    [
        Outcome("x", "finished", score=0.5),
        Outcome("x", "pruned", score=0.5),
        Outcome("x", "diverged", reason="ValueError: no layer 7"),
        failed("x", "TypeError: no layer 7"),
        failed("x", state="out_of_memory"),
    ],
)
def test_a_trial_that_ends_otherwise_begins_the_row_anew(between):
    outcomes = [failed("a"), failed("b"), between, failed("c"), failed("d")]
    assert run(outcomes)[0] == []
    assert len(run([*outcomes, failed("e")])[0]) == 1


@pytest.mark.parametrize(
    "silent",
    [
        Outcome("x", "finished", score=0.5, same_as="other/search-0001"),
        Outcome("x", "failed", reason="ValueError: no layer 7", same_as="a"),
        Outcome("x", "killed", reason="interrupted"),
    ],
)
def test_repeats_and_interrupted_trials_neither_count_nor_break_the_row(silent):
    assert run([failed("a"), silent, failed("b")])[0] == []
    assert len(run([failed("a"), silent, failed("b"), failed("c")])[0]) == 1


def test_a_trial_counts_once_however_often_it_is_told():
    assert run([failed("a"), failed("a"), failed("a")], specs=[wide("a")])[0] == []


def test_one_broken_configuration_with_many_seeds_and_rates_is_no_reason_to_end_a_study_that_has_others():
    outcomes = [failed(f"t{n}") for n in range(6)]
    one = [wide(f"t{n}", rate=0.1 * n) for n in range(6)]
    assert run(outcomes, specs=[*one, wide("other", width=99)])[0] == []
    assert len(run(outcomes, specs=[*one[:-1], wide("t5", width=99)])[0]) == 1


def test_where_there_is_but_one_configuration_it_is():
    said: list[str] = []
    plan = StopAfterFailures(Listed([wide(f"t{n}", rate=0.1 * n) for n in range(3)]), most=3, on_reason=said.append)
    plan.ask(3)
    for n in range(3):
        plan.tell(failed(f"t{n}"))
    assert len(said) == 1


def test_out_of_memory_counts_too():
    outcomes = [failed(f"t{n}", f"its process held {n}.5 GB of memory", "out_of_memory") for n in range(3)]
    assert run(outcomes)[0] == ["3 trials in a row failed for the same reason: its process held 2.5 GB of memory"]


def test_the_message_is_one_short_line():
    [said] = run([failed(f"t{n}", "x" * 10_000 + "\nmore") for n in range(3)])[0]
    assert len(said) < 300
    assert "\n" not in said


@given(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.integers(min_value=0))
def test_numbers_addresses_and_the_trials_own_name_make_no_difference(whole, real, address):
    first = common(failed("t1", f"<Layer at {address:#x}> of t1: shape ({whole}, 3), loss {real}, 12,000"))
    assert first == common(failed("t2", "<Layer at 0x0> of t2: shape (1, 3), loss 0.5, 7"))
    assert first != common(failed("t2", "<Model at 0x0> of t2: shape (1, 3), loss 0.5, 7"))
