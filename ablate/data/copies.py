"""Find equal examples, and tell copies from inputs that are equal only because few values are possible."""

from dataclasses import dataclass

import numpy as np

from ablate.data.array import Array
from ablate.data.dataset import Dataset

_CHUNK_BYTES = 2**19  # of rows hashed at once: fits in the processor's cache
_KEY_SEED = 0
_ONE = np.uint64(1)
_MIX = np.uint64(0x9E3779B97F4A7C15)  # odd, so that multiplying by it loses nothing
_PROBED = 40  # repeated examples whose information is measured
_WINDOWS_PROBED = 300  # examples looked at
_COMPARED_VALUES = 2**21  # values compared for each of them
_SURE_BITS = 8.0  # a chance copy is then expected in one of 256 sets at most
_NEAR_BITS = 6.0  # maximum difference of near-duplicate examples, in bits
_HEAD = 8  # steps by which a shifted window is recognized before all of it is compared
_FEWEST_STEPS = 8
_MOST_STRIDES = 256
_FEWEST_FEATURES = 16  # data with fewer are often ordered naturally: points along a curve, a table sorted by a column


def is_chance(seen: Array, x_train: Array) -> bool:
    """Whether examples like `seen` hold so little information that chance makes some equal.

    The information of an example is -log2 of the share of training examples with the same value, summed over its
    features; values of more than half of them count as 0, so that blank borders, rare flags and padding add none.
    Copies need log2(n) + 8 bits. Features that depend on each other are counted in full, so copies also have to
    outnumber near misses: if chance makes examples equal, it makes even more of them differ in one feature.
    """
    if not len(seen):
        return False
    probes = _spread(seen).reshape(-1, int(np.prod(x_train.shape[1:])))
    n = max(50, _COMPARED_VALUES // probes.shape[1])
    others = x_train[:: -(-len(x_train) // n)].reshape(-1, probes.shape[1])
    judged = np.array([_information(probe, others) for probe in probes])
    bits, equal, near = judged.T
    is_rich = np.median(bits) >= np.log2(len(x_train)) + _SURE_BITS
    return bool(not is_rich or near.sum() > equal.sum())


@dataclass(frozen=True, slots=True)
class Copies:
    """The numbers of examples that equal a training example; constant examples (blank images) are counted apart."""

    tested: int  # test examples that equal a training example
    relabelled: int  # of these, how many have a label that no equal training example has
    trained: int  # training examples that equal another training example
    contradictory: int  # of these, how many equal an example with another label
    distinct: int  # different inputs among `trained`
    is_chance: bool  # so few inputs are possible that equal examples are not copies
    blank_tested: int  # constant test examples that equal a training example
    blank_trained: int  # constant training examples that equal another training example


def find_copies(data: Dataset) -> Copies:
    """Count equal examples by 64-bit keys of their rows: linear in the bytes except for sorting the keys.

    Rows are compared as float32 or as bytes, as the network sees them; 0 equals -0.
    """
    train, test = row_keys(data.x_train), row_keys(data.x_test)
    ordered = np.sort(train)
    in_train = is_among(test, ordered)
    blank_tested = is_constant(data.x_test[in_train])
    in_train[in_train] = ~blank_tested
    repeated = is_among(train, np.unique(ordered[1:][ordered[1:] == ordered[:-1]]))
    blank_trained = is_constant(data.x_train[repeated])
    repeated[repeated] = ~blank_trained
    distinct, inverse = np.unique(train[repeated], return_inverse=True)
    pairs = np.unique(np.stack([inverse, data.y_train[repeated]]), axis=1)  # input, label
    n_labels = np.bincount(pairs[0].astype(np.int64), minlength=len(distinct))
    labelled = np.sort(_with_labels(train, data.y_train)) if in_train.any() else ordered
    same_label = is_among(_with_labels(test, data.y_test)[in_train], labelled)
    seen = np.concatenate([_spread(data.x_test[in_train]), _spread(data.x_train[repeated])])
    return Copies(
        tested=int(in_train.sum()),
        relabelled=int(np.count_nonzero(~same_label)),
        trained=int(repeated.sum()),
        contradictory=int(np.count_nonzero(n_labels[inverse] > 1)),
        distinct=len(distinct),
        is_chance=is_chance(seen, data.x_train),
        blank_tested=int(blank_tested.sum()),
        blank_trained=int(blank_trained.sum()),
    )


def row_keys(x: Array) -> Array:
    """A uint64 for each example: equal for equal examples, otherwise different except for one pair in 2^64."""
    rows = x.reshape(len(x), -1)
    width = rows.shape[1] * rows.itemsize
    words = -(-width // 8)
    multipliers = np.random.default_rng(_KEY_SEED).integers(0, 2**63, words, dtype=np.uint64) * np.uint64(2) + _ONE
    keys = np.empty(len(rows), np.uint64)
    step = max(1, _CHUNK_BYTES // (8 * words))
    padded = np.zeros((step, 8 * words), np.uint8)
    for start in range(0, len(rows), step):
        chunk = rows[start : start + step]
        chunk = chunk + np.float32(0) if chunk.dtype.kind == "f" else chunk  # -0 becomes 0
        part = padded[: len(chunk)]
        part[:, :width] = np.ascontiguousarray(chunk).view(np.uint8)
        keys[start : start + step] = (_mixed(part.view(np.uint64)) * multipliers).sum(axis=1, dtype=np.uint64)
    return _mixed(keys)


def is_among(keys: Array, ordered: Array) -> Array:
    """Which of the keys are in the sorted `ordered`."""
    if not len(ordered):
        return np.zeros(len(keys), bool)
    places = np.minimum(np.searchsorted(ordered, keys), len(ordered) - 1)
    among: Array = ordered[places] == keys
    return among


def is_constant(x: Array) -> Array:
    """Which examples have the same value in all features, as blank images do; none if there is one feature."""
    rows = x.reshape(len(x), int(np.prod(x.shape[1:])))
    constant: Array = (rows == rows[:, :1]).all(axis=1) & (rows.shape[1] > 1)
    return constant


def _spread(x: Array) -> Array:
    return x[:: max(1, -(-len(x) // _PROBED))]


def _with_labels(keys: Array, labels: Array) -> Array:
    joined: Array = _mixed(keys ^ _mixed(labels.astype(np.uint64) + _ONE))
    return joined


def _mixed(words: Array) -> Array:
    """A bijection of uint64 after which every bit depends on all lower ones and on the upper half."""
    mixed: Array = words * _MIX
    mixed ^= mixed >> np.uint64(32)
    mixed *= _MIX
    return mixed


def _information(probe: Array, others: Array) -> tuple[float, int, int]:
    """Bits in an example, the number of its copies, and the number of examples that differ by a few bits."""
    same = others == probe
    is_copy = same.all(axis=1)
    same = same[~is_copy]  # its own copies do not show how common it is
    share = (same.sum(axis=0) + 1) / (len(same) + 1)
    bits = -np.log2(share)
    near = int(np.count_nonzero(~same @ bits <= _NEAR_BITS))
    return float(bits[share <= 0.5].sum()), int(is_copy.sum()), near


@dataclass(frozen=True, slots=True)
class Windows:
    """How many of the probed examples are a training example shifted by some steps."""

    probed: int
    shifted: int


def overlapping_windows(x: Array, x_train: Array) -> Windows:
    """Find examples in `x` that overlap with a training example: x[s:] equals its [:-s].

    The steps are the first axis of an example. The order of the examples does not matter, nor does the stride, up to
    half of the steps and 256.
    """
    n_steps = x.shape[1]
    probes = x[:: -(-len(x) // _WINDOWS_PROBED)]
    if n_steps < _FEWEST_STEPS:
        return Windows(len(probes), 0)
    head = min(_HEAD, n_steps // 2)
    strides = range(1, min(n_steps // 2, _MOST_STRIDES) + 1)
    keys = {stride: row_keys(probes[:, stride : stride + head]) for stride in strides}
    candidates = _first_with(np.unique(np.concatenate(list(keys.values()))), row_keys(x_train[:, :head]))
    known = np.array(sorted(candidates), np.uint64)
    shifted: dict[int, int] = {}  # probed example -> training example
    for stride in strides:
        varied = ~is_constant(probes[:, stride : stride + head])
        for probe in np.flatnonzero(varied & is_among(keys[stride], known)):
            other = candidates[int(keys[stride][probe])]
            if np.array_equal(probes[probe, stride:], x_train[other, :-stride]):
                shifted.setdefault(int(probe), other)
    shared = n_steps - n_steps // 2  # minimum number of steps that two of them share
    starts = x_train[list(shifted.values()), :shared]
    return Windows(len(probes), 0 if is_chance(starts, x_train[:, :shared]) else len(shifted))


def _first_with(wanted: Array, keys: Array) -> dict[int, int]:
    """The first index of each of the `wanted` keys, ascending, that is among `keys`."""
    places = np.flatnonzero(is_among(keys, wanted))
    found, first = np.unique(keys[places], return_index=True)
    return dict(zip(found.tolist(), places[first].tolist(), strict=True))


def neighbour_distance(data: Dataset) -> float | None:
    """Median distance of an example to the next in the file, relative to a random one, both of its class.

    About 1 in shuffled sets, and slightly less in sets sorted by class; None if there are too few examples
    or features. Features are in units of their SD.
    """
    x, y = data.x_train, data.y_train
    if np.prod(x.shape[1:]) < _FEWEST_FEATURES:
        return None
    here = np.flatnonzero(y[:-1] == y[1:])
    here = here[:: -(-len(here) // _WINDOWS_PROBED)] if len(here) else here
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
