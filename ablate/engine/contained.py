"""Whatever a trial's code does into one exception, of text alone."""

from collections.abc import Callable
from typing import Literal, TypeAlias, TypeVar, final

from ablate.engine.backend import is_out_of_memory
from ablate.errors import AblateError
from ablate.failure import is_ours, one_line, reason_of, trace_of

Kind: TypeAlias = Literal["failed", "out_of_memory"]
T = TypeVar("T")


@final
class TrialError(AblateError):
    """What a trial's code raised, in words: not the exception, whose frames would hold on to what fills the memory."""

    def __init__(self, state: Kind, reason: str, trace: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.state, self.reason, self.trace = state, reason, trace
        self.is_final = is_final  # nothing else is to be tried

    def in_vain(self, tried: str) -> "TrialError":
        """The same, for good; its reason begins with what was `tried` before."""
        return TrialError(self.state, one_line(tried + self.reason), self.trace, is_final=True)


def contained(work: Callable[[], T]) -> T:
    """`work()`, where whatever it raises, an exit or an interrupt too, leaves as `TrialError`."""
    try:
        return work()
    except TrialError:
        raise
    except BaseException as err:
        if is_ours(err):
            raise
        state: Kind = "out_of_memory" if is_out_of_memory(err) else "failed"
        broken = TrialError(state, reason_of(err), trace_of(err))
    raise broken  # not where the other one is handled: it would be kept as its context
