"""`overlapping_windows` and `neighbour_distance`: examples cut from one series, in any order, and frames in theirs."""

import numpy as np
import pytest
from small_sets import dataset, images, normal

from ablate.data.copies import neighbour_distance, overlapping_windows

RNG = np.random.default_rng(0)
SERIES = {
    "noise": RNG.normal(size=(3000, 1)),
    "a random walk": np.cumsum(RNG.normal(size=(3000, 1)), axis=0),
    "a sine": np.sin(0.3 * np.arange(3000))[:, None],
    "three sensors": RNG.normal(size=(3000, 3)),
}


def windows(series, width, stride):
    cut = np.stack([series[start : start + width] for start in range(0, len(series) - width, stride)])
    return RNG.permutation(cut[..., 0] if cut.shape[-1] == 1 else cut).astype(np.float32)


@pytest.mark.parametrize("kind", SERIES)
@pytest.mark.parametrize(("width", "stride"), [(32, 1), (32, 7), (32, 16), (16, 3)])
def test_shuffled_windows_that_overlap_by_half_or_more_are_found(kind, width, stride):
    cut = windows(SERIES[kind], width, stride)
    found = overlapping_windows(cut[: len(cut) // 2], cut)
    assert found.shifted > 0.9 * found.probed


@pytest.mark.parametrize("stride", [24, 32])
def test_windows_that_overlap_little_or_not_at_all_are_not_named(stride):
    cut = windows(SERIES["noise"], 32, stride)
    assert overlapping_windows(cut, cut).shifted == 0


POOR = {
    "pictures": images(200, side=16),
    "flat pictures": images(200).reshape(200, -1),
    "one-hot": np.eye(20, dtype=np.float32)[RNG.integers(0, 20, 300)],
    "constant rows": np.repeat(np.arange(200.0), 16).reshape(200, 16),
    "flags in a row": (RNG.random((300, 8)) < 0.5).astype(np.float32),
    "few steps": windows(SERIES["noise"], 6, 1),
}


@pytest.mark.parametrize("kind", POOR)
def test_what_only_looks_shifted_is_no_window(kind):
    x = POOR[kind]
    assert overlapping_windows(x, x).shifted == 0


def test_frames_in_order_are_near_their_neighbours():
    frames = np.cumsum(RNG.normal(size=(400, 8, 8, 1)), axis=0)
    data = dataset(frames, frames[:20], y_train=np.arange(400) // 200, y_test=np.arange(20) % 2)
    assert neighbour_distance(data) < 0.3


def test_shuffled_and_sorted_examples_are_as_far_from_their_neighbours_as_from_others():
    x, y = normal(400, 30), np.arange(400) // 200
    x += 5 * y[:, None]  # sorted by class, and classes far apart
    by_feature = x[np.lexsort((x[:, 0], y))]
    for made in (x, by_feature):
        assert 0.9 < neighbour_distance(dataset(made, x[:20], y_train=y)) < 1.1


def test_points_along_a_curve_and_a_handful_of_examples_say_nothing():
    curve = np.stack([np.sin(np.linspace(0, 9, 400)), np.linspace(0, 9, 400)], axis=1)
    assert neighbour_distance(dataset(curve, curve[:20], y_train=np.arange(400) // 200)) is None
    assert neighbour_distance(dataset(normal(20, 30), normal(20, 30), y_train=np.arange(20) // 10)) is None
