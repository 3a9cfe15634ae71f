"""Programs as trials of real workers: what hangs, grows or loses its worker costs one trial, and leaves no process."""

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from pretend import Listed

from ablate.data import save_arrays
from ablate.experiment.options import open_data
from ablate.study.load import load_study
from ablate.study.trial import Label, TrialSpec
from ablate.workers import pool as module
from ablate.workers.messages import WorkerTask
from ablate.workers.pool import LocalScheduler

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
]
MARK = "ABLATE_POOL_TEST"
STUDY = """
name = "tiny"
title = "Programs"
[model]
command = "sh {deed}.sh"
[metric]
name = "loss"
[baseline]
deed = "fine"
[space]
deed = ["fine", "hang"]
[limits]
{limits}
[retries]
killed = 0
"""
DEEDS = {
    "fine": "echo train_loss: 1; echo val_loss: 1",
    "hang": """
        trap '' TERM
        setsid sh -c 'trap "" TERM; sleep 1000; :' &
        (setsid sleep 1001 &)
        sleep 1002; :
    """,
    "grow": """(python -S -c 'held = b"x" * 400_000_000; import time; time.sleep(1000)'; echo never) & wait""",
    "flood": "yes & yes >&2 & sleep 0.5; kill %1 %2; echo train_loss: 1; echo val_loss: 1",
}


def started_here(folder: Path) -> dict[int, str]:
    """The processes with this test's mark in their environment, each with its command line."""
    found = {}
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            if process.name.isdigit() and f"{MARK}={folder}".encode() in (process / "environ").read_bytes():
                found[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def programs_of(folder: Path) -> list[str]:
    """The programs among them, their supervisors and children: all but the workers."""
    workers = ("spawn_main", "resource_tracker")
    return [line for line in started_here(folder).values() if not any(word in line for word in workers)]


def run(folder: Path, *deeds: str, limits: str = "", stop=None, on_start=lambda _: None) -> Listed:
    os.environ[MARK] = str(folder)
    for name, script in DEEDS.items():
        (folder / f"{name}.sh").write_text(script)
    (folder / "tiny.toml").write_text(STUDY.replace("{limits}", limits))
    study = load_study(folder / "tiny.toml", overrides=[], quick=False)
    arrays = save_arrays(open_data(study, None, announce=print), folder / "arrays")
    task = WorkerTask(study, arrays, cache=None, threads=1, log=folder / "worker")
    plan = Listed([TrialSpec(deed, Label("search"), 0, {"deed": deed}) for deed in deeds])
    try:
        with LocalScheduler(task, workers=1, stop=stop or threading.Event(), on_start=on_start) as local:
            local.run(plan)
    finally:
        del os.environ[MARK]
    return plan


def nothing_is_left(folder: Path) -> bool:
    deadline = time.monotonic() + 6
    while (left := programs_of(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    print(left)
    return not left


def test_a_program_that_hangs_costs_its_trial_alone(tmp_path):
    plan = run(tmp_path, "fine", "hang", "flood", limits="trial_minutes = 0.03")
    states = {trial: outcome.state for trial, outcome in plan.outcomes.items()}
    assert states == {"fine": "finished", "hang": "failed", "flood": "finished"}
    hung = plan.outcomes["hang"]
    assert hung.reason == "it took longer than limits.trial_minutes = 0.03 allows"
    assert f"sh hang.sh > {tmp_path}" in hung.traceback
    assert nothing_is_left(tmp_path)


def test_the_memory_of_a_programs_children_counts(tmp_path):
    plan = run(tmp_path, "grow", "fine", limits="memory_gb = 0.35")
    assert plan.outcomes["grow"].state == "out_of_memory"
    assert plan.outcomes["fine"].state == "finished"
    assert nothing_is_left(tmp_path)


def test_a_stop_ends_a_program_that_reports_nothing_after_a_grace(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "GRACE_SECONDS", 1.0)
    stop, began = threading.Event(), time.monotonic()
    plan = run(tmp_path, "hang", stop=stop, on_start=lambda _: threading.Timer(0.5, stop.set).start())
    assert (plan.outcomes["hang"].state, plan.outcomes["hang"].reason) == ("killed", "interrupted")
    assert time.monotonic() - began < 9
    assert nothing_is_left(tmp_path)


def test_a_worker_that_is_killed_takes_its_program_along(tmp_path):
    def kill_worker() -> None:
        for pid, line in started_here(tmp_path).items():
            if "spawn_main" in line:
                os.kill(pid, signal.SIGKILL)

    plan = run(tmp_path, "hang", on_start=lambda _: threading.Timer(0.7, kill_worker).start())
    assert plan.outcomes["hang"].state == "failed"
    assert "SIGKILL" in plan.outcomes["hang"].reason
    assert nothing_is_left(tmp_path)
