"""The nurse without Ray, as an object of this process, with pretend workers."""

import os
import platform
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

import pytest
from pretend import pretend, refusing_whole, spec

from ablate.storage.models import model_path
from ablate.study.settings import Limits
from ablate.study.trial import Outcome
from ablate.training.trial_folder import folder_of
from ablate.workers.cluster import nurse as module
from ablate.workers.cluster.nurse import IDLE_GONE, Nurse, look
from ablate.workers.cluster.shipment import Brought, Ended, Seat, Shipment
from ablate.workers.crew import End
from ablate.workers.messages import Busy, EpochReport, Idle, Ready, Refused, TrialRequest, WorkerPlace, WorkerTask
from ablate.workers.worker import Deserted, WorkerPipe, settle_in

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="for machines of a cluster")


def keeping(task: WorkerTask, place: WorkerPlace, pipe: Connection) -> None:
    """A worker whose trials leave files, and which says first what its cache holds."""
    settle_in(task, place)
    link = WorkerPipe(pipe, max_memory=None)
    assert task.cache is not None
    assert task.kept_in is not None
    assert task.folders is not None
    try:
        link.say(Ready(tuple(sorted(path.name for path in task.cache.rglob("*.json")))))
        while True:
            for one in link.hear():
                link.say(Busy())
                for path in (
                    model_path(task.kept_in, one.trial),
                    folder_of(task.folders, one.trial) / "inner" / "log.txt",
                    task.cache / "ways" / f"{one.trial}.json",
                ):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(one.trial)
                link.tell(Outcome(one.trial, "finished", score=0.5))
            link.say(Idle())
    except Deserted:
        os._exit(0)


@pytest.fixture
def shipment(tiny_study, tmp_path, monkeypatch) -> Shipment:
    """That of a driver whose disk is its own."""
    node = tmp_path / "node"
    node.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(node))
    home = tmp_path / "driver"
    home.mkdir()
    task = WorkerTask(tiny_study, home, home / ".cache", 1, home / "worker", folders=home / "trials", kept_in=home)
    return Shipment(task, code="", token="1234", mark=home / ".cluster", serve=pretend)


@pytest.fixture
def start(digits) -> Iterator[Callable[[Shipment], Nurse]]:
    """Makes nurses that leave at the end, with no timer behind."""
    made: list[Nurse] = []

    def begin(shipment: Shipment, **seat: Any) -> Nurse:
        made.append(
            Nurse(shipment, digits, Seat(**{"number": 3, "threads": 1, "neighbours": 2, "on_gpu": False} | seat))
        )
        return made[-1]

    yield begin
    for nurse in made:
        nurse.leave()
        if nurse._timer is not None:
            nurse._timer.cancel()


def limited(shipment: Shipment, **limits: float) -> Shipment:
    study = shipment.task.study.model_copy(update={"limits": Limits(**limits)})
    return replace(shipment, task=replace(shipment.task, study=study))


def test_a_call_returns_what_the_worker_says_up_to_what_wants_an_answer(shipment, start):
    nurse = start(replace(shipment, task=replace(shipment.task, stack=2)))
    assert nurse.hire() == [Ready()]
    assert nurse.exchange([spec("fine-1")], {}) == [TrialRequest(1)]
    outcome, report = nurse.exchange([spec("slow-1")], {})
    assert (outcome.trial, type(report), report.epochs[0].trial) == ("fine-1", EpochReport, "slow-1")
    [report] = nurse.exchange([True], {})
    assert report.epochs[0].epoch == 2
    said = nurse.exchange([False], {})
    assert [type(one) for one in said] == [Outcome, Idle]
    assert nurse.look() == []


def test_what_keeps_a_worker_from_starting_ends_a_call(shipment, start):
    [said] = start(replace(shipment, serve=refusing_whole)).hire()
    assert said == Refused("model.train: mine.py: there is no such file", is_whole=True)


