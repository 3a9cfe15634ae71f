"""`pieces`, `extremes`, `converted` and `joined`: arrays mapped from a disk stay there, and nothing else changes."""

import numpy as np
import pytest

from ablate.data.large import converted, extremes, joined, pieces


@pytest.fixture
def mapped(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(3_000_000, dtype=np.float64).reshape(-1, 30))
    return np.load(tmp_path / "x.npy", mmap_mode="r")


def test_pieces_are_all_of_the_array_in_order(mapped):
    sizes = [piece.nbytes for piece in pieces(mapped)]
    assert sum(sizes) == mapped.nbytes
    assert max(sizes) <= 2**22
    assert np.array_equal(np.concatenate(list(pieces(mapped))), mapped)
    assert [len(piece) for piece in pieces(np.empty((3, 2**23), np.uint8))] == [1, 1, 1]
    assert list(pieces(np.empty((0, 4)))) == []
    assert sum(map(len, pieces(np.empty((5, 0))))) == 5


def test_extremes_are_those_of_all_pieces(mapped):
    assert extremes(mapped) == (0, 2_999_999)
    assert extremes(np.array([[3, -1], [2, 7]])) == (-1, 7)


def test_a_mapped_array_is_converted_on_the_disk_and_another_in_memory(mapped):
    assert converted(mapped, np.float64) is mapped
    small = converted(mapped, np.float32)
    assert isinstance(small, np.memmap)
    assert np.array_equal(small, mapped.astype(np.float32))
    turned = np.asfortranarray(np.arange(6).reshape(2, 3))
    assert converted(turned, np.int64).flags.c_contiguous
    assert not isinstance(converted(turned, np.int32), np.memmap)


def test_arrays_are_joined_where_they_are(mapped):
    assert joined([mapped]) is mapped
    both = joined([mapped, np.full((2, 30), -1.0)])
    assert isinstance(both, np.memmap)
    assert np.array_equal(both[:-2], mapped)
    assert (both[-2:] == -1).all()
    assert joined([np.arange(3), np.arange(2)]).tolist() == [0, 1, 2, 0, 1]
