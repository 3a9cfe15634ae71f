import os
import sys
from multiprocessing.connection import Connection
from types import ModuleType

import pytest
from pretend import pretend

from ablate.errors import AblateError
from ablate.workers.messages import WorkerPlace, WorkerTask
from ablate.workers.process import in_words, shut_down, spawn_worker
from ablate.workers.worker import settle_in


@pytest.fixture
def task(tiny_study, tmp_path) -> WorkerTask:
    return WorkerTask(tiny_study, tmp_path, cache=None, threads=1, log=tmp_path / "worker")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (3, "its process exited with code 3"),
        (0, "its process exited with code 0"),
        (-11, "its process was killed by signal 11 (SIGSEGV)"),
        (-9, "its process was killed by signal 9 (SIGKILL), often a sign that the system ran out of memory"),
        (-50, "its process was killed by signal 50 (unnamed)"),
    ],
)
def test_an_exit_code_is_told_in_words(code, words):
    assert in_words(code) == words


def report_start(task: WorkerTask, place: WorkerPlace, pipe: Connection) -> None:
    """A worker that says where it looked for modules, and what its main module is."""
    settle_in(task, place)
    pipe.send((sys.modules["select"].__file__, os.environ.get("PYTHONSAFEPATH"), hasattr(sys.modules["__main__"], "X")))
    pipe.recv()


@pytest.mark.parametrize("name", ["types", "signal", "select", "numbers"])
def test_workers_import_nothing_from_the_working_folder(name, task, tmp_path, monkeypatch):
    (tmp_path / f"{name}.py").write_text("raise RuntimeError('this is no module of Python')\n")
    monkeypatch.chdir(tmp_path)
    worker = spawn_worker(task, WorkerPlace(0), report_start)
    assert worker.line.pipe.poll(30)
    path, safe, _ = worker.line.pipe.recv()
    assert not path.startswith(str(tmp_path))
    assert safe is None  # a model's own processes look for modules as ever
    assert "PYTHONSAFEPATH" not in os.environ
    shut_down({worker.line: worker.is_idle})


def test_workers_do_not_run_the_main_script_once_more(task, tmp_path, monkeypatch):
    (tmp_path / "script.py").write_text("X = 1\nraise SystemExit(3)\n")
    main = ModuleType("__main__")
    main.__file__ = str(tmp_path / "script.py")
    monkeypatch.setitem(sys.modules, "__main__", main)
    worker = spawn_worker(task, WorkerPlace(0), report_start)
    assert sys.modules["__main__"] is main
    assert worker.line.pipe.poll(30)
    assert not worker.line.pipe.recv()[2]
    shut_down({worker.line: worker.is_idle})


def test_a_system_that_starts_no_more_processes_is_named(task, monkeypatch):
    def full(*_: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("multiprocessing.context.SpawnProcess._Popen", staticmethod(full))
    with pytest.raises(AblateError, match="Resource temporarily unavailable"):
        spawn_worker(task, WorkerPlace(0), pretend)
