"""Numbers in the lines of a program, however its output is cut into chunks."""

import math
import time

import pytest

from ablate.training.command.printed import LONGEST, PrintedNumbers


def read(*chunks: bytes) -> list[tuple[str, float]]:
    numbers = PrintedNumbers()
    found = [pair for chunk in chunks for pair in numbers.read(chunk)]
    return [*found, *numbers.rest()]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"mae: 0.25", ("mae", 0.25)),
        (b"  val_loss :1e-3\t", ("val_loss", 1e-3)),
        (b"accuracy: .5", ("accuracy", 0.5)),
        (b"n: 3.", ("n", 3.0)),
        (b"gain: -2E+2", ("gain", -200.0)),
        (b"loss: inf", ("loss", math.inf)),
        (b"mae: 0.25\r", ("mae", 0.25)),
        (b"50%|##   | 1/2\rmae: 0.25", ("mae", 0.25)),
    ],
)
def test_a_whole_line_of_a_name_and_a_number_is_read(line, found):
    assert read(line + b"\n") == [found]


@pytest.mark.parametrize(
    "line",
    [b"mae = 0.25", b"epoch 3 mae: 0.25", b"mae: 0.25 (best)", b"mae: 25%", b"mae: 1_000", b"test mae: 1", b"mae: 0x1",
     b"2mae: 1", b"mae:", b": 1", b"mae: 1, 2", b"https://a: 1", b"mae: 1:2", b"\xff\xfe: 1", b"mae: one"],
)  # fmt: skip
def test_other_lines_are_only_output(line):
    assert read(line + b"\n") == []


def test_not_a_number_is_read_as_one():
    [(name, value)] = read(b"loss: nan\n")
    assert name == "loss"
    assert math.isnan(value)


def test_lines_may_be_cut_anywhere():
    text = b"start\nmae: 0.25\r\nnoise\nrmse: 12.5\nlast: 7"
    for size in range(1, len(text)):
        chunks = [text[at : at + size] for at in range(0, len(text), size)]
        assert read(*chunks) == [("mae", 0.25), ("rmse", 12.5), ("last", 7.0)]


def test_a_line_that_is_too_long_is_skipped_whole_and_the_next_is_read():
    long = b"x" * LONGEST
    assert read(long, b"y", b": 1\nmae: 2\n") == [("mae", 2.0)]
    assert read(long + b"y", b"a: 1", b"\nmae: 2\n") == [("mae", 2.0)]


def test_an_endless_line_and_a_flood_of_digits_take_neither_memory_nor_time():
    numbers, began = PrintedNumbers(), time.perf_counter()
    for _ in range(40):
        assert list(numbers.read(b"1" * 2**20)) == []
    assert list(numbers.read(b"\nx: " + b"1" * 2**20 + b"x\n" + b" " * 2**20 + b"\n")) == []
    assert len(numbers._part) <= LONGEST
    assert time.perf_counter() - began < 2
