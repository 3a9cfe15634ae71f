"""Indices of examples into the rectangles that a compiled program walks through: (rows, slots, examples)."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

Indices: TypeAlias = np.ndarray[Any, np.dtype[np.int32]]

CHUNK = 500  # examples evaluated at once: large enough for the matrix product, small enough for the cache


def epoch_batches(permutations: Sequence[Indices], batch: int, *, min_rows: int) -> list[tuple[Indices, int]]:
    """One epoch of each slot as (order, steps) pairs: the full batches, and the last partial one where there is a rest.

    The permutations, one a slot, have one length. The first order has shape (rows, slots, batch) with rows ≥
    `min_rows`; rows past `steps` are padding. The second has shape (1, slots, rest), so that the rest trains as a
    batch of its own size, as `model.fit` does it.
    """
    together = np.stack(permutations).astype(np.int32)
    n_slots, n = together.shape
    batch = min(batch, n)
    n_steps = n // batch
    full = together[:, : n_steps * batch].reshape(n_slots, n_steps, batch).swapaxes(0, 1)
    padding = np.zeros((max(0, min_rows - n_steps), n_slots, batch), np.int32)
    rest = together[None, :, n_steps * batch :]
    return [(np.concatenate([full, padding]), n_steps), *([(rest, 1)] if rest.size else [])]


def ramp_batches(train: Indices, *, rows: int, batch: int, rng: np.random.Generator) -> Indices:
    """Batches for a ramp, (rows, batch): permutations of `train`, one after the other."""
    batch = min(batch, len(train))
    permutations = [rng.permutation(train) for _ in range(-(-rows * batch // len(train)))]
    return np.concatenate(permutations)[: rows * batch].reshape(rows, batch).astype(np.int32)


def evaluation_chunks(slots: Sequence[Indices], *, room: int, chunk: int = CHUNK) -> Indices:
    """Indices of each slot as (chunks, slots, chunk), with room for as many as `room` of them.

    They are padded with 0; the caller says how many count.
    """
    together = np.stack(slots).astype(np.int32)
    n_slots, n = together.shape
    rows = -(-max(room, n) // chunk)
    padded = np.zeros((n_slots, rows * chunk), np.int32)
    padded[:, :n] = together
    return padded.reshape(n_slots, rows, chunk).swapaxes(0, 1)


def equal_parts(batch: int, parts: int) -> list[tuple[int, int]]:
    """A batch in `parts` as equal as can be, as (how many, examples each): of one size, or of two that differ by 1.

    None is empty: a batch of fewer examples than parts has fewer parts.
    """
    size, larger = divmod(batch, parts)
    return [(n, size_of) for n, size_of in ((larger, size + 1), (parts - larger, size)) if n and size_of]
