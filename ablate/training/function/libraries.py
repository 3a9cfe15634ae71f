"""What the libraries that user code has imported keep for a whole process: random generators, and words for errors."""

import random
import sys

import numpy as np

from ablate.errors import text_of

_SHORT = ("out of memory", "OUT_OF_MEMORY", "RESOURCE_EXHAUSTED")  # in the messages of libraries
_CAUSES = 10  # causes examined: an error may be its own cause


def seed_libraries(seed: int) -> None:
    """Seed Python's and NumPy's global generators, and those of Keras and PyTorch where they are imported.

    So a trial's numbers do not depend on the trials that ran in the same process before, even if its code draws from
    them without a seed of its own.
    """
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  # the global generator is what user code draws from
    if (keras := sys.modules.get("keras")) is not None:
        from ablate.models.global_seed import seed_globally

        keras.utils.clear_session()
        seed_globally(seed)
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(seed)


def is_out_of_memory(err: BaseException) -> bool:
    """Whether an error or one of its causes reports a lack of memory, in whatever library."""
    for _ in range(_CAUSES):
        if isinstance(err, MemoryError) or type(err).__name__ == "OutOfMemoryError":
            return True
        if isinstance(err, RuntimeError) and any(words in text_of(err) for words in _SHORT):
            return True
        if err.__cause__ is None:
            return False
        err = err.__cause__
    return False
