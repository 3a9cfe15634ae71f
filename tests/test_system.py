import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ablate import system


def test_versions_name_the_libraries_that_decide_numbers():
    versions = system.versions()
    assert {"python", "tensorflow", "keras", "numpy", "optuna", "mlflow"} <= set(versions)


def test_hardware_says_what_a_reader_needs():
    hardware = system.hardware()
    assert hardware["cores"] >= 1
    assert hardware["memory_gb"] > 0
    assert hardware["cpu"]


def test_a_checkout_is_told_with_its_commit_and_whether_it_changed(tmp_path):
    assert system.git_state(tmp_path) is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    (tmp_path / "x").write_text("1")
    for command in (["init", "-q"], ["add", "x"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], check=True)
    state = system.git_state(tmp_path)
    assert len(state["commit"]) == 40
    assert not state["dirty"]
    (tmp_path / "x").write_text("2")
    assert system.git_state(tmp_path)["dirty"]


def test_a_process_counts_its_own_memory_and_not_its_parents():
    """What a large driver once held must not make each of its workers look worn."""
    held = b"x" * (300 * 2**20)
    code = "from ablate.system import peak_memory_bytes; print(peak_memory_bytes())"
    child = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert 0 <= child < len(held) < system.peak_memory_bytes()


def test_a_process_holds_what_it_has_to_itself():
    before = system.held_memory_bytes(os.getpid())
    held = b"x" * (100 * 2**20)
    after = system.held_memory_bytes(os.getpid())
    if sys.platform == "linux":
        assert after - before > 0.9 * len(held)
    assert system.held_memory_bytes(0) == 0  # no such process


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the system does not say what a process holds")
def test_a_process_is_counted_with_its_descendants_and_what_they_share_once():
    code = (
        "import os, sys, time\nheld = b'x' * (100 * 2**20)\npid = os.fork()\n"
        "if pid == 0:\n    sys.stdout.write('on\\n'); sys.stdout.flush()\ntime.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert parent.stdout.readline() == b"on\n"
        alone = system.held_memory_bytes(parent.pid)
        both = system.tree_memory_bytes(parent.pid, exact_above=2**40)
        exact = system.tree_memory_bytes(parent.pid, exact_above=0)
    finally:
        os.killpg(parent.pid, signal.SIGKILL)
        parent.communicate()
    assert alone > 100 * 2**20
    assert both > 200 * 2**20
    assert exact < 150 * 2**20
    assert system.tree_memory_bytes(0, exact_above=0) == 0


@pytest.mark.parametrize(
    ("membership", "files", "limits"),
    [
        ("0::/\n", {"memory.max": "max\n"}, []),
        ("0::/job/step\n", {"memory.max": "max\n", "job/memory.max": "4000\n", "job/step/memory.max": "max\n"}, [4000]),
        ("4:memory:/job\n0::/\n", {"memory/job/memory.limit_in_bytes": "5000\n"}, [5000]),
        ("4:cpu,memory:/docker/1\n", {"memory/memory.limit_in_bytes": "6000\n"}, [6000]),  # as a container sees it
        ("3:cpu:/job\n1:name=systemd:/\n", {"memory.max": "7000\n", "cpu/job/memory.limit_in_bytes": "1"}, []),
    ],
)
def test_the_limits_of_containers_and_jobs_are_found(tmp_path, membership, files, limits):
    (tmp_path / "membership").write_text(membership)
    for name, content in files.items():
        (tmp_path / "fs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "fs" / name).write_text(content)
    assert system.control_group_limits(tmp_path / "membership", tmp_path / "fs") == limits
    assert system.control_group_limits(tmp_path / "none", tmp_path / "fs") == []


def test_there_is_as_much_memory_as_the_tightest_limit(monkeypatch):
    machine = system.memory_bytes()
    monkeypatch.setattr(system, "control_group_limits", lambda *_: [2**63, 2**30])
    assert system.memory_bytes() == 2**30 < machine


@pytest.mark.parametrize(
    ("prints", "found"),
    [("print('81559'); print('40960')", [81559 * 2**20, 40960 * 2**20]), ("print('[N/A]')", [0, 0]), ("1 / 0", [0, 0])],
)
def test_the_memory_of_gpus_is_what_nvidia_smi_says(tmp_path, monkeypatch, prints, found):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!{sys.executable}\nimport sys\nassert sys.argv[1] == '--id=0,3'\n{prints}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(system, "gpu_names", lambda: ["0", "3"])
    assert system.gpu_memory_bytes() == found
    monkeypatch.setenv("PATH", "")
    assert system.gpu_memory_bytes() == [0, 0]
    monkeypatch.setattr(system, "gpu_names", list)
    assert system.gpu_memory_bytes() == []
