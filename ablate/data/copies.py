"""Find equal examples, and tell copies from inputs that are equal only because few values are possible."""

from dataclasses import dataclass

import numpy as np

from ablate.data.array import Array
from ablate.data.dataset import Dataset
from ablate.data.outputs import class_of_each
from ablate.data.trees import Tree, leaves, map_tree, n_examples, rows_of

_CHUNK_BYTES = 2**19  # of rows hashed at once: fits in the processor's cache
_KEY_SEED = 0
_ONE = np.uint64(1)
_MIX = np.uint64(0x9E3779B97F4A7C15)  # odd, so that multiplying by it loses nothing
_ROWS_AT_ONCE = 1000
_PROBED = 40  # repeated examples whose information is measured
_WINDOWS_PROBED = 300  # examples looked at
_COMPARED_VALUES = 2**21  # values compared for each of them
_SURE_BITS = 8.0  # a chance copy is then expected in one of 256 sets at most
_NEAR_BITS = 6.0  # maximum difference of near-duplicate examples, in bits
_HEAD = 8  # steps by which a shifted window is recognized before all of it is compared
_FEWEST_STEPS = 8
_MOST_STRIDES = 256
_FEWEST_FEATURES = 16  # data with fewer are often ordered naturally: points along a curve, a table sorted by a column


