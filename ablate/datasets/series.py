"""Find examples cut from one series: windows that overlap, frames that follow each other."""

from dataclasses import dataclass

import numpy as np

from ablate.datasets.array import Array
from ablate.datasets.copies import is_among, is_chance, is_constant, row_keys
from ablate.datasets.dataset import Dataset

_PROBED = 300  # examples looked at
_HEAD = 8  # steps by which a shifted window is recognized before all of it is compared
_FEWEST_STEPS = 8
_MOST_STRIDES = 256
_FEWEST_FEATURES = 16  # fewer are often in order by themselves: points along a curve, a table sorted by a column


@dataclass(frozen=True, slots=True)
class Windows:
    """How many of the probed examples are a training example shifted by some steps."""

    probed: int
    shifted: int


def overlapping_windows(x: Array, x_train: Array) -> Windows:
    """Look among `x` for examples that go on where a training example has begun: x[s:] equals its [:-s].

    The steps are the first axis of an example. The order of the examples does not matter, nor does the stride, up to
    half of the steps and 256.
    """
    n_steps = x.shape[1]
    probes = x[:: -(-len(x) // _PROBED)]
    if n_steps < _FEWEST_STEPS:
        return Windows(len(probes), 0)
    head = min(_HEAD, n_steps // 2)
    strides = range(1, min(n_steps // 2, _MOST_STRIDES) + 1)
    keys = {stride: row_keys(probes[:, stride : stride + head]) for stride in strides}
    candidates = _first_with(np.unique(np.concatenate(list(keys.values()))), row_keys(x_train[:, :head]))
    known = np.array(sorted(candidates), np.uint64)
    shifted: dict[int, int] = {}  # probe -> training example
    for stride in strides:
        varied = ~is_constant(probes[:, stride : stride + head])
        for probe in np.flatnonzero(varied & is_among(keys[stride], known)):
            other = candidates[int(keys[stride][probe])]
            if np.array_equal(probes[probe, stride:], x_train[other, :-stride]):
                shifted.setdefault(int(probe), other)
    shared = n_steps - n_steps // 2  # steps that every two of them have in common at least
    starts = x_train[list(shifted.values()), :shared]
    return Windows(len(probes), 0 if is_chance(starts, x_train[:, :shared]) else len(shifted))


def _first_with(wanted: Array, keys: Array) -> dict[int, int]:
    """The first place of each of the `wanted` keys, ascending, that is among `keys`."""
    places = np.flatnonzero(is_among(keys, wanted))
    found, first = np.unique(keys[places], return_index=True)
    return dict(zip(found.tolist(), places[first].tolist(), strict=True))


def neighbour_distance(data: Dataset) -> float | None:
    """Median distance of an example to the next one in the file over that to a random one, both of its class.

    About 1 in shuffled sets, and little less in sets that are sorted by class; None where there are too few examples
    or features to tell. Features count in units of their SD.
    """
    x, y = data.x_train, data.y_train
    if np.prod(x.shape[1:]) < _FEWEST_FEATURES:
        return None
    here = np.flatnonzero(y[:-1] == y[1:])
    here = here[:: -(-len(here) // _PROBED)] if len(here) else here
    rng = np.random.default_rng(0)
    members = {int(label): np.flatnonzero(y == label) for label in np.unique(y[here])}
    if len(here) < 30:
        return None
    others = np.array([rng.choice(members[int(label)]) for label in y[here]])
    a, b, c = (x[rows].reshape(len(here), -1).astype(np.float64) for rows in (here, here + 1, others))
    spread = a.std(axis=0)
    weight = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1), 0)
    near = np.median(np.linalg.norm((a - b) * weight, axis=1))
    far = np.median(np.linalg.norm((a - c) * weight, axis=1))
    return float(near / far) if far > 0 else None
