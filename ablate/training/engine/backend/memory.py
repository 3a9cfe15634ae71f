"""Tell errors that report a lack of memory, whichever library raised them."""

import re

from ablate.errors import text_of

# Messages in which XLA, CUDA and its libraries report a lack of memory.
_SHORT = re.compile(r"RESOURCE_EXHAUSTED|OUT_OF_MEMORY|ALLOC_FAILED|out of memory|failed to allocate", re.IGNORECASE)
_CAUSES = 10  # causes examined: an error may be its own cause


def is_short_of_memory(
    err: BaseException, *, always: tuple[type[BaseException], ...], by_message: tuple[type[BaseException], ...]
) -> bool:
    """Whether an error or one of its causes is of a kind that `always` reports it, or says so in its message."""
    for _ in range(_CAUSES):
        if isinstance(err, always):
            return True
        if isinstance(err, by_message) and _SHORT.search(text_of(err)):
            return True
        if err.__cause__ is None:
            return False
        err = err.__cause__
    return False
