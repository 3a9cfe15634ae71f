"""Whatever code raises into words: one line that says it, and its trace.

An exception is anything that a user's code makes of it: its text can be megabytes long, steer a terminal, or raise in
its turn. What comes out of here is text that can be kept, sent and shown.
"""

import signal
import traceback
from collections.abc import Callable
from typing import TypeVar

from ablate.errors import AblateError, StudyError
from ablate.printable import printable, printable_lines

T = TypeVar("T")

REASON = 500  # characters of a reason at most
TRACE = 100_000  # of a trace, or of what an error says
_HEAD = 20_000  # of a longer trace, its beginning says where; what follows is its end, which says what


def reason_of(err: BaseException) -> str:
    """One line of at most 500 printable characters: the error's kind, and what it says."""
    says = text_of(err)
    if isinstance(err, AblateError):
        return one_line(says)
    kind = _asked(lambda: type(err).__name__)
    return one_line(f"{kind}: {says}" if says else kind)


def one_line(text: str) -> str:
    """The beginning of a text, with its lines after one another."""
    return printable(" ".join(text[: 10 * REASON].split()), REASON)


def text_of(err: BaseException) -> str:
    """What the error says, at most 100,000 characters of it."""
    return _asked(lambda: str(err))


def trace_of(err: BaseException) -> str:
    """The trace as Python prints it, some 100,000 characters of it at most: the middle of a longer one is left out."""
    try:
        text = "".join(traceback.format_exception(err))
    except BaseException:  # raised by user code, as below
        return f"{reason_of(err)}\n(its trace cannot be shown)\n"
    if len(text) > TRACE:
        text = f"{text[:_HEAD]}\n[{len(text) - TRACE:,} characters left out]\n{text[_HEAD - TRACE :]}"
    return printable_lines(text)


def is_ours(err: BaseException) -> bool:
    """Whether it is none of the code that raised it: the user's Ctrl-C, or what this package ends its work with.

    Where Ctrl-C is ignored, as in a worker, a KeyboardInterrupt is that code's own.
    """
    if isinstance(err, KeyboardInterrupt):
        return signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    return not isinstance(err, Exception) and _asked(lambda: type(err).__module__).startswith("ablate.")


def explained(work: Callable[[], T], what: str) -> T:
    """`work()`; what it raises leaves as a `StudyError` that begins with `what`, unless it is one of this package's."""
    try:
        return work()
    except AblateError:
        raise
    except BaseException as err:
        if is_ours(err):
            raise
        raise StudyError(f"{what}: {reason_of(err)}") from err


def _asked(question: Callable[[], str]) -> str:
    """An exception's answer, which is user code, as a string of Python's own: another kind could not be sent."""
    try:
        return str.__getitem__(question(), slice(TRACE))
    except BaseException:
        return "it cannot say what happened"
