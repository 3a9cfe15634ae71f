"""Arrange example indices as rectangular batches (rows, slots, examples), and split batches into micro-batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np

from ablate.models.layers import NOISE_STATE, last_name

Indices: TypeAlias = np.ndarray[Any, np.dtype[np.int32]]
CHUNK = 500  # examples evaluated at once: large enough for the matrix product, small enough for the cache


@dataclass(frozen=True, slots=True)
class EpochPart:
    """Batches of one shape, for all slots."""

    order: Indices  # (rows, slots, batch); rows past `n_steps` are padding
    sizes: Indices  # (rows,) examples of each batch that count; what follows them in it is padding
    n_steps: int

    def split(self, n: int) -> "list[EpochPart]":
        """The first `n` steps apart from the later ones, in the same shape."""
        order = np.concatenate([self.order[n:], np.zeros_like(self.order[:n])])
        later = EpochPart(order, np.roll(self.sizes, -n), self.n_steps - n)
        return [EpochPart(self.order, self.sizes, n), later]


def epoch_rows(n: int, batch: int, *, min_rows: int) -> int:
    """Rows of an epoch of `n` examples: as many for every part of a trial that runs in one program."""
    return max(min_rows, -(-n // batch))


def epoch_batches(permutations: Sequence[Indices], batch: int, *, min_rows: int, is_padded: bool) -> list[EpochPart]:
    """One epoch of each slot: the full batches and the rest, if there is one.

    The permutations, one per slot, have the same length. The rest is the last batch of the first part, padded, or else
    a part of its own, (1, slots, rest), so that it trains as a batch of its own size, as in `model.fit`.
    """
    together = np.stack(permutations).astype(np.int32)
    n_slots, n = together.shape
    batch = min(batch, n)
    rows, n_full = epoch_rows(n, batch, min_rows=min_rows), n // batch
    order, sizes = np.zeros((rows, n_slots, batch), np.int32), np.full(rows, batch, np.int32)
    order[:n_full] = together[:, : n_full * batch].reshape(n_slots, n_full, batch).swapaxes(0, 1)
    rest = together[:, n_full * batch :]
    n_rest = rest.shape[1]
    if n_rest and is_padded:
        order[n_full], sizes[n_full] = np.pad(rest, ((0, 0), (0, batch - n_rest)), mode="edge"), n_rest
        return [EpochPart(order, sizes, n_full + 1)]
    parts = [EpochPart(order, sizes, n_full)]
    return [*parts, EpochPart(rest[None], np.array([n_rest], np.int32), 1)] if n_rest else parts


def ramp_batches(train: Indices, *, min_rows: int, batch: int, rng: np.random.Generator) -> Indices:
    """Batches for a range test, (rows, batch): permutations of `train`, one after the other.

    There are as many rows as in an epoch, so that a ramp runs in the same program.
    """
    batch = min(batch, len(train))
    rows = epoch_rows(len(train), batch, min_rows=min_rows)
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
