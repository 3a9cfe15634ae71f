"""Which examples are streamed, by their size and the memory of a worker."""

import numpy as np
import pytest

from ablate.data import to_dataset
from ablate.data.placement import UNKNOWN, Room, place_data
from ablate.data.source import Source
from ablate.errors import DataError

GB = 2**30
# float32 inputs of 40 numbers and int32 classes: 164 bytes for each of 75 examples
DATA = to_dataset("own", Source(
    np.linspace(0, 1, 60 * 40, dtype=np.float32).reshape(60, 40), np.arange(60) % 3,
    np.linspace(0, 1, 15 * 40, dtype=np.float32).reshape(15, 40), np.arange(15) % 3, origin="own.npz",
))  # fmt: skip


def test_all_arrays_count_and_half_of_the_memory_is_theirs():
    assert (place_data(DATA, UNKNOWN).total, place_data(DATA, UNKNOWN).one) == (75 * 164, 164)
    assert not place_data(DATA, Room(2 * 75 * 164)).is_streamed
    assert place_data(DATA, Room(2 * 75 * 164 - 2)).is_streamed
    assert not place_data(DATA, UNKNOWN).is_streamed


def test_the_sentence_names_both_sizes_and_whose_memory_it_is():
    of = place_data(DATA, UNKNOWN)
    big = {"total": 12 * GB, "one": 100}
    assert of.said() == ""
    assert type(of)(**big, room=Room(8 * GB)).said() == (
        "examples are streamed from disk: 12 GB, more than half of the 8 GB of memory for each worker"
    )
    assert type(of)(**big, room=Room(16 * GB, is_gpu=True)).said() == (
        "examples are streamed from disk: 12 GB, more than half of the 16 GB of GPU memory for each worker"
    )
    short = type(of)(**big, room=UNKNOWN, is_short=True)
    assert short.said() == "examples are streamed from disk: copying their 12 GB ran out of memory"


def test_an_example_that_is_too_large_by_itself_is_refused():
    assert place_data(DATA, Room(328)).is_streamed
    with pytest.raises(DataError, match=r"data\.name: own: a single example takes .* GB, more than half of the .* GB"):
        place_data(DATA, Room(327))
