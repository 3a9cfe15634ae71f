import os
import subprocess
import sys
from pathlib import Path

import pytest

from ablate.workers.logs import cut, log_tail, patient

PRINTING = """
import os, sys
from pathlib import Path
from ablate.workers.logs import print_to

print_to(Path(sys.argv[1]))
print("from Python \\udcff é")
os.system("echo from elsewhere >&2")
print("x" * 2_000_000)
os.system("echo done")
import ctypes
ctypes.string_at(0)
"""


def run(path: Path) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", PRINTING, str(path)], capture_output=True, text=True)


def test_what_a_process_and_its_libraries_print_and_where_it_crashed_goes_to_the_end_of_a_file(tmp_path):
    log = tmp_path / "worker-0.log"
    log.write_text("earlier\n")
    done = run(log)
    lines = log.read_text().splitlines()
    assert (done.stdout, done.stderr) == ("", "")
    assert lines[:3] == ["earlier", "from Python \\udcff é", "from elsewhere"]
    assert lines[4] == "done"
    assert "Segmentation fault" in lines[5]
    assert any("string_at" in line for line in lines[6:])
    assert done.returncode == -11


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")
def test_a_full_disk_is_no_error_of_whoever_prints():
    assert run(Path("/dev/full")).returncode == -11
    with Path("/dev/full").open("wb") as full:
        stream = patient(full.fileno())
        print("x" * 100_000, file=stream)
        stream.flush()


def test_a_log_that_cannot_be_opened_costs_what_would_be_in_it(tmp_path):
    assert run(tmp_path / "no folder" / "worker-0.log").returncode == -11


def test_a_log_that_grew_too_long_keeps_its_end_and_says_so(tmp_path):
    log = tmp_path / "worker-0.log"
    with log.open("ab") as writer:  # as a worker does, while the scheduler cuts
        writer.write(b"".join(b"line %d\n" % n for n in range(1000)))
        writer.flush()
        assert not cut(log, most=9000, kept=20)
        assert cut(log, most=8000, kept=20)
        writer.write(b"the next\n")
    lines = log.read_text().splitlines()
    assert lines[0] == "[8,870 bytes were cut here: a log keeps 8,000 at most]"
    assert lines[2:] == ["line 998", "line 999", "the next"]
    assert not cut(tmp_path / "none.log")


@pytest.mark.skipif(os.name != "posix" or not os.getuid(), reason="root may write anywhere")
def test_a_log_that_cannot_be_cut_is_left(tmp_path):
    log = tmp_path / "worker-0.log"
    log.write_text("x" * 100)
    log.chmod(0o400)
    assert not cut(log, most=10, kept=5)
    assert log.stat().st_size == 100


def test_last_words_are_whole_lines_that_can_be_shown(tmp_path):
    log = tmp_path / "worker-0.log"
    assert log_tail(log) == ""
    log.write_text("one\ntwo\x1b[2J\n" + "x" * 1000 + "\n")
    shown = log_tail(log).splitlines()
    assert (shown[0], shown[2], len(shown)) == ("one", "x" * 300, 3)
    assert "\x1b" not in shown[1]
    assert log_tail(log, most=1) == "x" * 300
    log.write_text("".join(f"line {n}\n" for n in range(100_000)))
    assert log_tail(log, most=2) == "line 99998\nline 99999"
