"""Split a `Dataset` into training and validation examples, and fit the scaling on the training split only."""

import hashlib
import json
from dataclasses import dataclass
from typing import cast

import numpy as np

from ablate.data.array import Array
from ablate.data.by_group import deal_groups, draw_groups
from ablate.data.class_weights import BALANCED, split_weights
from ablate.data.dataset import Dataset
from ablate.data.scaling import fit_scaling, fit_target_scaling
from ablate.data.split_sizes import SplitSizes, n_drawn_from, rows_before, split_sizes, strata_of, target_of
from ablate.data.trees import Tree, leaves, to_tree
from ablate.errors import DataError, known_names
from ablate.study import seeds
from ablate.study.catalog import SCALINGS
from ablate.study.settings import Data

_DRAWS = 100  # attempts to draw groups that leave an example of every class for training


@dataclass(frozen=True, slots=True)
class Split:
    """Which examples are for training and which for validation, how inputs are scaled, and how examples count."""

    train: Array  # (n_train,) int32 indices into x_train, ascending
    validation: Array  # (n_validation,) int32, ascending, disjoint from `train`
    # Float32, shape of one example: subtracted from the raw input, cast to float32; or a mapping, as x_train.
    shift: Array
    scale: Array  # float32, shape of one example: multiplies the difference; or a mapping
    fingerprint: str  # SHA-256 of the data set's digest and both index arrays, hexadecimal
    unscaled: frozenset[str] = frozenset()  # names of the inputs that stay whole numbers
    target_shift: Tree | None = None  # float32 of a target's last axis: subtracted from numbers for the loss
    target_scale: Tree | None = None  # float32: multiplies the difference; by output if there are several
    weights: Array | None = None  # (n,) float32, of all training examples in the loss; None: all count equally
    place_weights: Array | None = None  # (k,) float32, in the loss by class of a place (a mask's pixel), on top of it


def split_dataset(
    data: Dataset,
    settings: Data,
    *,
    seed: int,
    replicate: int,
    scaling: str,
    unscaled: frozenset[str] = frozenset(),
    target_scaling: str = "none",
) -> Split:
    """The split of a replicate in a study with that seed, of the sizes of `split_sizes`.

    By default validation and then training examples are drawn at random. Each class gets its share of the validation
    examples to within one, and its share of what is left of the training examples to within one (largest remainders),
    except that one example of every class always stays for training. Tags and numbers are drawn without classes.
    With groups, whole groups are drawn. By time, and with the source's own validation part, all replicates have the
    same validation examples. Of k folds, the replicates 1 … k hold out one each, and so does each further k, of folds
    drawn anew.

    `scaling` is "none"; "unit": the training split's smallest value onto 0 and its largest onto 1, for all pixels of
    images together, for each feature of flat examples, where bytes that reach above 127 count as 0 … 255 whatever
    the split holds; "standardize": mean 0 and SD 1 in each feature or pixel and channel; or "standardize_channels":
    in each channel, over all its pixels (of flat examples, in each feature). Constant features in the training split
    are only shifted, to 0. Inputs named in `unscaled` are left as they are. Raises `DataError` if too many or too few
    examples are requested.
    """
    if scaling not in SCALINGS:
        raise DataError(f'data.scaling: unknown scaling "{scaling}"\n  {known_names(scaling, SCALINGS)}')
    train, validation = _draw(data, settings, seed=seed, replicate=replicate)
    shift, scale = fit_scaling(data.x_train, train, scaling=scaling, columns=data.columns, unscaled=unscaled)
    target_shift, target_scale = _fit_targets(data, train, scaling=target_scaling)
    weights, place_weights = split_weights(data, settings, train)
    return Split(
        train=train,
        validation=validation,
        shift=cast("Array", shift),
        scale=cast("Array", scale),
        fingerprint=_fingerprint(data, settings, train, validation),
        unscaled=unscaled,
        target_shift=target_shift,
        target_scale=target_scale,
        weights=weights,
        place_weights=place_weights,
    )


