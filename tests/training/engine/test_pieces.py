import keras
import pytest

from ablate.models.layers import Dropout
from ablate.training.engine.batches import CHUNK, WHOLE, MicroBatches

layers = keras.layers


def ladder(batch, doublings):
    pieces, rungs = WHOLE, []
    while (pieces := pieces.smaller(batch=batch, doublings=doublings)) is not None:
        rungs.append((pieces.parts, pieces.chunk))
    return rungs


def test_evaluation_is_cut_first_and_then_the_batch_is_halved_again_and_again():
    assert ladder(32, 3) == [(1, 32), (2, 16), (4, 8), (8, 4)]
    assert ladder(2 * CHUNK, 2) == [(2, CHUNK), (4, CHUNK // 2)]  # evaluation took no more than training


def test_no_part_is_empty_and_nothing_is_tried_where_nothing_may_be():
    assert ladder(5, 16) == [(1, 5), (2, 3), (4, 2)]
    assert ladder(1, 16) == [(1, 1)]
    assert ladder(32, 0) == []


def model(*inner) -> keras.Model:
    return keras.Sequential([keras.Input((6,)), layers.Dense(3), *inner])


NORMALIZED = "low memory: gradient accumulation over 2 micro-batches; batch normalization saw 16 examples at a time"


@pytest.mark.parametrize(
    ("pieces", "inner", "notes"),
    [
        (WHOLE, [layers.BatchNormalization], ()),
        (MicroBatches(2, 16), [], ("low memory: gradient accumulation over 2 micro-batches",)),
        (MicroBatches(2, 16), [layers.BatchNormalization], (NORMALIZED,)),
        (
            MicroBatches(32, 1),
            [layers.BatchNormalization, lambda: Dropout(0.1, seed=1)],
            (
                "low memory: gradient accumulation over 32 micro-batches; batch normalization saw 1 example at a time; "
                "each micro-batch drew its own noise",
            ),
        ),
        (MicroBatches(1, 32), [], ("low memory: evaluated 32 examples at a time, trained on whole batches",)),
    ],
)
def test_what_cannot_be_equal_is_said(pieces, inner, notes):
    assert pieces.notes(model(*(make() for make in inner)), batch=32) == notes


def test_what_was_of_no_avail_begins_the_reason():
    assert WHOLE.tried() == ""
    assert MicroBatches(1, 32).tried() == "out of memory even evaluating 32 at a time: "
    assert MicroBatches(8, 4).tried() == "out of memory even with 8 micro-batches per batch: "
