"""Programs below a supervisor: how they end, and that none of their processes is left."""

import os
import signal
import subprocess
import sys
import time

import pytest
from programs import are_gone, is_alive, marked, open_descriptors

from ablate.training.command import supervised as module
from ablate.training.command.supervised import ProgramEnd, Supervised

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")


def sh(folder, script: str) -> Supervised:
    return Supervised(["/bin/sh", "-c", script], folder=folder, environment=os.environ)


def run(program: Supervised) -> tuple[bytes, bytes]:
    """What it prints to stdout and stderr until its end."""
    said = {"stdout": b"", "stderr": b""}
    with program:
        for stream, chunk in program.chunks():
            said[stream] += chunk
    return said["stdout"], said["stderr"]


def pids_in(folder, n: int) -> list[int]:
    """The process ids in the file "pids", once all are there."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        found = (folder / "pids").read_text().split() if (folder / "pids").exists() else []
        if len(found) == n:
            return [int(pid) for pid in found]
        time.sleep(0.01)
    raise AssertionError(f"{n} processes did not start")


def test_a_program_ends_by_itself(tmp_path):
    program = sh(tmp_path, "pwd; echo oops >&2; read line || echo no input; exit 3")
    assert run(program) == (f"{tmp_path}\nno input\n".encode(), b"oops\n")
    assert program.end == ProgramEnd(code=3)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_though_the_worker_ignores_it(tmp_path, number):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN), signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        program = sh(tmp_path, f"kill -{number} $$; sleep 5")
        run(program)
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])
    assert program.end == ProgramEnd(signal=number)


def test_what_the_system_cannot_start_says_why(tmp_path):
    (tmp_path / "text").write_bytes(b"\x00\x01")
    (tmp_path / "text").chmod(0o755)
    program = Supervised([str(tmp_path / "text")], folder=tmp_path, environment=os.environ)
    run(program)
    assert program.end.in_words() == "it cannot be started: Exec format error"


def test_ends_in_words():
    assert ProgramEnd(code=2).in_words() == "exit code 2"
    assert ProgramEnd(signal=11).in_words() == "killed by signal 11 (SIGSEGV)"
    assert ProgramEnd(signal=9).in_words().endswith("often a sign that the system ran out of memory")
    assert ProgramEnd(signal=40).in_words() == "killed by signal 40 (unnamed)"


def test_a_program_may_clean_up_when_it_must_end(tmp_path):
    program, said = sh(tmp_path, "trap 'echo cleaned; exit 0' TERM; echo ready; while :; do sleep 0.01; done"), b""
    with program:
        for _, chunk in program.chunks():
            if chunk:
                break
        said = b"".join(chunk for _, chunk in program.ending())
    assert said.endswith(b"cleaned\n")
    assert program.end == ProgramEnd(code=0)


STUBBORN = """
trap '' TERM
echo $$ >> pids
sh -c 'trap "" TERM; echo $$ >> pids; sleep 100; :' &
setsid sh -c 'trap "" TERM; echo $$ >> pids; sleep 101; :' &
(setsid sh -c 'trap "" TERM; echo $$ >> pids; sleep 102; :' &)
wait
sleep 103
"""


@needs_proc
def test_nothing_is_left_of_a_program_that_ignores_sigterm_and_hides_its_children(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.2)
    with sh(tmp_path, STUBBORN) as program:
        pids = pids_in(tmp_path, 4)
        assert all(is_alive(pid) for pid in pids)
    assert are_gone(pids, seconds=0.1)
    assert program.end == ProgramEnd(signal=9)


@needs_proc
def test_what_a_program_leaves_behind_ends_with_it(tmp_path):
    program, began = (
        sh(tmp_path, "(setsid sh -c 'echo $$ >> pids; exec sleep 104' &); sleep 0.1; echo done"),
        time.monotonic(),
    )
    assert run(program) == (b"done\n", b"")
    assert program.end == ProgramEnd(code=0)
    assert are_gone(pids_in(tmp_path, 1), seconds=0.1)
    assert time.monotonic() - began < 2


@needs_proc
def test_processes_that_fork_without_end_are_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.1)
    code = (
        "import os, signal, sys, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('on', flush=True)\n"
        "end = time.time() + 30\n"  # should nothing end them
        "while time.time() < end:\n if os.fork(): os._exit(0)\n"  # each child goes on in its place
    )
    environment = {**os.environ, "ABLATE_FORKS": str(tmp_path)}
    program = Supervised([sys.executable, "-S", "-c", code], folder=tmp_path, environment=environment)
    with program:
        for _, chunk in program.chunks():
            if chunk:
                break
    assert program.end.left == 0
    assert not marked("ABLATE_FORKS", tmp_path)


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_program_ends_with_its_worker(tmp_path, number):
    worker = (
        "import os, sys; from pathlib import Path\n"
        "from ablate.training.command import supervised as module\n"
        "module.GRACE_SECONDS = 0.2\n"
        f"words = ['/bin/sh', '-c', {STUBBORN!r}]\n"
        "with module.Supervised(words, folder=Path(sys.argv[1]), environment=os.environ) as program:\n"
        "    for _ in program.chunks(): pass\n"
    )
    process = subprocess.Popen([sys.executable, "-c", worker, str(tmp_path)])
    pids = pids_in(tmp_path, 4)
    process.send_signal(number)
    process.wait()
    assert are_gone(pids, seconds=3)


@needs_proc
def test_a_program_does_not_outlive_its_supervisor(tmp_path):
    script = "echo $$ >> pids; setsid sh -c 'echo $$ >> pids; sleep 105; :' & sleep 106; :"
    environment = {**os.environ, "ABLATE_REPORT": f"{tmp_path}/report.jsonl"}
    with Supervised(["/bin/sh", "-c", script], folder=tmp_path, environment=environment) as program:
        pids = pids_in(tmp_path, 2)
        program._process.kill()
        for _ in program.chunks():
            pass
    assert program.end == ProgramEnd(signal=9)
    assert are_gone(pids, seconds=1)
    assert marked("ABLATE_REPORT", f"{tmp_path}/report.jsonl") == []


def test_a_flood_is_read_as_it_comes_and_can_be_ended(tmp_path):
    program, total = sh(tmp_path, "exec yes"), 0
    with program:
        for _, chunk in program.chunks():
            total += len(chunk)
            if total > 10 * 2**20:
                break
    assert program.end == ProgramEnd(signal=15)


def test_a_program_that_closes_its_output_is_waited_for(tmp_path):
    program, began = sh(tmp_path, "exec >&- 2>&-; sleep 0.3; exit 4"), time.monotonic()
    run(program)
    assert program.end == ProgramEnd(code=4)
    assert time.monotonic() - began > 0.3


def test_trials_leave_no_descriptor_and_no_zombie(tmp_path):
    program = sh(tmp_path, "exit 0")
    run(program)
    with pytest.raises(ChildProcessError):  # its end was taken
        os.waitpid(program._process.pid, os.WNOHANG)
    before = open_descriptors() if sys.platform == "linux" else 0
    for _ in range(10):
        run(sh(tmp_path, "exit 0"))
    with pytest.raises(OSError, match="no folder"):
        run(sh(tmp_path / "no folder", "exit 0"))
    if sys.platform == "linux":
        assert open_descriptors() == before