def test_a_death_is_told_in_words_with_the_last_output_and_another_worker_is_hired(shipment, start):
    nurse = start(shipment)
    nurse.hire()
    [ended] = nurse.exchange([spec("segfault-1")], {})
    assert ended.end == End("its process was killed by signal 11 (SIGSEGV)")
    assert "Fatal Python error: Segmentation fault" in ended.words
    assert nurse.hire() == [Ready()]
    [ended] = nurse.exchange([spec("exit-1")], {})
    assert ended.end.reason == "its process exited with code 3"


def test_limits_hold_where_the_worker_is(shipment, start):
    nurse = start(limited(shipment, trial_minutes=0.01))
    nurse.hire()
    [ended] = nurse.exchange([spec("asleep-1")], {})
    assert ended.end == End("it took longer than limits.trial_minutes = 0.01 allows", is_final=True)
    assert "in asleep" in ended.words or "lambda" in ended.words  # where it was


def kill(nurse: Nurse) -> None:
    os.kill(nurse._worker.pid, signal.SIGKILL)
    nurse._worker.line.process.join(10)


@pytest.mark.parametrize("call", [Nurse.look, lambda nurse: nurse.exchange([spec("fine-1")], {})])
def test_the_death_of_an_idle_worker_is_no_try_of_the_next_trial(shipment, start, call):
    nurse = start(shipment)
    nurse.hire()
    kill(nurse)
    [ended] = call(nurse)
    assert ended.end.reason.startswith("its process was killed by signal 9 (SIGKILL)")
    assert not ended.end.counts
    assert call(nurse) == [Ended(IDLE_GONE)]


def test_the_death_of_a_worker_that_waits_for_a_verdict_is_one(shipment, start):
    nurse = start(shipment)
    nurse.hire()
    nurse.exchange([spec("slow-1")], {})
    kill(nurse)
    [ended] = nurse.exchange([True], {})
    assert ended.end.counts


def test_files_are_brought_from_a_machine_that_does_not_see_the_drivers_disk(shipment, start):
    nurse = start(replace(shipment, serve=keeping, cache={"ways/first.json": b"1"}))
    assert nurse.hire() == [Ready(("first.json",))]
    brought, outcome, idle = nurse.exchange([spec("a")], {"ways/second.json": b"2"})
    models = "models/a.keras"
    assert brought == Brought({models: b"a", "trials/a/inner/log.txt": b"a"}, {"ways/a.json": b"a"})
    assert (outcome.trial, idle) == ("a", Idle())
    brought, *_ = nurse.exchange([spec("b")], {})
    assert list(brought.cache) == ["ways/b.json"]  # only what is new
    assert (nurse._task.cache / "ways" / "second.json").read_bytes() == b"2"
    assert list(shipment.task.log.parent.iterdir()) == []


def test_files_that_are_too_many_to_come_back_are_noted_on_their_trial(shipment, start, monkeypatch):
    monkeypatch.setattr(module, "MOST_KEPT", 1)
    nurse = start(replace(shipment, serve=keeping))
    nurse.hire()
    brought, outcome, _ = nurse.exchange([spec("a")], {})
    assert len(brought.study) == 1
    [note] = outcome.notes
    assert note.startswith(f"1 file of its folder did not come back from {platform.node()}: more than ")


def test_a_cache_is_looked_through_at_a_trials_first_epoch_and_at_its_end(shipment, start, monkeypatch):
    looks: list[int] = []
    nurse = start(shipment)
    nurse.hire()
    monkeypatch.setattr(module, "cache_files", lambda *_, **__: looks.append(len(said)) or {})
    said = [1]
    nurse.exchange([spec("slow-1")], {})
    for n in (2, 3):
        said.append(n)
        nurse.exchange([True], {})
    said.append(4)
    nurse.exchange([False], {})
    assert looks == [1, 4]


