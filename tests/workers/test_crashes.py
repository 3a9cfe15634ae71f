from multiprocessing import Pipe, get_context
from pathlib import Path

import pytest
from pretend import spec

from ablate.workers.crashes import CrashCounter
from ablate.workers.crew import End, Worker
from ablate.workers.messages import WorkerPlace
from ablate.workers.process import ProcessLine

CRASH = End("it crashed")
SLOW = End("it was too slow", is_final=True)
LARGE = End("it grew", state="out_of_memory")
NODE = End("its machine is gone", counts=False)


def worker(*trials: str, log: Path = Path("none"), is_ready: bool = True) -> Worker:
    process = get_context("spawn").Process()  # never started
    made = Worker(WorkerPlace(0), ProcessLine(process, Pipe()[0]), log, is_ready=is_ready)
    made.start([spec(trial) for trial in trials])
    made.age(2.0)
    return made


def test_a_trial_is_tried_again_as_often_as_the_study_says_and_then_told():
    losses = CrashCounter(most=2)
    assert [losses.given_up(worker("a"), CRASH) for _ in range(2)] == [None, None]
    assert losses.given_up(worker("b"), CRASH) is None
    outcome = losses.given_up(worker("a"), LARGE)
    assert (outcome.state, outcome.reason, outcome.seconds) == ("out_of_memory", "it grew; tried 3 times", 2.0)
    assert CrashCounter(most=0).given_up(worker("a"), CRASH).reason == "it crashed"


def test_the_end_of_a_machine_is_no_try_of_the_trial_that_it_trained():
    losses = CrashCounter(most=0)
    assert [losses.given_up(worker("a"), NODE) for _ in range(9)] == [None] * 9
    assert [losses.is_hopeless(worker(is_ready=False), NODE) for _ in range(9)] == [False] * 9
    assert losses.given_up(worker("a"), CRASH).reason == "it crashed"


def test_what_would_end_so_again_is_not_tried_again():
    outcome = CrashCounter(most=2).given_up(worker("a"), SLOW)
    assert (outcome.state, outcome.reason) == ("failed", "it was too slow")


@pytest.mark.parametrize("trials", [(), ("a", "b")])
def test_of_several_none_is_told_and_none_counts(trials):
    losses = CrashCounter(most=0)
    assert losses.given_up(worker(*trials), SLOW) is None
    assert losses.given_up(worker("a"), CRASH).reason == "it crashed"


def test_a_trial_is_told_with_what_its_worker_printed_last(tmp_path):
    log = tmp_path / "worker-0.log"
    log.write_text("no such layer\n")
    outcome = CrashCounter(most=0).given_up(worker("a", log=log), CRASH)
    assert outcome.traceback == f"The last output of its worker ({log}):\nno such layer"


def test_a_place_is_given_up_after_as_many_workers_that_never_got_ready():
    losses, young = CrashCounter(most=1), worker(is_ready=False)
    assert [losses.is_hopeless(young, CRASH) for _ in range(2)] == [False, True]
    losses.note_ready(young)
    assert not losses.is_hopeless(young, CRASH)
    assert losses.is_hopeless(young, SLOW)
    assert not CrashCounter(most=0).is_hopeless(worker("a"), CRASH)  # it had been ready
