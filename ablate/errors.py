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
TRACE = 100_000  # characters of a trace or of an error's message at most
_HEAD = 20_000  # characters kept from the start of a longer trace, which says where; its end says what


class AblateError(Exception):
    """An error that the user can fix; the command line shows the message and exits with 2."""

    def __str__(self) -> str:
        return printable_lines(super().__str__())  # names in the message come from files


class StudyError(AblateError):
    """A study file, or an override of it, breaks a rule."""


class DataError(AblateError):
    """A data set is missing or breaks a rule."""


class StorageError(AblateError):
    """A disk or database failed after a study had begun to write; exits with 1, and the study can be resumed."""


class Stopped(BaseException):
    """A trial is to end now: a pruner, a limit or Ctrl-C decided it. Raised by `report` in a user's function.

    A BaseException, so that a function's handlers of errors let it pass; free what must be freed in `finally`.
    """


def known_names(wrong: str, known: Iterable[str]) -> str:
    """One line for an error message: the known names, and the closest to `wrong` if one is close."""
    names = sorted(known)
    nearest = get_close_matches(wrong[:100], names, n=1)
    hint = f'       did you mean "{printable(nearest[0])}"?' if nearest else ""
    return f"known: {first_of(list(map(printable, names)), _MOST_KNOWN)}{hint}"


def reason_of(err: BaseException) -> str:
    """One line of at most 500 printable characters: the error's type and message."""
    says = text_of(err)
    if isinstance(err, AblateError):
        return one_line(says)
    kind = _asked(lambda: type(err).__name__)
    return one_line(f"{kind}: {says}" if says else kind)


def one_line(text: str) -> str:
    """The beginning of a text, with its lines joined."""
    return printable(" ".join(text[: 10 * REASON].split()), REASON)


def text_of(err: BaseException) -> str:
    """The error's message, at most 100,000 characters of it."""
    return _asked(lambda: str(err))


def trace_of(err: BaseException) -> str:
    """The trace as Python prints it, at most about 100,000 characters: the middle of a longer trace is left out."""
    try:
        text = "".join(traceback.format_exception(err))
    except BaseException:  # raised by user code, as below
        return f"{reason_of(err)}\n(its traceback cannot be shown)\n"
    if len(text) > TRACE:
        text = f"{text[:_HEAD]}\n[{len(text) - TRACE:,} characters left out]\n{text[_HEAD - TRACE :]}"
    return printable_lines(text)


def is_ours(err: BaseException) -> bool:
    """Whether the error is not the fault of the running code: the user's Ctrl-C, or an error of this package.

    If Ctrl-C is ignored, as in a worker, a KeyboardInterrupt was raised by the running code.
    """
    if isinstance(err, KeyboardInterrupt):
        return signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    return not isinstance(err, Exception) and _asked(lambda: type(err).__module__).startswith("ablate.")


def explained(work: Callable[[], T], what: str) -> T:
    """Call `work()`; an error becomes a `StudyError` that begins with `what`, unless it is one of this package's."""
    try:
        return work()
    except AblateError:
        raise
    except BaseException as err:
        if is_ours(err):
            raise
        raise StudyError(f"{what}: {reason_of(err)}") from err


def _asked(question: Callable[[], str]) -> str:
    """The message or name of an exception as a plain string: user code may return a type that cannot be sent."""
    try:
        return str.__getitem__(question(), slice(TRACE))
    except BaseException:
        return "without a message"