def split_settings(data: Dataset, settings: Data) -> str:
    """What decides splits and weights besides arrays, sizes, scaling and seed, as text; "" if nothing does."""
    decides = {
        "given": data.n_given if settings.validation == "given" else None,
        "folds": settings.folds if settings.validation == "folds" else None,
        "groups": _digest(data.group_of),
        "order": _digest(data.time_of),
        "weights": BALANCED if settings.weights == BALANCED else _digest(data.weights_train),
        "weights_test": _digest(data.weights_test),
        "target_scaling": settings.target_scaling,
    }
    stated = {name: value for name, value in decides.items() if value is not None}
    return json.dumps(stated) if stated else ""


def scale_inputs(x: Tree, split: Split) -> Array:
    """Raw examples (n, …), or a mapping of them, as float32, shifted and scaled as the engine does it.

    Unknown numbers become 0. Unscaled inputs stay as they are.
    """
    shift, scale = leaves(split.shift), leaves(split.scale)
    scaled = {
        name: array if name in split.unscaled else _scaled(array, shift[name], scale[name])
        for name, array in leaves(x).items()
    }
    return cast("Array", to_tree(scaled))


def draw_by_class(labels: Array, n: int, *, rng: np.random.Generator, spare: int = 0) -> Array:
    """Indices of `n` of the labels, ascending, each class in proportion, at least `spare` of each left."""
    counts = np.bincount(labels)
    wanted = _allocate(n, counts, np.maximum(counts - spare, 0))
    members = [rng.permutation(np.flatnonzero(labels == k))[:share] for k, share in enumerate(wanted)]
    return np.sort(np.concatenate(members)).astype(np.int32)


def _fit_targets(data: Dataset, rows: Array, *, scaling: str) -> tuple[Tree, Tree]:
    fitted = {
        name: fit_target_scaling(y, rows, data.targets.get(name, target_of(data)), scaling=scaling)
        for name, y in leaves(data.y_train).items()
    }
    shift, scale = ({name: pair[at] for name, pair in fitted.items()} for at in (0, 1))
    return to_tree(shift), to_tree(scale)


def _scaled(x: Array, shift: Array, scale: Array) -> Array:
    scaled: Array = (x.astype(np.float32) - shift) * scale
    return np.where(np.isnan(scaled), np.float32(0), scaled) if np.isnan(scaled).any() else scaled


def _fingerprint(data: Dataset, settings: Data, train: Array, validation: Array) -> str:
    fingerprint = hashlib.sha256(data.digest.encode())
    for indices in (train, validation):
        fingerprint.update(f"{len(indices)}\n".encode())
        fingerprint.update(indices.astype("<i4").data)
    fingerprint.update(split_settings(data, settings).encode())
    return fingerprint.hexdigest()


def _digest(array: Array | None) -> str | None:
    return None if array is None else hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()[:16]


def _draw(data: Dataset, settings: Data, *, seed: int, replicate: int) -> tuple[Array, Array]:
    sizes, strata, n = split_sizes(data, settings), strata_of(data), n_drawn_from(data)
    rng = np.random.default_rng(seeds.stream(seed, replicate, "split"))
    labels = np.zeros(n, np.int32) if strata is None else strata[:n]
    for _ in range(_DRAWS if _is_by_group(data, settings) else 1):
        validation, rest = _draw_validation(data, settings, labels, sizes, seed=seed, replicate=replicate, rng=rng)
        train = _draw_train(data, settings, rest, labels, sizes.n_train, rng=rng)
        lost = np.flatnonzero(np.bincount(labels[train], minlength=data.n_classes) == 0)
        if strata is None or not lost.size:
            return train.astype(np.int32), validation.astype(np.int32)
    raise DataError(f"{data.name}: {_lost(data, settings, int(lost[0]), len(train))}")


def _is_by_group(data: Dataset, settings: Data) -> bool:
    """Whether each draw is of groups at random, so that another draw may do what one did not."""
    return data.group_of is not None and data.time_of is None and not isinstance(settings.validation, str)


