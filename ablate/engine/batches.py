"""Indices of examples into the rectangles that a compiled program walks through."""

from typing import Any, TypeAlias

import numpy as np

Indices: TypeAlias = np.ndarray[Any, np.dtype[np.int32]]

CHUNK = 500  # examples evaluated at once: large enough for the matrix product, small enough for the cache


def epoch_batches(permutation: Indices, batch: int, *, min_rows: int) -> list[tuple[Indices, int]]:
    """One epoch as (order, steps) pairs: the full batches, and the last partial one where there is a rest.

    The first order has shape (rows, batch) with rows ≥ `min_rows`; rows past `steps` are padding. The second has
    shape (1, rest), so that the rest trains as a batch of its own size, as `model.fit` does it.
    """
    batch = min(batch, len(permutation))
    n_steps = len(permutation) // batch
    full = permutation[: n_steps * batch].reshape(n_steps, batch).astype(np.int32)
    padding = np.zeros((max(0, min_rows - n_steps), batch), np.int32)
    rest = permutation[n_steps * batch :].astype(np.int32)[None]
    return [(np.concatenate([full, padding]), n_steps), *([(rest, 1)] if rest.size else [])]


def ramp_batches(train: Indices, batch: int, *, n_steps: int, rng: np.random.Generator) -> Indices:
    """Batches for a ramp of `n_steps`, in the shape of an epoch's: permutations of `train`, one after the other."""
    shape = epoch_batches(train, batch, min_rows=n_steps)[0][0].shape
    wanted = shape[0] * shape[1]
    permutations = [rng.permutation(train) for _ in range(-(-wanted // len(train)))]
    return np.concatenate(permutations)[:wanted].reshape(shape).astype(np.int32)


def evaluation_chunks(indices: Indices) -> Indices:
    """Indices as (chunks, chunk), the last row padded with index 0; the caller says how many count."""
    width = min(CHUNK, len(indices))
    rows = -(-len(indices) // width)
    padded = np.zeros(rows * width, np.int32)
    padded[: len(indices)] = indices
    return padded.reshape(rows, width)
