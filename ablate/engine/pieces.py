"""Memory that runs short into smaller pieces: how much of a batch and of an evaluation is on the device at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

import keras

from ablate.engine.batches import CHUNK
from ablate.models.layers import NOISE_STATE, last_name


@dataclass(frozen=True, slots=True)
class Pieces:
    """How a program goes through its examples. The one that nothing is said of is whole."""

    parts: int = 1  # of each training batch, one after the other, their gradients added up
    chunk: int = CHUNK  # examples evaluated at once

    def smaller(self, *, batch: int, doublings: int) -> "Pieces | None":
        """What to try when these were too large for batches of `batch`; None where nothing smaller may be tried.

        First, evaluation takes no more at once than training: that changes no weight. Then the parts double, at most
        `doublings` times and down to one example. `doublings` of 0: nothing is tried.
        """
        if doublings and self.parts == 1 and self.chunk > batch:
            return Pieces(chunk=batch)
        parts = 2 * self.parts
        if parts > min(batch, 2**doublings):
            return None
        return Pieces(parts, min(self.chunk, -(-batch // parts)))

    def notes(self, model: keras.Model, *, batch: int) -> tuple[str, ...]:
        """What a person should know of a trial of `model` that was trained in these pieces; nothing where whole."""
        if self == WHOLE:
            return ()
        if self.parts == 1:
            return (f"memory was short: evaluated {self.chunk:,} examples at a time, trained on whole batches",)
        some = -(-batch // self.parts)
        told = [f"memory was short: each batch in {self.parts:,} parts", *_unequal(model, some)]
        return ("; ".join(told),)

    def tried(self) -> str:
        """The beginning of a sentence: what was of no avail; "" where nothing was tried."""
        if self == WHOLE:
            return ""
        small = f"with each batch in {self.parts:,} parts" if self.parts > 1 else f"evaluating {self.chunk:,} at a time"
        return f"out of memory even {small}: "


WHOLE = Pieces()


def _unequal(model: keras.Model, some: int) -> Iterator[str]:
    """Where parts of `some` examples do not add up to the step of the whole batch."""
    kept = {last_name(variable) for variable in model.non_trainable_variables}
    if "moving_mean" in kept:
        yield f"batch normalization saw {some:,} example{'s' if some > 1 else ''} at a time"
    if NOISE_STATE in kept:
        yield "each part drew noise of its own"
