"""Arrange example indices as rectangular batches (rows, slots, examples), and split batches into micro-batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np

from ablate.models.layers import NOISE_STATE, last_name

Indices: TypeAlias = np.ndarray[Any, np.dtype[np.int32]]
CHUNK = 500  # examples evaluated at once: large enough for the matrix product, small enough for the cache


def epoch_batches(permutations: Sequence[Indices], batch: int, *, min_rows: int) -> list[tuple[Indices, int]]:
    """One epoch of each slot as (order, steps) pairs: the full batches, and the last partial batch if there is a rest.

    The permutations, one per slot, have the same length. The first order has shape (rows, slots, batch) with rows ≥
    `min_rows`; rows past `steps` are padding. The second has shape (1, slots, rest), so that the rest trains as a
    batch of its own size, as in `model.fit`.
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
    """Batches for a range test, (rows, batch): permutations of `train`, one after the other."""
    batch = min(batch, len(train))
    permutations = [rng.permutation(train) for _ in range(-(-rows * batch // len(train)))]
    return np.concatenate(permutations)[: rows * batch].reshape(rows, batch).astype(np.int32)


def evaluation_chunks(slots: Sequence[Indices], *, room: int, chunk: int = CHUNK) -> Indices:
    """Indices of each slot as (chunks, slots, chunk), with capacity for `room` of them."""
    together = np.stack(slots).astype(np.int32)
    n_slots, n = together.shape
    rows = -(-max(room, n) // chunk)
    padded = np.zeros((n_slots, rows * chunk), np.int32)
    padded[:, :n] = together
    return padded.reshape(n_slots, rows, chunk).swapaxes(0, 1)


def equal_parts(batch: int, parts: int) -> list[tuple[int, int]]:
    """Split a batch into `parts` as equal as possible, as (count, examples each): one size, or two that differ by 1."""
    size, larger = divmod(batch, parts)
    return [(n, size_of) for n, size_of in ((larger, size + 1), (parts - larger, size)) if n and size_of]


@dataclass(frozen=True, slots=True)
class MicroBatches:
    """How a program splits its batches. By default they are whole."""

    parts: int = 1  # micro-batches of each training batch, run in sequence with gradients added up
    chunk: int = CHUNK  # examples evaluated at once

    def smaller(self, *, batch: int, doublings: int) -> "MicroBatches | None":
        """The next attempt if these were too large for batches of `batch`; None if nothing smaller may be tried.

        First, evaluation takes no more at once than training: that changes no weight. Then the micro-batches double,
        at most `doublings` times and down to one example each. `doublings` of 0: nothing is tried.
        """
        if doublings and self.parts == 1 and self.chunk > batch:
            return MicroBatches(chunk=batch)
        parts = 2 * self.parts
        if parts > min(batch, 2**doublings):
            return None
        return MicroBatches(parts, min(self.chunk, -(-batch // parts)))

    def notes(self, model: keras.Model, *, batch: int) -> tuple[str, ...]:
        """Notices on a trial of `model` that was trained with these micro-batches; none if batches were whole."""
        if self == WHOLE:
            return ()
        if self.parts == 1:
            return (f"low memory: evaluated {self.chunk:,} examples at a time, trained on whole batches",)
        some = -(-batch // self.parts)
        told = [f"low memory: gradient accumulation over {self.parts:,} micro-batches", *_unequal(model, some)]
        return ("; ".join(told),)

    def tried(self) -> str:
        """The beginning of a sentence on the attempts that did not help; "" if there were none."""
        if self == WHOLE:
            return ""
        small = (
            f"with {self.parts:,} micro-batches per batch" if self.parts > 1 else f"evaluating {self.chunk:,} at a time"
        )
        return f"out of memory even {small}: "


WHOLE = MicroBatches()


def _unequal(model: keras.Model, some: int) -> Iterator[str]:
    """How training with parts of `some` examples differs from a step of the whole batch."""
    kept = {last_name(variable) for variable in model.non_trainable_variables}
    if "moving_mean" in kept:
        yield f"batch normalization saw {some:,} example{'s' if some > 1 else ''} at a time"
    if NOISE_STATE in kept:
        yield "each micro-batch drew its own noise"
