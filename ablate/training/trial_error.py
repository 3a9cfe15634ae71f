"""A trial's failure in words, and how whatever its code raises becomes one."""

from collections.abc import Callable
from typing import TypeVar, final

from ablate.errors import AblateError, is_ours, one_line, reason_of, trace_of
from ablate.study.trial import FailedState

T = TypeVar("T")


@final
class TrialError(AblateError):
    """A failure of a trial's code, in words: the exception itself would keep the memory of its frames alive."""

    def __init__(self, state: FailedState, reason: str, trace: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.state, self.reason, self.trace = state, reason, trace
        self.is_final = is_final  # no further attempt with smaller batches

    def as_final(self, tried: str) -> "TrialError":
        """This error as final; its reason begins with what was `tried` before."""
        return TrialError(self.state, one_line(tried + self.reason), self.trace, is_final=True)


def contained_by(work: Callable[[], T], is_short: Callable[[BaseException], bool]) -> T:
    """Call `work()` and turn whatever it raises, including an exit or interrupt, into `TrialError`.

    `is_short` tells errors that report a lack of memory.
    """
    try:
        return work()
    except TrialError:
        raise
    except BaseException as err:
        if is_ours(err):
            raise
        state: FailedState = "out_of_memory" if is_short(err) else "failed"
        broken = TrialError(state, reason_of(err), trace_of(err))
    raise broken  # not inside the except block: the original error would be kept as its context