def _draw_validation(
    data: Dataset,
    settings: Data,
    labels: Array,
    sizes: SplitSizes,
    *,
    seed: int,
    replicate: int,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """The validation examples, and those from which the training examples are taken; ascending."""
    n, n_validation = len(labels), sizes.n_validation
    if settings.validation == "given":
        return np.arange(n, n + data.n_given), np.arange(n)
    if settings.validation == "folds":
        assert settings.folds is not None  # a rule of the study file
        is_held = _is_in_fold(data, labels, settings.folds, seed=seed, replicate=replicate)
        held = np.flatnonzero(is_held)
        return held[draw_by_class(labels[held], n_validation, rng=rng)], np.flatnonzero(~is_held)
    if data.time_of is not None:
        latest = np.argsort(data.time_of[:n], kind="stable")[n - n_validation :]
        return np.sort(latest), np.sort(rows_before(data, n_validation))
    if data.group_of is not None:
        return draw_groups(data.group_of[:n], n_validation, rng=rng)
    validation = draw_by_class(labels, n_validation, rng=rng, spare=1)
    return validation, np.setdiff1d(np.arange(n, dtype=np.int32), validation, assume_unique=True)


def _draw_train(
    data: Dataset, settings: Data, rest: Array, labels: Array, n_train: int, *, rng: np.random.Generator
) -> Array:
    """At most `n_train` of the rest, by class; by time the latest."""
    if n_train >= len(rest):
        return rest
    if data.time_of is not None and not isinstance(settings.validation, str):
        return np.sort(rest[np.argsort(data.time_of[rest], kind="stable")[len(rest) - n_train :]])
    drawn: Array = rest[draw_by_class(labels[rest], n_train, rng=rng)]
    return drawn


def _is_in_fold(data: Dataset, labels: Array, k: int, *, seed: int, replicate: int) -> Array:
    """Whether each example is in the fold that a replicate holds out.

    The replicates 1 … k, those of the first k seeds, share one partition, so that each fold is held out once; the
    search's replicate 0 has one of its own. Without groups, what is left over of n / k examples is in no fold.
    """
    partition, fold = divmod(replicate - 1 + k, k)
    rng = np.random.default_rng(seeds.stream(seed, partition, "folds"))
    if data.group_of is not None:
        is_dealt: Array = deal_groups(data.group_of[: len(labels)], k, rng=rng) == fold
        return is_dealt
    shuffled = rng.permutation(len(labels))[len(labels) % k :]
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    is_held = np.zeros(len(labels), bool)
    is_held[by_class[fold::k]] = True
    return is_held


def _lost(data: Dataset, settings: Data, k: int, n_train: int) -> str:
    if settings.validation == "folds":
        return (
            f"all training examples of class {k} are in one of the {settings.folds} folds"
            f"{', since its groups are' if data.group_of is not None else ''}, so one seed would train without that "
            "class\n  leave the class out with data.classes, or hold out a share: data.validation = 0.2"
        )
    if data.time_of is not None and not isinstance(settings.validation, str):
        return (
            f"the training examples, all earlier than the validation examples, have none of class {k}\n"
            "  change data.validation, or leave the class out with data.classes"
        )
    if _is_by_group(data, settings):
        return (
            f"in {_DRAWS} draws of groups, there was always a class without a training example, last class {k}\n"
            "  lower data.validation, raise data.train, or leave the class out with data.classes"
        )
    return f"with data.train={n_train:,} there is no training example of class {k}; raise data.train"


def _allocate(n: int, counts: Array, room: Array) -> Array:
    """`n` shared out in proportion to `counts` by largest remainders (the lower class first), none above its `room`."""
    assert n <= room.sum()  # or the loop below would not end
    quotas = n * counts / counts.sum()
    shares: Array = np.minimum(np.floor(quotas).astype(np.int64), room)
    order = np.argsort(shares - quotas, kind="stable")
    while shares.sum() < n:  # more than one round only if classes are so small that they have no room
        takers = order[(shares < room)[order]]
        shares[takers[: n - shares.sum()]] += 1
    return shares