def is_chance(seen: Tree, x_train: Tree) -> bool:
    """Whether examples like `seen` hold so little information that chance makes some equal.

    The information of an example is -log2 of the share of training examples with the same value, summed over its
    features; values of more than half of them count as 0, so that blank borders, rare flags and padding add none.
    Copies need log2(n) + 8 bits. Features that depend on each other are counted in full, so copies also have to
    outnumber near misses: if chance makes examples equal, it makes even more of them differ in one feature.
    """
    if not n_examples(seen):
        return False
    probes = _flat(_some(seen, np.ones(n_examples(seen), bool)))
    n, n_train = max(50, _COMPARED_VALUES // probes.shape[1]), n_examples(x_train)
    others = _flat(rows_of(x_train, slice(None, None, -(-n_train // n))))
    judged = np.array([_information(probe, others) for probe in probes])
    bits, equal, near = judged.T
    is_rich = np.median(bits) >= np.log2(n_train) + _SURE_BITS
    return bool(not is_rich or near.sum() > equal.sum())


@dataclass(frozen=True, slots=True)
class Copies:
    """The numbers of examples that equal a training example; constant examples (blank images) are counted apart."""

    tested: int  # test examples that equal a training example
    relabelled: int  # of these, how many have a class that no equal training example has; 0 without classes
    trained: int  # training examples that equal another training example
    contradictory: int  # of these, how many equal an example of another class; 0 without classes
    distinct: int  # different inputs among `trained`
    is_chance: bool  # so few inputs are possible that equal examples are not copies
    blank_tested: int  # constant test examples that equal a training example
    blank_trained: int  # constant training examples that equal another training example


def find_copies(data: Dataset) -> Copies:
    """Count equal examples by 64-bit keys of their rows: linear in the bytes except for sorting the keys.

    Rows are compared as float32 or as whole numbers, as the network sees them; 0 equals -0. Of several inputs all have
    to be equal.
    """
    train, test = row_keys(data.x_train), row_keys(data.x_test)
    y_train, y_test = (class_of_each(data.targets, y) for y in (data.y_train, data.y_test))
    ordered = np.sort(train)
    in_train = is_among(test, ordered)
    blank_tested = _constant_rows(data.x_test, in_train)
    in_train[in_train] = ~blank_tested
    repeated = is_among(train, np.unique(ordered[1:][ordered[1:] == ordered[:-1]]))
    blank_trained = _constant_rows(data.x_train, repeated)
    repeated[repeated] = ~blank_trained
    distinct, inverse = np.unique(train[repeated], return_inverse=True)
    n_labels: Array = np.ones(len(distinct))
    n_relabelled = 0
    if y_train is not None and y_test is not None:
        pairs = np.unique(np.stack([inverse, y_train[repeated]]), axis=1)  # input, label
        n_labels = np.bincount(pairs[0].astype(np.int64), minlength=len(distinct))
        labelled = np.sort(_with_labels(train, y_train)) if in_train.any() else ordered
        n_relabelled = int(np.count_nonzero(~is_among(_with_labels(test, y_test)[in_train], labelled)))
    seen = _joined(_some(data.x_test, in_train), _some(data.x_train, repeated))
    return Copies(
        tested=int(in_train.sum()),
        relabelled=n_relabelled,
        trained=int(repeated.sum()),
        contradictory=int(np.count_nonzero(n_labels[inverse] > 1)),
        distinct=len(distinct),
        is_chance=is_chance(seen, data.x_train),
        blank_tested=int(blank_tested.sum()),
        blank_trained=int(blank_trained.sum()),
    )


def row_keys(x: Tree) -> Array:
    """A uint64 for each example: equal for equal examples, otherwise different except for one pair in 2^64."""
    first, *others = (_row_keys(array) for _, array in sorted(leaves(x).items()))
    for keys in others:
        first = _mixed(first ^ _mixed(keys + _ONE))
    return first


def _row_keys(rows: Array) -> Array:
    width = int(np.prod(rows.shape[1:])) * rows.itemsize
    words = -(-width // 8)
    multipliers = np.random.default_rng(_KEY_SEED).integers(0, 2**63, words, dtype=np.uint64) * np.uint64(2) + _ONE
    keys = np.empty(len(rows), np.uint64)
    step = max(1, _CHUNK_BYTES // (8 * words))
    padded = np.zeros((step, 8 * words), np.uint8)
    for start in range(0, len(rows), step):
        chunk = rows[start : start + step].reshape(-1, width // rows.itemsize)
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


def _constant_rows(x: Tree, chosen: Array) -> Array:
    """Which of the chosen examples are constant in every input, and in one of several features."""
    rows = np.flatnonzero(chosen)
    constant = np.zeros(len(rows), bool)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        arrays = leaves(rows_of(x, rows[start : start + _ROWS_AT_ONCE])).values()
        wide = [is_constant(array) for array in arrays if np.prod(array.shape[1:]) > 1]
        if wide:
            constant[start : start + _ROWS_AT_ONCE] = np.logical_and.reduce(wide)
    return constant


def _some(x: Tree, chosen: Array) -> Tree:
    """At most 40 of the chosen examples, evenly spaced."""
    rows = np.flatnonzero(chosen)
    return rows_of(x, rows[:: max(1, -(-len(rows) // _PROBED))])


def _flat(x: Tree) -> Array:
    """(n, features) of all inputs side by side."""
    flat = [array.reshape(len(array), -1) for _, array in sorted(leaves(x).items())]
    return flat[0] if len(flat) == 1 else np.concatenate(flat, axis=1)


def _joined(one: Tree, other: Tree) -> Tree:
    arrays: Tree = map_tree(lambda a, b: np.concatenate([a, b]), one, other)
    return arrays


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
    n_steps = x.shape[1] if x.ndim > 1 else 1
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

    Without classes, of any examples. About 1 in shuffled sets, and slightly less in sets sorted by class; None if there
    are too few examples or features. Features are in units of their SD.
    """
    x, y = data.x_train, class_of_each(data.targets, data.y_train)
    y = np.zeros(n_examples(x), np.int32) if y is None else y
    if sum(int(np.prod(array.shape[1:])) for array in leaves(x).values()) < _FEWEST_FEATURES:
        return None
    here = np.flatnonzero(y[:-1] == y[1:])
    here = here[:: -(-len(here) // _WINDOWS_PROBED)] if len(here) else here
    rng = np.random.default_rng(0)
    members = {int(label): np.flatnonzero(y == label) for label in np.unique(y[here])}
    if len(here) < 30:
        return None
    others = np.array([rng.choice(members[int(label)]) for label in y[here]])
    a, b, c = (_filled(_flat(rows_of(x, rows)).astype(np.float64)) for rows in (here, here + 1, others))
    spread = a.std(axis=0)
    weight = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1), 0)
    near = np.median(np.linalg.norm((a - b) * weight, axis=1))
    far = np.median(np.linalg.norm((a - c) * weight, axis=1))
    return float(near / far) if far > 0 else None


def _filled(rows: Array) -> Array:
    """Missing numbers replaced by the mean of their feature, or 0."""
    missing = np.isnan(rows)
    if not missing.any():
        return rows
    n = np.count_nonzero(~missing, axis=0)
    means = np.where(missing, 0, rows).sum(axis=0) / np.maximum(n, 1)
    return np.where(missing, means, rows)
