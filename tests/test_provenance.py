import subprocess

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
