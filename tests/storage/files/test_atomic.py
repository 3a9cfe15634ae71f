import os
import subprocess
import sys
from contextlib import suppress

import pytest

from ablate.errors import AblateError, StorageError
from ablate.storage.files.atomic import (
    ASIDE,
    made_aside,
    name_aside,
    opening,
    saving,
    sweep,
    write_aside,
    write_new,
    write_once,
)


def test_text_and_bytes_are_written_and_folders_made(tmp_path):
    write_aside(tmp_path / "a" / "b.txt", "ü")
    write_aside(tmp_path / "c.bin", b"\x00")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "ü".encode()
    assert (tmp_path / "c.bin").read_bytes() == b"\x00"


def test_a_failure_leaves_the_old_file_whole_and_no_remains(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_aside(path, "old")

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_aside(path, "new")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_what_a_disk_refuses_is_said_with_a_way_out(tmp_path):
    with (
        pytest.raises(
            StorageError, match=r"a\.txt: cannot be written: No space left on device; the table is not saved\n"
        ),
        saving(tmp_path / "a.txt", "the table"),
    ):
        raise OSError(28, "No space left on device")


def test_a_place_that_takes_no_study_is_said_with_a_way_out(tmp_path):
    for error, reason in ((OSError(30, "Read-only file system"), "Read-only file system"),
                          (FileExistsError(17, "File exists"), "a file is in the place of a folder"),
                          (OSError("odd"), "odd")):  # fmt: skip
        with pytest.raises(AblateError) as refused, opening(tmp_path):
            raise error
        assert str(refused.value) == f"{tmp_path}: cannot be written: {reason}\n  choose another folder with --out"


def test_files_have_the_rights_that_the_umask_leaves(tmp_path):
    before = os.umask(0o027)
    try:
        write_aside(tmp_path / "a", "x")
        write_once(tmp_path / "b", "x")
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in "ab"] == [0o640, 0o640]


def test_the_longest_name_that_a_file_may_have_can_be_written(tmp_path):
    write_aside(tmp_path / ("x" * 255), "y")
    assert (tmp_path / ("x" * 255)).read_text() == "y"


def test_who_writes_once_and_is_second_gets_what_is_there(tmp_path):
    assert write_once(tmp_path / "a", "first ü") == "first ü"
    assert write_once(tmp_path / "a", "second") == "first ü"
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("has_links", [True, False])
def test_a_new_file_takes_no_other_s_place_nor_that_of_a_link(tmp_path, monkeypatch, has_links):
    if not has_links:
        monkeypatch.setattr(os, "link", no_links)
    write_new(tmp_path / "new", "mine")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("new", "link"):
        with pytest.raises(FileExistsError):
            write_new(tmp_path / name, "other")
    assert (tmp_path / "new").read_text() == "mine"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["link", "new"]
    assert write_once(tmp_path / "new", "other") == "mine"


def no_links(*_):
    raise OSError(95, "Operation not supported")


KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from ablate.storage.files.atomic import write_aside
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
write_aside(Path(sys.argv[1]), "new")
"""


def test_a_process_killed_while_it_writes_leaves_the_old_file_whole_and_its_litter_is_swept(tmp_path):
    path = tmp_path / "figures" / "a.txt"
    write_aside(path, "old")
    assert subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, str(path)]).returncode == -9
    (dead,) = path.parent.glob(f"{ASIDE}*")
    machine, process, _ = dead.name.removeprefix(ASIDE).split("-")
    mine = name_aside(path.parent, "0")
    elsewhere = path.with_name(f"{ASIDE}0{machine}-{process}-0")  # who shares the folder may be writing it
    mine.touch()
    elsewhere.touch()
    sweep(tmp_path)
    assert set(path.parent.iterdir()) == {mine, elsewhere, path}
    assert path.read_text() == "old"


TOO_LARGE = """
import resource, signal, sys
from pathlib import Path
from ablate.storage.files.atomic import saving, write_aside
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
with saving(Path(sys.argv[1]), "the table"):
    write_aside(Path(sys.argv[1]), "x" * 1000)
"""


def test_a_limit_of_the_system_leaves_the_old_file_whole(tmp_path):
    write_aside(tmp_path / "a.txt", "old")
    done = subprocess.run(
        [sys.executable, "-c", TOO_LARGE, str(tmp_path / "a.txt")], capture_output=True, text=True, check=False
    )
    assert "a.txt: cannot be written: File too large; the table is not saved" in done.stderr
    assert (tmp_path / "a.txt").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_what_is_no_text_is_written_as_a_question_mark(tmp_path):
    write_aside(tmp_path / "file", "a\udcffb")
    assert (tmp_path / "file").read_text() == "a?b"


def test_a_file_that_a_library_writes_takes_its_name_once_it_is_whole(tmp_path):
    path = tmp_path / "models" / "a.keras"
    with made_aside(path) as aside:
        assert aside.suffix == ".keras"
        assert aside.name.startswith(ASIDE)  # what `sweep` removes if this process dies
        aside.write_bytes(b"new")
        assert not path.exists()
    assert [file.name for file in path.parent.iterdir()] == ["a.keras"]
    with suppress(ValueError), made_aside(path) as aside:
        aside.write_bytes(b"ne")
        raise ValueError
    assert path.read_bytes() == b"new"
    assert [file.name for file in path.parent.iterdir()] == ["a.keras"]
