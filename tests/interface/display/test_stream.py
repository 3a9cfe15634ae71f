import io
import os
import subprocess
import sys

import pytest

from ablate.interface.display.stream import lasting


class Failing(io.StringIO):
    """A stream that fails when it is told to."""

    def __init__(self, error: Exception):
        super().__init__()
        self.error, self.fails, self.tried = error, False, 0

    def write(self, text):
        self.tried += 1
        if self.fails:
            raise self.error
        return super().write(text)


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), BrokenPipeError(), ValueError("closed")])
def test_from_its_first_error_on_a_stream_is_mute(error):
    stream = Failing(error)
    lasts = lasting(stream)
    assert lasts.write("one\n") == 4
    stream.fails = True
    assert lasts.write("two\n") == 4
    stream.fails = False
    assert lasts.write("three\n") == 6
    lasts.flush()
    assert stream.getvalue() == "one\n"
    assert stream.tried == 2
    assert not lasts.isatty()


def test_a_full_disk_shows_when_the_stream_is_flushed():
    with open("/dev/full", "w") as full:  # noqa: PTH123
        lasts = lasting(full)
        lasts.write("x" * 100_000)
        lasts.flush()
        lasts.write("more")
        lasts.flush()


def test_a_stream_that_was_closed_before_takes_anything():
    lasts = lasting(None)
    assert lasts.write("x") == 1
    lasts.flush()
    assert not lasts.isatty()


def test_what_a_stream_cannot_encode_keeps_its_sense():
    raw = io.BytesIO()
    stream = lasting(io.TextIOWrapper(raw, encoding="ascii"))
    stream.write("by −0.4 [−1.0, +0.2] ± 0.1 → ██░ “n\N{NO-BREAK SPACE}≠\N{NO-BREAK SPACE}2” ü\n")
    stream.flush()
    assert raw.getvalue() == b'by -0.4 [-1.0, +0.2] +/- 0.1 -> ##. "n != 2" ?\n'


def test_the_rest_of_the_stream_is_as_it_was():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    assert lasting(stream).encoding == "utf-8"
    assert lasting(stream).isatty() is False


def test_a_program_whose_reader_has_gone_ends_well():
    code = (
        "import sys; from ablate.interface.display.stream import lasting; out = lasting(sys.stdout)\n"
        "for n in range(20_000):\n    out.write(f'line {n}\\n')\n"
        "out.flush(); print('the program goes on'); sys.exit(3)"
    )
    reading, writing = os.pipe()
    process = subprocess.Popen([sys.executable, "-c", code], stdout=writing, stderr=-1)
    os.close(writing)
    assert os.read(reading, 100).startswith(b"line 0\n")
    os.close(reading)
    assert process.communicate()[1] == b""
    assert process.returncode == 3
