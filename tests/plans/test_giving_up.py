import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.plans.filters import GivingUp, common
from ablate.study.trial import Outcome, TrialSpec


def spec(trial: str, *, width: int = 16, rate: float = 0.1) -> TrialSpec:
    return TrialSpec(trial, "search", "", "", "", "", 0, {"width": width, "learning_rate": rate})


class Listed:
    """A plan of a fixed list that keeps what it is told."""

    def __init__(self, specs):
        self.specs, self.told = list(specs), []

    def ask(self, n):
        specs, self.specs = self.specs[:n], self.specs[n:]
        return specs

    def report(self, epoch):
        return epoch != "stop"

    def tell(self, outcome):
        self.told.append(outcome)


def run(outcomes, *, most=3, specs=None) -> tuple[list[str], GivingUp]:
    """What was said after trials of different configurations, or of `specs`, ended so."""
    said: list[str] = []
    specs = specs or [spec(outcome.trial, width=number) for number, outcome in enumerate(outcomes)]
    plan = GivingUp(Listed([*specs, spec("later")]), most=most, on_reason=said.append)
    plan.ask(len(specs))
    for outcome in outcomes:
        plan.tell(outcome)
    return said, plan


def failed(trial: str, reason: str = "ValueError: no layer 7", state="failed") -> Outcome:
    return Outcome(trial, state, reason=reason)


def test_so_many_alike_in_a_row_end_the_asking_and_are_said_once():
    outcomes = [failed(f"t{n}", f"ValueError: no layer {n} of t{n}\nin build") for n in range(4)]
    said, plan = run(outcomes)
    assert said == ["3 trials in a row failed alike: ValueError: no layer 2 of t2"]
    assert plan.ask(1) == []
    assert run(outcomes, most=4)[0] == ["4 trials in a row failed alike: ValueError: no layer 3 of t3"]


def test_up_to_then_and_with_0_for_ever_all_is_passed_on():
    for most, n in ((3, 2), (0, 50)):
        outcomes = [failed(f"t{number}") for number in range(n)]
        said, plan = run(outcomes, most=most)
        assert said == []
        assert [s.trial for s in plan.ask(1)] == ["later"]
        assert plan._plan.told == outcomes
        assert plan.report("go on")
        assert not plan.report("stop")


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
    assert run([failed("a"), failed("a"), failed("a")], specs=[spec("a")])[0] == []


def test_one_broken_configuration_with_many_seeds_and_rates_is_no_reason_to_end_a_study_that_has_others():
    outcomes = [failed(f"t{n}") for n in range(6)]
    one = [spec(f"t{n}", rate=0.1 * n) for n in range(6)]
    assert run(outcomes, specs=[*one, spec("other", width=99)])[0] == []
    assert len(run(outcomes, specs=[*one[:-1], spec("t5", width=99)])[0]) == 1


def test_where_there_is_but_one_configuration_it_is():
    said: list[str] = []
    plan = GivingUp(Listed([spec(f"t{n}", rate=0.1 * n) for n in range(3)]), most=3, on_reason=said.append)
    plan.ask(3)
    for n in range(3):
        plan.tell(failed(f"t{n}"))
    assert len(said) == 1


def test_out_of_memory_counts_too():
    outcomes = [failed(f"t{n}", f"its process held {n}.5 GB of memory", "out_of_memory") for n in range(3)]
    assert run(outcomes)[0] == ["3 trials in a row failed alike: its process held 2.5 GB of memory"]


def test_the_message_is_one_short_line():
    [said] = run([failed(f"t{n}", "x" * 10_000 + "\nmore") for n in range(3)])[0]
    assert len(said) < 300
    assert "\n" not in said


@given(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.integers(min_value=0))
def test_numbers_addresses_and_the_trials_own_name_make_no_difference(whole, real, address):
    first = common(failed("t1", f"<Layer at {address:#x}> of t1: shape ({whole}, 3), loss {real}, 12,000"))
    assert first == common(failed("t2", "<Layer at 0x0> of t2: shape (1, 3), loss 0.5, 7"))
    assert first != common(failed("t2", "<Model at 0x0> of t2: shape (1, 3), loss 0.5, 7"))
