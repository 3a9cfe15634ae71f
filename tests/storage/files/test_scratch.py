import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ablate.storage.files.lock import PREFIX, scratch_folder

HOLD = """
import sys
from ablate.storage.files.lock import scratch_folder
with scratch_folder() as folder:
    (folder / "array.npy").write_text("x")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def age(folder: Path) -> None:
    os.utime(folder, (1, 1))


def test_the_folder_is_gone_after_the_block(place):
    with scratch_folder() as folder:
        (folder / "x").write_text("x")
        assert folder.parent == place
    assert list(place.iterdir()) == []


def test_what_a_killed_run_left_is_removed_and_what_runs_or_is_young_or_anothers_stays(place):
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdin=-1, stdout=-1, text=True)
    live = Path(process.stdout.readline().strip())
    young, old, link = place / f"{PREFIX}young", place / f"{PREFIX}old", place / f"{PREFIX}link"
    for folder in (young, old, place / "other"):
        folder.mkdir()
    link.symlink_to(place / "other")
    (old / ".lock").touch()
    (mine := place / f"{PREFIX}of-my-own").mkdir()
    (mine / "notes.txt").write_text("x")
    for folder in (live, old, place / "other", mine):
        age(folder)
    try:
        with scratch_folder():
            assert live.exists()
            assert young.exists()
            assert not old.exists()
            assert (place / "other").exists()
            assert (mine / "notes.txt").exists()
    finally:
        process.kill()
        process.communicate()
    assert (live / "array.npy").exists()
    age(live)
    with scratch_folder():
        assert not live.exists()
