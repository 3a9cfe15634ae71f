import subprocess
import sys

from ablate import provenance


def test_versions_name_the_libraries_that_decide_numbers():
    versions = provenance.versions()
    assert {"python", "tensorflow", "keras", "numpy", "optuna", "mlflow"} <= set(versions)


def test_hardware_says_what_a_reader_needs():
    hardware = provenance.hardware()
    assert hardware["cores"] >= 1
    assert hardware["memory_gb"] > 0
    assert hardware["cpu"]


def test_a_checkout_is_told_with_its_commit_and_whether_it_changed(tmp_path):
    assert provenance.git_state(tmp_path) is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    (tmp_path / "x").write_text("1")
    for command in (["init", "-q"], ["add", "x"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], check=True)
    state = provenance.git_state(tmp_path)
    assert len(state["commit"]) == 40
    assert not state["dirty"]
    (tmp_path / "x").write_text("2")
    assert provenance.git_state(tmp_path)["dirty"]


def test_a_process_counts_its_own_memory_and_not_its_parents():
    """What a large driver once held must not make each of its workers look worn."""
    held = b"x" * (300 * 2**20)
    code = "from ablate.provenance import peak_memory_bytes; print(peak_memory_bytes())"
    child = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert 0 <= child < len(held) < provenance.peak_memory_bytes()
