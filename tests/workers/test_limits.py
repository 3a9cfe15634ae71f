import os
import time
from multiprocessing import Pipe
from pathlib import Path
from types import SimpleNamespace

import pytest
from pretend import spec

from ablate import system
from ablate.study.settings import Limits
from ablate.workers import crashes as module
from ablate.workers.crashes import ResourceMonitor
from ablate.workers.crew import Worker
from ablate.workers.messages import WorkerPlace
from ablate.workers.process import ProcessLine

UNKNOWN = not system.held_memory_bytes(os.getpid())


def worker(number: int = 0, *, pid: int = 0) -> Worker:
    process = SimpleNamespace(pid=pid)
    made = Worker(WorkerPlace(number), ProcessLine(process, Pipe()[0]), Path("log"), pid=pid, is_ready=True)
    made.start([spec(f"t{number}")])
    return made


def over(watch: ResourceMonitor, *workers: Worker) -> list[tuple[int, str]]:
    return [(found.place.number, end.reason) for found, end in watch.over(workers)]


def test_a_trial_has_so_many_minutes():
    watch, slow, other = ResourceMonitor(Limits(trial_minutes=2), memory=0), worker(0), worker(1)
    slow.age(119.0)
    assert over(watch, slow, other) == []
    slow.age(2.0)
    [(found, end)] = watch.over([slow, other])
    assert found is slow
    assert (end.reason, end.state, end.is_final) == (
        "it took longer than limits.trial_minutes = 2 allows",
        "failed",
        True,
    )


def test_a_worker_may_be_silent_for_so_many_minutes_and_an_idle_one_for_ever():
    ours, theirs = Pipe()
    watch, silent = ResourceMonitor(Limits(silent_minutes=1), memory=0), worker()
    silent.line.pipe = ours
    silent.age(61.0)
    theirs.send("a word that was not heard yet")
    assert over(watch, silent) == []
    ours.recv()
    assert over(watch, silent) == [(0, "its process was silent for longer than limits.silent_minutes = 1")]
    silent.silent, silent.is_idle = 0.0, True
    silent.age(61.0)
    assert over(watch, silent) == []


def test_time_passes_between_two_looks_but_for_that_in_which_the_scheduler_was_stopped(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    watch, busy = ResourceMonitor(Limits(), memory=0), worker()
    assert not watch.is_due()
    now[0] += 1.5
    assert watch.is_due()
    watch.over([busy])
    assert not watch.is_due()
    assert busy.trials["t0"].seconds == busy.silent == 1.5
    now[0] += 3600.0
    watch.over([busy])
    assert busy.silent == 1.5 + module.LEAP_SECONDS


@pytest.mark.skipif(UNKNOWN, reason="the system does not say what a process holds")
def test_a_worker_above_the_studys_limit_is_too_large_whatever_the_others_hold():
    large, unknown = worker(0, pid=os.getpid()), worker(1)
    [(found, end)] = ResourceMonitor(Limits(memory_gb=0.01), memory=0).over([large, unknown])
    assert found is large
    assert end.state == "out_of_memory"
    assert end.is_final
    assert end.reason.endswith("GB of memory, but limits.memory_gb = 0.01 allows no more")
    assert over(ResourceMonitor(Limits(memory_gb=100), memory=1), large) == []


@pytest.mark.skipif(UNKNOWN, reason="the system does not say what a process holds")
def test_without_a_limit_the_largest_goes_once_the_study_holds_nine_tenths_of_the_machine():
    held = system.held_memory_bytes(os.getpid())
    small, large = worker(0), worker(1, pid=os.getpid())
    [(found, end)] = ResourceMonitor(Limits(), memory=int(2 * held / 0.95)).over([small, large])
    assert found is large
    assert (end.state, end.is_final) == ("out_of_memory", False)  # alone it might have had enough
    assert "more than 90% of this machine's" in end.reason
    assert over(ResourceMonitor(Limits(), memory=3 * held), small, large) == []
    assert over(ResourceMonitor(Limits(), memory=0), small, large) == []  # a system that does not say
    assert over(ResourceMonitor(Limits(), memory=1)) == []


@pytest.mark.parametrize(
    ("theirs", "ended"),
    [
        ([], []),
        ([20], []),  # 10 + 30 + 20 + 20 of 90
        ([25, 20], [1]),  # the largest of all
        ([35], []),  # theirs is: whoever it belongs to ends it
    ],
)
def test_others_on_this_machine_count_and_the_largest_of_all_goes(theirs, ended, monkeypatch):
    held = {os.getpid(): 10, 1: 20, 2: 30} | {100 + n: size for n, size in enumerate(theirs)}
    monkeypatch.setattr(system, "held_memory_bytes", held.get)
    monkeypatch.setattr(system, "tree_memory_bytes", lambda pid, *, exact_above: held[pid])  # noqa: ARG005
    neighbours = [pid for pid in held if pid >= 100 and pid != os.getpid()]
    watch = ResourceMonitor(Limits(), memory=100, neighbours=lambda: neighbours)
    assert [number for number, _ in over(watch, worker(0, pid=1), worker(1, pid=2))] == ended


def test_a_look_takes_no_time_that_a_verdict_would_notice():
    watch, workers = (
        ResourceMonitor(Limits(trial_minutes=9), memory=2**50),
        [worker(n, pid=os.getpid()) for n in range(8)],
    )
    began = time.perf_counter()
    watch.over(workers)
    assert time.perf_counter() - began < 0.05  # for eight workers, once a second
