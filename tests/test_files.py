import os

import pytest

from ablate.errors import StorageError
from ablate.files import saving, write_aside


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
            StorageError, match=r"a\.txt: cannot be written: No space left on device; the table is not .*\n  f"
        ),
        saving(tmp_path / "a.txt", "the table"),
    ):
        raise OSError(28, "No space left on device")
