"""The scheduler and the pretend workers of a cluster: deaths, hangs, nodes that go and come."""

import os
import threading
import time
from pathlib import Path

import pretend
import pytest
from clusters import BESIDE, Nodes, OnCluster

from ablate.errors import AblateError
from ablate.workers import pool
from ablate.workers.messages import WorkerTask

pytestmark = pytest.mark.cluster


@pytest.fixture
def task(tiny_study, tmp_path) -> WorkerTask:
    return WorkerTask(tiny_study, tmp_path, cache=None, threads=1, log=tmp_path / "worker")


def pretending(nodes: Nodes, task: WorkerTask, **limits) -> OnCluster:
    return OnCluster(nodes, task, serve=pretend.pretend, **limits)


def test_a_worker_that_dies_costs_its_trial_and_is_told_in_words(two_nodes, task, digits):
    crew = pretending(two_nodes, task, killed=1)
    outcomes = crew.train(digits, "segfault-1", "exit-1", "fine-1", "fine-2", "killed-1")
    assert {name: outcome.state for name, outcome in outcomes.items()} == {
        "segfault-1": "failed", "exit-1": "failed", "fine-1": "finished", "fine-2": "finished", "killed-1": "failed",
    }  # fmt: skip
    assert outcomes["segfault-1"].reason == "its process was killed by signal 11 (SIGSEGV); tried 2 times"
    assert "Fatal Python error: Segmentation fault" in outcomes["segfault-1"].traceback
    assert outcomes["exit-1"].reason == "its process exited with code 3; tried 2 times"
    assert not (task.log.parent / ".cluster").exists()


def test_limits_are_looked_at_where_the_worker_is(two_nodes, task, digits):
    crew = pretending(two_nodes, task, trial_minutes=0.2, memory_gb=0.6)
    outcomes = crew.train(digits, "hang-1", "grow-1", "fine-1")
    assert outcomes["hang-1"].reason == "it took longer than limits.trial_minutes = 0.2 allows"
    assert outcomes["grow-1"].state == "out_of_memory"
    assert "limits.memory_gb = 0.6 allows no more" in outcomes["grow-1"].reason
    assert outcomes["fine-1"].state == "finished"


def test_a_stop_lets_epochs_end_and_ends_a_worker_that_hangs(two_nodes, task, digits, monkeypatch):
    monkeypatch.setattr(pool, "GRACE_SECONDS", 1.0)
    crew = pretending(two_nodes, task)

    def stop_soon(_) -> bool:
        if crew.begun == ["hang-1", "slow-1"] or len(crew.begun) == 2:
            threading.Timer(1.0, crew.stop.set).start()
        return True

    began = time.monotonic()
    outcomes = crew.train(digits, "hang-1", "slow-1", "fine-1", on_epoch=stop_soon)
    assert {name: (one.state, one.reason) for name, one in outcomes.items()} == {
        "hang-1": ("killed", "interrupted"),
        "slow-1": ("finished", ""),
    }
    assert time.monotonic() - began < 60


def test_a_node_that_goes_costs_no_try_and_one_that_comes_is_used(two_nodes, task, digits):
    crew, seen = pretending(two_nodes, task, killed=0), []

    def cut(epoch) -> bool:
        seen.append(epoch.trial)
        if len(seen) == 10:
            two_nodes.kill()
            two_nodes.add()
        return len(seen) < 60 or seen.count(epoch.trial) < 5

    outcomes = crew.train(digits, "slow-1", "slow-2", "slow-3", "slow-4", on_epoch=cut)
    assert {one.state for one in outcomes.values()} == {"finished"}
    assert len(outcomes) == 4
    [(lost, reason)] = crew.lost
    assert lost in ("slow-1", "slow-2")
    assert reason == "its machine left the cluster, or the line to it was cut"
    assert crew.begun.count(lost) == 2


def test_where_no_node_is_left_a_study_waits_for_one(two_nodes, task, digits):
    crew = pretending(two_nodes, task, killed=0)

    def cut(epoch) -> bool:
        if len(crew.begun) == 2 and epoch.epoch == 5:
            two_nodes.be(0)
        return len(crew.begun) == 2

    crew.on_notice = lambda notice: two_nodes.add() if "is left: waiting" in notice else None
    outcomes = crew.train(digits, "slow-1", "slow-2", on_epoch=cut)
    assert {name: one.state for name, one in outcomes.items()} == {"slow-1": "finished", "slow-2": "finished"}
    said = [notice for notice in crew.notices if not notice.startswith("Ray: ")]
    assert said[-2].startswith("no machine of the cluster is left: waiting for one")
    assert said[-1].endswith("has come: going on")


def test_what_keeps_workers_from_starting_is_told_as_here(two_nodes, task, digits):
    crew = OnCluster(two_nodes, task, serve=pretend.refusing_whole)
    with pytest.raises(AblateError, match=r"^model.train: mine.py: there is no such file$"):
        crew.train(digits, "fine-1")


def test_nothing_is_left_behind(two_nodes, task, digits):
    crew = pretending(two_nodes, task)
    there: list[str] = []

    def look(epoch) -> bool:
        there.extend(_processes())
        return epoch.epoch < 2

    crew.train(digits, "slow-1", "fine-1", "fine-2", on_epoch=look)
    assert there
    deadline = time.monotonic() + 10
    while (left := _processes()) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left == []


def _processes() -> list[str]:
    """Worker processes of this cluster's nodes: of those that find the pretend workers of this checkout."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            environ = (process / "environ").read_bytes()
        except OSError:  # no process, another user's, or it has just ended
            continue
        is_ours = b"RAY_RAYLET_PID=" in environ and os.fsencode(BESIDE) in environ
        if is_ours and "spawn_main" in line:
            found.append(line)
    return found
