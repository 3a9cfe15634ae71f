"""The scheduler and workers that die, hang, grow and flood: real processes and signals, but no training."""

import multiprocessing
import os
import re
import threading
import time
from dataclasses import replace

import pretend
import pytest
from pretend import Listed, spec

from ablate import system
from ablate.errors import AblateError
from ablate.study.settings import Limits, Retries
from ablate.study.trial import TrialSpec
from ablate.workers import pool as module
from ablate.workers.messages import WorkerTask
from ablate.workers.pool import LocalScheduler


@pytest.fixture
def task(tiny_study, tmp_path) -> WorkerTask:
    return WorkerTask(tiny_study, tmp_path, cache=None, threads=1, log=tmp_path / "worker")


def limited(task: WorkerTask, *, killed: int = 2, **limits) -> WorkerTask:
    update = {"limits": Limits(**limits), "retries": Retries(killed=killed)}
    return replace(task, study=task.study.model_copy(update=update))


class Kept:
    """A scheduler, and what it said while it ran."""

    def __init__(
        self, task: WorkerTask, *, workers: int = 1, serve=pretend.pretend, stop_at: int = 0, **options
    ) -> None:
        self.begun: list[str] = []
        self.lost: list[tuple[str, str]] = []
        self.notices: list[str] = []
        self.stop, self.stop_at = threading.Event(), stop_at
        self.local = LocalScheduler(
            task,
            workers=workers,
            stop=self.stop,
            on_start=self.begin,
            on_lost=lambda lost, reason: self.lost.append((lost.trial, reason)),
            on_notice=self.notices.append,
            serve=serve,
            **options,
        )

    def begin(self, begun: TrialSpec) -> None:
        self.begun.append(begun.trial)
        if len(self.begun) == self.stop_at:
            threading.Timer(0.3, self.stop.set).start()

    def train(self, *trials: str, on_epoch=lambda _: True) -> dict:
        """The outcomes; no process is left behind."""
        plan = Listed([spec(trial) for trial in trials], on_epoch)
        before = set(multiprocessing.active_children())
        with self.local:
            self.local.run(plan)
        assert set(multiprocessing.active_children()) <= before
        return plan.outcomes


def test_what_workers_have_to_say_of_the_models_is_announced_once(task):
    kept = Kept(limited(task), workers=2, serve=pretend.noticing)
    kept.train("fine-1", "fine-2", "fine-3", "fine-4")
    assert kept.notices == ["build did not look at the factor width", "nor at depth"]


def test_a_worker_that_dies_costs_its_trial_and_no_other(task):
    kept = Kept(limited(task, killed=1), workers=2)
    outcomes = kept.train("segfault-1", "once-1", "fine-1")
    assert {name: outcome.state for name, outcome in outcomes.items()} == {
        "segfault-1": "failed",
        "once-1": "finished",
        "fine-1": "finished",
    }
    segfault = "its process was killed by signal 11 (SIGSEGV)"
    assert outcomes["segfault-1"].reason == f"{segfault}; tried 2 times"
    assert "Segmentation fault" in outcomes["segfault-1"].traceback
    assert "string_at" in outcomes["segfault-1"].traceback
    assert sorted(kept.lost) == [
        ("once-1", "its process was killed by signal 9 (SIGKILL), often a sign that the system ran out of memory"),
        ("segfault-1", segfault),
    ]
    assert sorted(kept.begun) == ["fine-1", "once-1", "once-1", "segfault-1", "segfault-1"]


def test_a_trial_over_its_time_or_its_memory_is_ended_and_not_tried_again(task, monkeypatch):
    monkeypatch.setattr("ablate.workers.crashes.LOOK_SECONDS", 0.1)
    kept = Kept(limited(task, trial_minutes=0.03, memory_gb=0.2), workers=2)
    outcomes = kept.train("hang-1", "grow-1", "fine-1")
    assert outcomes["fine-1"].state == "finished"
    assert outcomes["hang-1"].state == "failed"
    assert outcomes["hang-1"].reason == "it took longer than limits.trial_minutes = 0.03 allows"
    assert outcomes["hang-1"].seconds > 1.8
    assert "in hang" in outcomes["hang-1"].traceback  # where it was when it was ended
    assert outcomes["grow-1"].state == "out_of_memory"
    assert outcomes["grow-1"].reason.endswith("GB of memory, but limits.memory_gb = 0.2 allows no more")
    assert kept.lost == []


def test_a_stop_waits_for_a_hanging_worker_no_longer_than_the_grace(task, monkeypatch):
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.3)
    kept = Kept(task, workers=2, stop_at=2)
    outcomes = kept.train("hang-1", "slow-1", "fine-1")
    ends = {name: (outcome.state, outcome.reason) for name, outcome in outcomes.items()}
    assert ends == {"hang-1": ("killed", "interrupted"), "slow-1": ("finished", "")}  # its epoch could end


@pytest.mark.slow
def test_leaving_is_quick_while_a_worker_hangs(task):
    kept = Kept(task, workers=2)
    plan = Listed([spec("hang-1"), spec("fine-1")])
    plan.tell = lambda _: (_ for _ in ()).throw(KeyboardInterrupt)  # the second Ctrl-C
    left: list[float] = []

    def run() -> None:
        with kept.local:
            try:
                kept.local.run(plan)
            finally:
                left.append(time.monotonic())

    with pytest.raises(KeyboardInterrupt):
        run()
    assert time.monotonic() - left[0] < 3
    assert [worker.line.process.is_alive() for worker in kept.local.workers] == [False, False]


