"""Split a `Dataset` into training and validation examples, and fit the scaling on the training split only."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ablate.data.array import Array
from ablate.data.dataset import Dataset
from ablate.data.outputs import class_of_each
from ablate.data.selecting import only_classes, relabelled, with_rows
from ablate.data.trees import n_examples
from ablate.errors import DataError, known_names
from ablate.study.catalog import SCALINGS

_CHUNK_BYTES = 2**20  # bytes of float64 at once: fits in the processor's cache


@dataclass(frozen=True, slots=True)
class Split:
    """Which examples are for training and which for validation, and how inputs are scaled."""

    train: Array  # (n_train,) int32 indices into x_train, ascending
    validation: Array  # (n_validation,) int32, ascending, disjoint from `train`
    shift: Array  # float32, shape of one example: subtracted from the raw input, cast to float32
    scale: Array  # float32, shape of one example: multiplies the difference
    fingerprint: str  # SHA-256 of the data set's digest and both index arrays, hexadecimal


def split_dataset(
    data: Dataset, *, n_train: int | None, n_validation: int, scaling: str, seed: np.random.SeedSequence
) -> Split:
    """Draw `n_validation` and then at most `n_train` (None: all the rest) of the training examples, by class.

    Each class gets its share of the validation examples to within one, and its share of what is
    left of the training examples to within one (largest remainders), except that one example of every class always
    stays for training.

    `scaling` is "none"; "unit": the training split's smallest value onto 0 and its largest onto 1, for all pixels of
    images together, for each feature of flat examples, where bytes that reach above 127 count as 0 … 255 whatever
    the split holds; "standardize": mean 0 and SD 1 in each feature or pixel and channel; or "standardize_channels":
    in each channel, over all its pixels (of flat examples, in each feature). Constant features in the training split
    are only shifted, to 0. Raises `DataError` if too many or too few examples are requested.
    """
    if scaling not in SCALINGS:
        raise DataError(f'data.scaling: unknown scaling "{scaling}"\n  {known_names(scaling, SCALINGS)}')
    train, validation = _draw(data, n_train=n_train, n_validation=n_validation, rng=np.random.default_rng(seed))
    shift, scale = _fit_scaling(data.x_train, train, scaling=scaling)
    fingerprint = hashlib.sha256(data.digest.encode())
    for indices in (train, validation):
        fingerprint.update(f"{len(indices)}\n".encode())
        fingerprint.update(indices.astype("<i4").data)
    return Split(train, validation, shift, scale, fingerprint.hexdigest())


def check_sizes(data: Dataset, *, n_train: int | None, n_validation: int) -> None:
    """Raise `DataError` if no split can have these sizes, whatever its seed."""
    n_there = len(data.y_train)
    if data.n_classes + n_validation > n_there:
        raise DataError(
            f"{data.name}: needs at least {data.n_classes} training examples (one per class) and {n_validation:,} for "
            f"validation, but there are only {n_there:,} examples\n"
            f"  lower data.validation, to about {max(1, n_there // 10):,}"
        )
    if n_validation < 1 or (n_train is not None and n_train < data.n_classes):
        raise DataError(
            f"{data.name}: needs at least 1 example for validation and {data.n_classes} for training (one per class), "
            f"got data.validation={n_validation} and data.train={n_train}"
        )


def scale_inputs(x: Array, split: Split) -> Array:
    """Raw examples (n, …) as float32, shifted and scaled as the engine does it."""
    scaled: Array = (x.astype(np.float32) - split.shift) * split.scale
    return scaled


def draw_by_class(labels: Array, n: int, *, rng: np.random.Generator, spare: int = 0) -> Array:
    """Indices of `n` of the labels, ascending, each class in proportion, at least `spare` of each left."""
    counts = np.bincount(labels)
    wanted = _allocate(n, counts, np.maximum(counts - spare, 0))
    members = [rng.permutation(np.flatnonzero(labels == k))[:share] for k, share in enumerate(wanted)]
    return np.sort(np.concatenate(members)).astype(np.int32)


def _draw(data: Dataset, *, n_train: int | None, n_validation: int, rng: np.random.Generator) -> tuple[Array, Array]:
    check_sizes(data, n_train=n_train, n_validation=n_validation)
    n_there = len(data.y_train)
    validation = draw_by_class(data.y_train, n_validation, rng=rng, spare=1)
    rest = np.setdiff1d(np.arange(n_there, dtype=np.int32), validation, assume_unique=True)
    train = (
        rest if n_train is None or n_train >= len(rest) else rest[draw_by_class(data.y_train[rest], n_train, rng=rng)]
    )
    lost = np.flatnonzero(np.bincount(data.y_train[train], minlength=data.n_classes) == 0)
    if lost.size:
        raise DataError(
            f"{data.name}: with data.train={len(train):,} there is no training example of class {int(lost[0])}; "
            "raise data.train"
        )
    return train, validation


def _allocate(n: int, counts: Array, room: Array) -> Array:
    """`n` shared out in proportion to `counts` by largest remainders (the lower class first), none above its `room`."""
    quotas = n * counts / counts.sum()
    shares: Array = np.minimum(np.floor(quotas).astype(np.int64), room)
    order = np.argsort(shares - quotas, kind="stable")
    while shares.sum() < n:  # more than one round only if classes are so small that they have no room
        takers = order[(shares < room)[order]]
        shares[takers[: n - shares.sum()]] += 1
    return shares


def _fit_scaling(x: Array, rows: Array, *, scaling: str) -> tuple[Array, Array]:
    shape = x.shape[1:]
    if scaling == "none":
        return np.zeros(shape, np.float32), np.ones(shape, np.float32)
    shift, spread = _extent(x, rows) if scaling == "unit" else _moments(x, rows)
    if scaling == "standardize_channels" and x.ndim > 2:
        shift, spread = _over_pixels(shift, spread)
    # A spread whose inverse overflows float32 is no spread.
    constant = spread < 2 * np.finfo(np.float32).tiny
    scale = 1 / np.where(constant, 1, spread)
    return (np.broadcast_to(shift, shape).astype(np.float32), np.broadcast_to(scale, shape).astype(np.float32))


def _extent(x: Array, rows: Array) -> tuple[Array, Array]:
    """Smallest value and range of the training rows: of each feature of flat examples, of all pixels of images."""
    low = np.min([chunk.min(axis=0) for chunk in _chunks(x, rows)], axis=0).astype(np.float64)
    high = np.max([chunk.max(axis=0) for chunk in _chunks(x, rows)], axis=0).astype(np.float64)
    if x.dtype == np.uint8 and high.max() > 127:
        return np.zeros(()), np.full((), 255.0)
    if x.ndim > 2:
        low, high = low.min(), high.max()
    return low, high - low


def _moments(x: Array, rows: Array) -> tuple[Array, Array]:
    """Mean and SD of each feature over the training rows, shape of one example, float64.

    Sums are of the differences from the first row, so that a constant feature has an SD of exactly 0.
    """
    first = x[rows[0]].astype(np.float64).reshape(-1)
    total, squares = np.zeros_like(first), np.zeros_like(first)
    for chunk in _chunks(x, rows):
        differences = chunk.reshape(len(chunk), -1) - first
        total += differences.sum(axis=0)
        squares += np.einsum("ij,ij->j", differences, differences)
    mean = total / len(rows)
    variance = np.maximum(squares / len(rows) - mean**2, 0)
    return (first + mean).reshape(x.shape[1:]), np.sqrt(variance).reshape(x.shape[1:])


def _over_pixels(means: Array, spreads: Array) -> tuple[Array, Array]:
    """Mean and SD of each channel from those of its pixels, each (height, width, channels)."""
    mean = means.mean(axis=(0, 1))
    return mean, np.sqrt((spreads**2 + (means - mean) ** 2).mean(axis=(0, 1)))


def _chunks(x: Array, rows: Array) -> Iterator[Array]:
    step = max(1, _CHUNK_BYTES // (8 * int(np.prod(x.shape[1:]))))
    for start in range(0, len(rows), step):
        yield x[rows[start : start + step]]


def select_task(
    data: Dataset, classes: Sequence[int] | None, *, before: Sequence[int] | None = None, test: int | None = None
) -> Dataset:
    """The task of distinguishing `classes` (None: all), with that of the classes `before` as its `pretraining`.

    Both are class numbers of `data`; the digest covers both tasks. At most `test` examples are for testing, the
    same for every study. Raises `DataError` for a class that `data` does not have.
    """
    task = data if classes is None else select_classes(data, classes, setting="data.classes")
    if test is not None and test < n_examples(task.y_test):
        task = _fewer_tested(task, test)
    if before is None:
        return task
    pretraining = select_classes(data, before, setting="transfer.classes")
    digest = hashlib.sha256(f"{task.digest} after {pretraining.digest}".encode()).hexdigest()
    return replace(task, pretraining=pretraining, digest=digest)


def select_classes(data: Dataset, classes: Sequence[int], *, setting: str) -> Dataset:
    """Only the examples of these classes, relabelled 0, 1, … in this order; each class keeps its examples' order."""
    target = only_classes(data, setting=setting)
    for number in classes:
        if not 0 <= number < data.n_classes:
            raise DataError(
                f"{setting}: {data.name} has no class {number}\n  its classes are 0 to {data.n_classes - 1}"
            )
    labels = np.full(data.n_classes, -1, np.int32)
    labels[list(classes)] = np.arange(len(classes))
    kept = {part: np.flatnonzero(labels[getattr(data, f"y_{part}")] >= 0) for part in ("train", "test")}
    source = f"{data.source}, classes {', '.join(map(str, classes))}"
    task = with_rows(data, train=kept["train"], test=kept["test"], source=source)
    names = tuple(target.names[number] for number in classes) if target.names else ()
    return relabelled(task, labels, replace(target, n_classes=len(classes), names=names))


def _fewer_tested(data: Dataset, n: int) -> Dataset:
    rng = np.random.default_rng(0)
    labels = class_of_each(data.targets, data.y_test)
    kept = (
        np.sort(rng.permutation(n_examples(data.y_test))[:n]) if labels is None else draw_by_class(labels, n, rng=rng)
    )
    return with_rows(data, train=None, test=kept, source=f"{data.source}, {n:,} for testing")
