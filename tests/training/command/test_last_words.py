"""The failure of a program in words."""

from pathlib import Path

import pytest

from ablate.training.command.kept_output import LastBytes
from ablate.training.command.last_words import LastWords, failure_of, last_error
from ablate.training.command.supervised import ProgramEnd

PYTHON = """Epoch 1
Traceback (most recent call last):
  File "train.py", line 3, in <module>
    main()
torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB
"""


def last(text: str) -> LastBytes:
    kept = LastBytes(1000)
    kept.add(text.encode())
    return kept


def failed(errors: str, *, output: str = "", code: int = 1):
    said = LastWords(["python", "train.py", "a b"], last(errors), last(output), Path("/t/output.txt"))
    return failure_of(ProgramEnd(code=code), said=said)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Traceback:\n  File x\nValueError: bad rate\n", "ValueError: bad rate"),
        ("KeyError\n\n", "KeyError"),
        ("ValueError: x\nwandb: Find logs at: ./wandb\nwandb: done\n", "ValueError: x"),
        ("Error in f(2) : \n  object x not found\nCalls: f\nExecution halted\n", "Error in f(2) : object x not found"),
        ("Error: no such file\nExecution halted\n", "Error: no such file"),
        ("train.sh: 3: pyton: not found\n", "train.sh: 3: pyton: not found"),
        ("one\ntwo\n---\n\n", "two"),
        ("", ""),
        ("jax._src.errors.TracerError: leaked\n----\n", "jax._src.errors.TracerError: leaked"),
    ],
)  # fmt: skip
def test_the_line_that_says_what_went_wrong(text, line):
    assert last_error(text.splitlines()) == line


def test_the_reason_is_the_end_and_the_last_error():
    err = failed("ValueError: bad\x1b[0m rate\n", code=3)
    assert (err.state, err.reason) == ("failed", "exit code 3: ValueError: bad\\x1b[0m rate")
    assert err.trace == (
        "$ python train.py 'a b'\nexit code 3\nIts output is in /t/output.txt:\nValueError: bad\\x1b[0m rate\n"
    )


def test_without_a_word_on_stderr_stdout_is_read():
    assert failed("", output="cannot go on\n").reason == "exit code 1: cannot go on"
    assert failed("", output="loading\nmae: 0.5\n").reason == "exit code 1: loading"
    assert failed("").reason == "exit code 1"


@pytest.mark.parametrize(
    "text",
    [PYTHON, "MemoryError\n", "Error: cannot allocate vector of size 2 Gb\n", "numpy._core._ArrayMemoryError: Unable\n",
     "terminate called after throwing an instance of 'std::bad_alloc'\n", "RuntimeError: CUDA error: out of memory\n"],
)  # fmt: skip
def test_a_lack_of_memory_is_known_by_what_libraries_say(text):
    assert failed(text).state == "out_of_memory"