@pytest.mark.slow
def test_when_a_stacks_worker_dies_or_runs_too_long_each_of_its_trials_gets_a_worker_of_its_own(task):
    for guilty, state, limits in (("segfault-1", "failed", {}), ("asleep-1", "failed", {"trial_minutes": 0.03})):
        kept = Kept(replace(limited(task, killed=0, **limits), stack=3))
        outcomes = kept.train("fine-1", guilty, "fine-2", "fine-3")
        assert {name: outcome.state for name, outcome in outcomes.items()} == {
            "fine-1": "finished",
            guilty: state,
            "fine-2": "finished",
            "fine-3": "finished",
        }
        assert [name for name, _ in kept.lost] in ([guilty, "fine-2"], ["fine-1", guilty, "fine-2"])
        assert kept.begun.count(guilty) == 2


@pytest.mark.slow
def test_a_silent_worker_is_ended(task):
    kept = Kept(limited(task, silent_minutes=0.07), workers=2)
    outcomes = kept.train("asleep-1", "slow-1", "busy-1", on_epoch=lambda epoch: epoch.epoch < 120)
    assert outcomes["asleep-1"].reason == "its process was silent for longer than limits.silent_minutes = 0.07"
    assert outcomes["slow-1"].state == "finished"  # in 6 seconds, but with a word now and then
    assert outcomes["busy-1"].state == "finished"  # the same, before its first epoch


@pytest.mark.slow
def test_workers_that_leave_the_machine_too_little_memory_are_ended_the_largest_first(task, monkeypatch):
    others = system.held_memory_bytes(os.getpid())
    monkeypatch.setattr("ablate.system.memory_bytes", lambda: int((others + 2**30) / 0.9))
    kept = Kept(limited(task, killed=1), workers=2)
    outcomes = kept.train("grow-1", "slow-1", on_epoch=lambda epoch: epoch.epoch < 100)
    assert outcomes["slow-1"].state == "finished"
    assert outcomes["grow-1"].state == "out_of_memory"
    assert re.search(r"more than 90% of this machine's [\d.]+ GB; tried 2 times", outcomes["grow-1"].reason)
    assert len(kept.lost) == 1


@pytest.mark.slow
def test_a_log_stays_small(task):
    outcomes = Kept(task).train("flood-1", "flood-2", "fine-1")
    assert {outcome.state for outcome in outcomes.values()} == {"finished"}
    assert task.log_of(0).stat().st_size <= 64 * 2**20
    assert "bytes were cut here" in task.log_of(0).read_text()[:100]


@pytest.mark.slow
def test_a_worker_whose_child_holds_its_pipe_is_found_dead(task):
    began = time.monotonic()
    outcomes = Kept(limited(task, killed=0)).train("fork-1", "fine-1")
    assert outcomes["fork-1"].reason == "its process exited with code 6"
    assert outcomes["fine-1"].state == "finished"
    assert time.monotonic() - began < 4  # when that child ends


@pytest.mark.slow
def test_workers_that_are_killed_before_they_are_ready_are_replaced_as_often_as_trials_are_tried(task, tmp_path):
    (tmp_path / "births-0").write_text("1\n2\n3\n")
    (tmp_path / "births-1").write_text("1\n2\n")
    kept = Kept(limited(task, killed=2), workers=2, serve=pretend.stillborn)
    outcomes = kept.train("slow-1", "fine-1", on_epoch=lambda epoch: epoch.epoch < 60)
    assert {outcome.state for outcome in outcomes.values()} == {"finished"}
    (tmp_path / "births-0").write_text("1\n2\n3\n")
    with pytest.raises(AblateError, match=r"worker 0 ended before its first trial: its process was killed by signal 9"):
        Kept(limited(task, killed=2), serve=pretend.stillborn).train("fine-1")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("serve", "minutes", "message"),
    [
        (pretend.leaving, 2.0, "ended before its first trial: its process exited with code 5"),
        (
            pretend.mute,
            0.03,
            "ended before its first trial: its process was silent for longer than limits.silent_minutes",
        ),
        (pretend.refusing, 2.0, "model.name: mine.py:build fails on the baseline"),
    ],
)
def test_a_study_whose_workers_cannot_begin_ends_at_once_and_names_model_and_log(task, serve, minutes, message):
    with pytest.raises(AblateError, match=message) as raised:
        Kept(limited(task, silent_minutes=minutes), serve=serve).train("fine-1")
    assert "model.name" in str(raised.value)
    assert str(raised.value).endswith(f"see {task.log_of(0)}")
    assert len(str(raised.value).splitlines()) <= 3


def test_a_refusal_that_says_all_names_no_log(task):
    with pytest.raises(AblateError) as raised:
        Kept(limited(task, silent_minutes=2.0), serve=pretend.refusing_whole).train("fine-1")
    assert str(raised.value) == "model.train: mine.py: there is no such file"


@pytest.mark.slow
@pytest.mark.parametrize("serve", [pretend.refusing, pretend.leaving])
def test_a_log_that_is_deleted_with_its_worker_is_not_named(task, serve):
    with pytest.raises(AblateError) as raised:
        Kept(replace(limited(task, silent_minutes=2.0), is_log_kept=False), serve=serve).train("fine-1")
    assert ".log" not in str(raised.value)
    assert "model.name" in str(raised.value)
