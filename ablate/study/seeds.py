"""Derive an independent random stream for each role from a study's seed and a replicate.

Streams of different roles or layers are independent, and equal for two variants with the same replicate: a variant
with one more layer does not shift the draws of the others.
"""

from typing import Literal, TypeAlias

import numpy as np

Role: TypeAlias = Literal[
    "split", "weights", "order", "dropout", "search", "augmentation", "test", "folds", "embedding", "recurrent", "fit"
]
_NUMBER: dict[Role, int] = {
    "split": 0, "weights": 1, "order": 2, "dropout": 3, "search": 4, "augmentation": 5, "test": 6, "folds": 7,
    "embedding": 8, "recurrent": 9, "fit": 10,
}  # fmt: skip
# Confirmatory replicates count from 1, so the two tuning domains can never meet them.
SEARCH_REPLICATE = 0
LR_TEST_REPLICATE = 1_000_000  # the first of a range, a thousand for each replicate whose rate is found


def range_test(replicate: int, n: int) -> list[int]:
    """The `n` replicates (at most 1,000) whose curves the range test of `replicate` averages, used by no other."""
    first = LR_TEST_REPLICATE + 1000 * replicate
    return list(range(first, first + n))


def stream(study_seed: int, replicate: int, role: Role, *, layer: int = 0) -> np.random.SeedSequence:
    """The seed sequence of one role in one replicate; `layer` counts the layers that draw in that role."""
    return np.random.SeedSequence(study_seed, spawn_key=(replicate, _NUMBER[role], layer))


def integer(study_seed: int, replicate: int, role: Role, *, layer: int = 0) -> int:
    """A stream as one number in 0 … 2³¹ − 1, for libraries that take a plain seed."""
    return int(stream(study_seed, replicate, role, layer=layer).generate_state(1)[0] >> 1)
