"""The kept output of a program."""

import os
from pathlib import Path

import pytest

from ablate.training.command import kept_output as module
from ablate.training.command.kept_output import HEAD, TAIL, LastBytes, OutputFile


def test_the_last_bytes_are_kept_whatever_the_chunks():
    last = LastBytes(5)
    for chunk in (b"ab", b"c", b"", b"defgh", b"i" * 100, b"jk"):
        last.add(chunk)
    assert last.bytes() == b"iiijk"
    assert last.total == 110
    last.add(b"\nx\n\n")
    assert last.lines(5) == ["k", "x"]
    assert last.lines(1) == ["x"]


def test_a_short_output_is_there_at_once(tmp_path):
    path = tmp_path / "output.txt"
    output = OutputFile(path)
    output.add(b"one\n")
    assert path.read_bytes() == b"one\n"
    output.add(b"\xfftwo\n")
    output.close()
    assert path.read_bytes() == b"one\n\xfftwo\n"


@pytest.mark.parametrize("size", [HEAD, HEAD + 1, HEAD + TAIL])
def test_an_output_up_to_a_megabyte_is_whole(tmp_path, size):
    text = os.urandom(size)
    output = OutputFile(tmp_path / "output.txt")
    for at in range(0, size, 100_000):
        output.add(text[at : at + 100_000])
    output.close()
    assert (tmp_path / "output.txt").read_bytes() == text


def test_of_a_longer_output_the_start_and_the_end_are_kept(tmp_path):
    text = os.urandom(3 * HEAD + 7)
    output = OutputFile(tmp_path / "output.txt")
    for at in range(0, len(text), 77_777):
        output.add(text[at : at + 77_777])
    output.close()
    left_out = len(text) - HEAD - TAIL
    said = f"\n[{left_out:,} bytes of output were left out here]\n".encode()
    assert (tmp_path / "output.txt").read_bytes() == text[:HEAD] + said + text[-TAIL:]


def test_the_end_of_a_long_output_is_written_while_it_grows(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FLUSH_SECONDS", 0.0)
    output = OutputFile(tmp_path / "output.txt")
    output.add(b"x" * HEAD)
    output.add(b"the end")
    assert (tmp_path / "output.txt").read_bytes().endswith(b"xthe end")
    output.close()


def test_a_file_that_cannot_be_written_loses_output_and_nothing_else(tmp_path):
    output = OutputFile(tmp_path / "no folder" / "output.txt")
    output.add(b"x")
    output.close()
    if Path("/dev/full").exists():
        full = tmp_path / "output.txt"
        output = OutputFile(full)
        os.dup2(os.open("/dev/full", os.O_WRONLY), output._file)
        output.add(b"x" * HEAD * 2)
        output.close()
