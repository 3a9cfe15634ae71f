"""Workers whose study is killed."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ablate.workers.parent_watchdog import end_with_parent

ORPHANS = Path(__file__).with_name("orphans.py")


def lives(pid: int) -> bool:
    """Whether a process is there and no zombie: in a container nobody may wait for an orphan."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux")
@pytest.mark.parametrize("trial", ["hang-1", pytest.param("asleep-1", marks=pytest.mark.slow)])
def test_workers_end_with_the_process_of_their_study_also_in_foreign_code_that_never_returns(tiny_file, trial):
    command = [sys.executable, str(ORPHANS), str(tiny_file.parent), trial]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as study:
        assert study.stdout is not None
        pids = [int(pid) for pid in study.stdout.readline().split()]
        assert len(pids) == 2
        assert all(lives(pid) for pid in pids)
        time.sleep(0.3)  # until the trial is under way
        study.kill()
    deadline = time.monotonic() + 5
    while any(lives(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [pid for pid in pids if lives(pid)] == []


def test_a_process_that_nobody_started_as_a_worker_lives_on():
    end_with_parent()
    assert "lifeline" not in {thread.name for thread in threading.enumerate()}
