"""A worker's end of the pipe."""

from multiprocessing import Pipe

import pytest
from records import epoch_of_classes

from ablate.errors import AblateError, StudyError, reason_of
from ablate.study.model_ref import ModelRef
from ablate.study.trial import Outcome
from ablate.workers.messages import EpochReport, TrialRequest
from ablate.workers.worker import Deserted, WorkerPipe, says_all, why_not

EPOCH = epoch_of_classes("a", 1, 1.0, 0.5, 1.1, 0.4, 1e-3, 2.0)


def test_what_a_worker_says_is_answered_in_turn():
    ours, theirs = Pipe()
    link = WorkerPipe(theirs, max_memory=None)
    ours.send(["spec"])
    assert link.more(3) == ["spec"]
    ours.send([False])
    assert link.report([EPOCH]) == [False]
    link.tell(Outcome("a", "pruned"))
    assert [ours.recv() for _ in range(3)] == [TrialRequest(3), EpochReport((EPOCH,)), Outcome("a", "pruned")]


def test_a_worker_that_is_worn_asks_for_no_more():
    """So that a stack that is refilled again and again comes to an end, and its worker can be replaced."""
    ours, theirs = Pipe()
    assert WorkerPipe(theirs, max_memory=1).more(3) == ()
    assert not ours.poll()


def test_a_scheduler_that_is_gone_is_no_fault_of_a_trial():
    ours, theirs = Pipe()
    link = WorkerPipe(theirs, max_memory=None)
    ours.close()
    with pytest.raises(Deserted):
        link.hear()
    with pytest.raises(Deserted):
        link.tell(Outcome("a", "finished"))
    assert not issubclass(Deserted, Exception)


@pytest.mark.parametrize(
    ("err", "reason"),
    [
        (StudyError("model.name: mine.py fails"), "model.name: mine.py fails"),
        (ImportError("no tensorflow"), "no worker can start: ImportError: no tensorflow"),
        (SystemExit(3), "model.name: m must return a keras.Model on the baseline, but ends the program: SystemExit: 3"),
        (ValueError("x" * 10_000), "no worker can start: " + reason_of(ValueError("x" * 10_000))),
    ],
)
def test_what_keeps_a_worker_from_its_first_trial_is_told_in_a_few_words(err, reason):
    assert why_not(err, model=ModelRef.of("m")) == reason


def caused_by(cause: BaseException | None) -> AblateError:
    err = AblateError("model.name: mine.py:build fails")
    err.__cause__ = cause
    return err


@pytest.mark.parametrize(
    ("err", "is_whole"),
    [
        (caused_by(None), True),
        (caused_by(SyntaxError("x")), True),
        (caused_by(FileNotFoundError("in build")), False),
        (caused_by(AblateError("x")), True),
        (caused_by(ValueError("deep in build")), False),
        (ValueError("x"), False),
        (SystemExit(2), False),
    ],
)
def test_a_rule_of_ablate_needs_no_log_and_an_exception_of_user_code_does(err, is_whole):
    assert says_all(err) == is_whole
