"""The training of `ablate doctor`, with workers that end as real ones may; a real one is trained by the command."""

import os
import tempfile
import time

import pytest
from workers.pretend import refusing

from ablate.cli.commands.tiny_training import train_tiny
from ablate.errors import AblateError
from ablate.study.trial import Outcome
from ablate.workers.messages import Idle, Ready
from ablate.workers.worker import WorkerPipe, settle_in


def serving(task, place, pipe, outcome):
    settle_in(task, place)
    link = WorkerPipe(pipe, max_memory=None)
    link.say(Ready())
    (spec,) = link.hear()
    link.tell(outcome(spec.trial))
    link.say(Idle())
    link.hear()


def finishing(task, place, pipe):
    serving(task, place, pipe, lambda trial: Outcome(trial, "finished", score=0.5))


def failing(task, place, pipe):
    serving(task, place, pipe, lambda trial: Outcome(trial, "failed", reason="TypeError: float32, not float16"))


def diverging(task, place, pipe):
    serving(task, place, pipe, lambda trial: Outcome(trial, "diverged", reason="loss nan in epoch 1"))


def dying(task, place, _):
    settle_in(task, place)
    print("Traceback\n  some line\nImportError: no module named keras\n", flush=True)
    os._exit(3)


def hanging(task, place, _):
    settle_in(task, place)
    time.sleep(60)


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch):
    """The only place for temporary files, which must be empty in the end."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    assert list(tmp_path.iterdir()) == []


def test_a_training_that_finishes_tells_how_long_it_took():
    assert 0 < train_tiny(serve=finishing) < 30


@pytest.mark.parametrize(
    ("serve", "said"),
    [
        (failing, "^TypeError: float32, not float16$"),
        (diverging, "^diverged: loss nan in epoch 1$"),
        (refusing, r"^model\.name: mine\.py:build fails on the baseline$"),
        (dying, "^worker 0 ended before its first trial: .*exited with code 3: ImportError: no module named keras$"),
    ],
)
def test_a_training_that_does_not_finish_says_the_reason_in_a_line(serve, said):
    with pytest.raises(AblateError, match=said):
        train_tiny(serve=serve)


def test_a_training_that_hangs_is_ended():
    began = time.monotonic()
    with pytest.raises(AblateError, match=r"^it did not finish within 1 s$"):
        train_tiny(serve=hanging, most_seconds=1.0)
    assert time.monotonic() - began < 20


def test_without_room_for_temporary_files_that_is_the_reason(monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ablate.cli.commands.tiny_training.scratch_folder", full)
    with pytest.raises(AblateError, match=r"no space for temporary files: .*No space left"):
        train_tiny(serve=finishing)
