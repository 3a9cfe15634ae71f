from multiprocessing import Pipe
from pathlib import Path

import pytest
from pretend import pretend, spec

from ablate.errors import AblateError
from ablate.records import Epoch, Outcome
from ablate.schedule.crew import LEFT, Worker, hire, in_words
from ablate.schedule.messages import Place, Task


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (3, "its process ended by itself with exit code 3"),
        (0, "its process ended by itself with exit code 0"),
        (-11, "its process was ended by signal 11 (SIGSEGV)"),
        (-9, "its process was ended by signal 9 (SIGKILL): most likely the system's memory ran out"),
        (-50, "its process was ended by signal 50 (unnamed)"),
    ],
)
def test_an_exit_code_is_told_in_words(code, words):
    assert in_words(code) == words


def test_a_trial_in_training_grows_older_and_a_worker_that_owes_a_word_more_silent():
    ours, theirs = Pipe()
    worker = Worker(Place(0), 0, ours, Path("log"), is_ready=True)
    worker.start([spec("a")])
    assert theirs.recv() == [spec("a")]
    worker.age(2.0)
    worker.start([spec("b")])
    worker.age(3.0)
    worker.note(Epoch("b", 4, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0))
    assert worker.silent == 3.0
    assert worker.trials["a"].outcome("killed", "why") == Outcome("a", "killed", seconds=5.0, reason="why")
    assert worker.trials["b"].outcome("failed", "", traceback="t").epochs == 4
    worker.trials.clear()
    worker.is_idle = True
    worker.age(10.0)
    assert worker.silent == 3.0


def test_a_guest_is_shut_out_and_not_killed():
    ours, theirs = Pipe()
    worker = Worker(Place(7), 1, ours, Path("log"))  # the process with the number 1 would be somebody else's
    assert not worker.is_own()
    assert not worker.is_gone()
    worker.kill()
    with pytest.raises(EOFError):
        theirs.recv()
    worker.say("nobody hears it")
    assert worker.ended() is LEFT


def test_a_system_that_starts_no_more_processes_is_named(tiny_study, tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("multiprocessing.context.SpawnProcess._Popen", staticmethod(full))
    task = Task(tiny_study, tmp_path, cache=None, threads=1, log=tmp_path / "worker")
    with pytest.raises(AblateError, match="Resource temporarily unavailable"):
        hire(task, Place(0), pretend)
