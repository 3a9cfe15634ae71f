import os

import pytest
from full_disk import at_most

from ablate.storage.files.lines import LineFile


def read(path, *, refuse=()):
    """The lines that a new reader takes, and how many it refuses."""
    taken, file = [], LineFile(path)

    def take(line):
        good = line.strip() not in refuse
        if good:
            taken.append(line.strip())
        return good

    return file, taken, file.read(take)


def test_lines_come_back_in_order(tmp_path):
    path = tmp_path / "new" / "a.jsonl"
    file = LineFile(path)
    assert file.read(lambda _: True) == 0
    file.append(["one", "two"], sync=True)
    file.append(["drei ü"], sync=False)
    assert read(path)[1:] == ([b"one", b"two", "drei ü".encode()], 0)


def test_half_a_line_goes_with_the_next_one_and_a_bad_one_between_stays(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"one\nb\xff\x00d\ntwo\nhal")
    file, taken, refused = read(path, refuse=(b"b\xff\x00d", b"hal"))
    assert (taken, refused) == ([b"one", b"two"], 2)
    assert path.read_bytes().endswith(b"hal")  # reading changes nothing
    file.append(["three"], sync=True)
    assert path.read_bytes() == b"one\nb\xff\x00d\ntwo\nthree\n"


def test_a_whole_line_that_lacks_its_end_alone_gets_it(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"one\ntwo")
    file, taken, refused = read(path)
    assert (taken, refused) == ([b"one", b"two"], 0)
    file.append(["three"], sync=True)
    assert path.read_bytes() == b"one\ntwo\nthree\n"


def test_whole_lines_of_another_writer_are_never_cut(tmp_path):
    path = tmp_path / "a.jsonl"
    file = LineFile(path)
    file.append(["one"], sync=True)
    with path.open("ab") as other:
        other.write(b"theirs\nhal")
    file.append(["two"], sync=True)
    assert path.read_bytes() == b"one\ntheirs\ntwo\n"


@pytest.mark.parametrize("content", [None, b"", b"on"])
def test_a_file_that_somebody_cut_or_took_away_goes_on(tmp_path, content):
    path = tmp_path / "a.jsonl"
    file = LineFile(path)
    file.append(["one"], sync=True)
    path.unlink() if content is None else path.write_bytes(content)
    file.append(["two"], sync=True)
    assert path.read_bytes() == (b"on\ntwo\n" if content else b"two\n")


def test_half_a_line_on_a_full_disk_is_taken_back_and_all_goes_on_with_space(tmp_path):
    path = tmp_path / "a.jsonl"
    file = LineFile(path)
    file.append(["one"], sync=True)
    with at_most(10), pytest.raises(OSError, match="too large"):
        file.append(["0123456789" * 3], sync=True)
    assert path.read_bytes() == b"one\n"
    file.append(["two"], sync=True)
    assert path.read_bytes() == b"one\ntwo\n"


def test_half_a_line_that_a_disk_does_not_take_back_goes_with_the_next_one(tmp_path, monkeypatch):
    path = tmp_path / "a.jsonl"
    file = LineFile(path)
    file.append(["one"], sync=True)

    def broken(*_):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as at_once:
        at_once.setattr(os, "truncate", broken)
        with at_most(10), pytest.raises(OSError, match="too large"):
            file.append(["0123456789" * 3], sync=True)
    assert path.read_bytes() == b"one\n012345"
    file.append(["two"], sync=True)
    assert path.read_bytes() == b"one\ntwo\n"
