import numpy as np
import pytest

from ablate.training.engine.batches import CHUNK, epoch_batches, equal_parts, evaluation_chunks, ramp_batches


def test_an_epoch_is_full_batches_then_the_rest_as_one_of_its_own_size():
    full, rest = epoch_batches([np.arange(10)], 4, min_rows=0, is_padded=False)
    assert full.order.tolist() == [[[0, 1, 2, 3]], [[4, 5, 6, 7]], [[0, 0, 0, 0]]]
    assert rest.order.tolist() == [[[8, 9]]]
    assert (full.n_steps, rest.n_steps) == (2, 1)
    assert (full.sizes.tolist(), rest.sizes.tolist()) == ([4, 4, 4], [2])


def test_a_padded_rest_repeats_its_last_example_in_the_last_batch():
    [part] = epoch_batches([np.arange(10)], 4, min_rows=0, is_padded=True)
    assert part.order.tolist() == [[[0, 1, 2, 3]], [[4, 5, 6, 7]], [[8, 9, 9, 9]]]
    assert part.n_steps == 3
    assert part.sizes.tolist() == [4, 4, 2]


@pytest.mark.parametrize("is_padded", [False, True])
def test_an_epoch_without_a_rest_is_one_part(is_padded):
    [part] = epoch_batches([np.arange(8)], 4, min_rows=0, is_padded=is_padded)
    assert (part.order.shape, part.n_steps, part.sizes.tolist()) == ((2, 1, 4), 2, [4, 4])


def test_each_slot_walks_through_its_own_permutation():
    full, rest = epoch_batches([np.arange(5), np.arange(5)[::-1]], 2, min_rows=0, is_padded=False)
    assert full.order[:2].tolist() == [[[0, 1], [4, 3]], [[2, 3], [2, 1]]]
    assert rest.order.tolist() == [[[4], [0]]]


@pytest.mark.parametrize("is_padded", [False, True])
def test_rows_are_padded_for_the_ramp_and_the_padding_is_not_counted(is_padded):
    [part] = epoch_batches([np.arange(8)], 4, min_rows=5, is_padded=is_padded)
    assert part.order.shape == (5, 1, 4)
    assert part.n_steps == 2


def test_a_batch_larger_than_the_data_is_all_of_it():
    [part] = epoch_batches([np.arange(3)], 32, min_rows=0, is_padded=True)
    assert (part.order.shape, part.n_steps) == ((1, 1, 3), 1)


def test_the_first_steps_come_apart_in_the_same_shape():
    [part] = epoch_batches([np.arange(10)], 4, min_rows=0, is_padded=True)
    first, later = part.split(1)
    assert (first.n_steps, later.n_steps) == (1, 2)
    assert later.order.shape == part.order.shape
    assert later.order[:2].tolist() == part.order[1:].tolist()
    assert later.sizes[:2].tolist() == [4, 2]


@pytest.mark.parametrize("n", [4, 5, 7])
def test_a_ramp_has_as_many_rows_as_an_epoch_of_either_kind(n):
    train = np.arange(n, dtype=np.int32)
    rows = {len(epoch_batches([train], 2, min_rows=3, is_padded=is_padded)[0].order) for is_padded in (False, True)}
    assert rows == {len(ramp_batches(train, min_rows=3, batch=2, rng=np.random.default_rng(0)))}


def test_a_ramp_walks_through_the_data_again_and_again():
    train = np.array([5, 6, 7, 8], np.int32)
    order = ramp_batches(train, min_rows=5, batch=2, rng=np.random.default_rng(0))
    assert order.shape == (5, 2)
    assert sorted(order[:2].ravel()) == sorted(order[2:4].ravel()) == [5, 6, 7, 8]
    assert ramp_batches(train, min_rows=2, batch=32, rng=np.random.default_rng(0)).shape == (2, 4)


def test_chunks_hold_every_index_once_before_the_padding():
    for n in (1, CHUNK, CHUNK + 1, 3 * CHUNK - 1):
        both = [np.arange(n, dtype=np.int32), np.arange(n, dtype=np.int32)[::-1]]
        chunks = evaluation_chunks(both, room=CHUNK + 1)
        assert chunks.shape == (max(2, -(-n // CHUNK)), 2, CHUNK)
        assert chunks[:, 0].ravel()[:n].tolist() == list(range(n))
        assert chunks[:, 1].ravel()[:n].tolist() == list(range(n))[::-1]


def test_smaller_chunks_hold_the_same_indices():
    chunks = evaluation_chunks([np.arange(5)], room=0, chunk=2)
    assert chunks.tolist() == [[[0, 1]], [[2, 3]], [[4, 0]]]


@pytest.mark.parametrize(
    ("batch", "parts", "sizes"),
    [
        (8, 4, [(4, 2)]),
        (10, 4, [(2, 3), (2, 2)]),
        (7, 2, [(1, 4), (1, 3)]),
        (3, 8, [(3, 1)]),  # an epoch's last batch may have fewer examples than parts
        (5, 1, [(1, 5)]),
    ],
)
def test_parts_are_as_equal_as_can_be_and_none_is_empty(batch, parts, sizes):
    assert equal_parts(batch, parts) == sizes
    assert sum(n * size for n, size in sizes) == batch