def test_where_the_mark_can_be_read_all_is_in_the_drivers_folders(shipment, start):
    shipment.mark.write_text(shipment.token)
    nurse = start(replace(shipment, serve=keeping, cache={"ways/first.json": b"1"}))
    assert nurse.hire() == [Ready()]
    assert [type(one) for one in nurse.exchange([spec("a")], {})] == [Outcome, Idle]
    home = shipment.task.log.parent
    assert (home / "trials" / "a" / "inner" / "log.txt").read_text() == "a"
    assert shipment.task.log_of(3).exists()
    kill(nurse)
    assert nurse.look()[0].words == ""  # the driver reads them itself


def test_the_mark_of_another_run_is_not_that_of_this_disk(shipment, start):
    shipment.mark.write_text("another token")
    assert start(shipment)._task.log != shipment.task.log


def test_a_worker_has_its_share_of_the_machine_and_processors_of_its_own(shipment, start, monkeypatch):
    monkeypatch.setattr(module.system, "memory_bytes", lambda: 40 * 2**30)
    first, second = start(shipment, number=0), start(shipment, number=1)
    assert first._task.max_memory == 12 * 2**30
    assert first._task.room.n_bytes == 12 * 2**30
    if len(os.sched_getaffinity(0)) > 1:
        assert first._place.cpus.isdisjoint(second._place.cpus)
    second.hire()
    if len(os.sched_getaffinity(0)) > 1:
        assert first._claim.others() == [second._worker.pid]
    assert start(shipment, on_gpu=True)._place.cpus == frozenset()


def test_after_the_last_nurse_nothing_is_left_of_the_study(shipment, start):
    first, second = start(shipment, number=0), start(shipment, number=1)
    folder = first._folder.path
    first.leave()
    assert folder.is_dir()
    second.leave()
    assert not folder.exists()


def test_a_nurse_ends_once_nobody_has_called_it_for_long(shipment, start, monkeypatch):
    ended = threading.Event()
    monkeypatch.setattr(module, "ORPHAN_SECONDS", 0.2)
    monkeypatch.setattr(module.os, "_exit", lambda code: ended.set() if code == 1 else None)
    nurse = start(shipment)
    assert not ended.wait(0.5)  # its first call is on the way
    with nurse._called():
        assert not ended.wait(0.5)
    assert ended.wait(30)


def test_a_call_stops_the_clock_of_the_call_before(shipment, start, monkeypatch):
    ended = threading.Event()
    monkeypatch.setattr(module, "ORPHAN_SECONDS", 3600.0)
    monkeypatch.setattr(module.os, "_exit", lambda _: ended.set())
    nurse = start(shipment)
    nurse.look()
    timer = nurse._timer
    nurse.look()
    assert nurse._timer is timer  # a thread for all calls
    assert timer.daemon  # it keeps no process alive
    timer.cancel()
    nurse._end_if_orphaned()
    assert nurse._timer is not timer  # it looks again later
    nurse._timer.cancel()
    monkeypatch.setattr(module, "ORPHAN_SECONDS", 0.0)
    with nurse._called():
        nurse._look_in = lambda _: None
        nurse._end_if_orphaned()
        assert not ended.is_set()
    nurse._end_if_orphaned()
    assert ended.is_set()


def test_a_machine_is_looked_at_with_the_drivers_variables(tiny_study, monkeypatch):
    monkeypatch.setenv("MKL_CBWR", "AVX")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    found = look(tiny_study, "", 1, {"MKL_CBWR": "COMPATIBLE"}, ("MKL_CBWR", "OMP_NUM_THREADS"))
    assert found.conditions.flags["MKL_CBWR"] == "COMPATIBLE"
    assert "OMP_NUM_THREADS" not in os.environ


def test_the_drivers_variables_are_those_of_a_nurse(shipment, start, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    start(replace(shipment, flags={"MKL_CBWR": "AVX"}, names=("MKL_CBWR", "OMP_NUM_THREADS")))
    assert os.environ["MKL_CBWR"] == "AVX"
    assert "OMP_NUM_THREADS" not in os.environ
    monkeypatch.delenv("MKL_CBWR")
