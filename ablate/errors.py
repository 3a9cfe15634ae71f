"""The few errors a caller may catch. Every message says the place, the rule, the value and the way out."""

import signal
import traceback
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import TypeVar

from ablate.text import first_of, printable, printable_lines

_MOST_KNOWN = 40  # names that a message lists
T = TypeVar("T")
REASON = 500  # characters of a reason at most
TRACE = 100_000  # of a trace, or of what an error says
_HEAD = 20_000  # of a longer trace, its beginning says where; what follows is its end, which says what


class AblateError(Exception):
    """Anything that is the user's to mend; the command line shows the message and exits with 2."""

    def __str__(self) -> str:
        return printable_lines(super().__str__())  # names in it come from files


class StudyError(AblateError):
    """A study file, or an override of it, breaks a rule."""


class DataError(AblateError):
    """A data set is missing or breaks a rule."""


class StorageError(AblateError):
    """A disk or database stopped taking what a study writes, after it had begun; exits with 1, and can be resumed."""


def known_names(wrong: str, known: Iterable[str]) -> str:
    """One line for an error message: the known names, and the nearest to `wrong` if one is near."""
    names = sorted(known)
    nearest = get_close_matches(wrong[:100], names, n=1)
    hint = f'       did you mean "{printable(nearest[0])}"?' if nearest else ""
    return f"known: {first_of(list(map(printable, names)), _MOST_KNOWN)}{hint}"


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
        return f"{reason_of(err)}\n(its traceback cannot be shown)\n"
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
        return "without a message"
