"""Set aside test examples where a source has none: once for a study, by its seed."""

import hashlib
from dataclasses import replace
from typing import cast

import numpy as np

from ablate.data.array import Array
from ablate.data.by_group import draw_groups
from ablate.data.dataset import Dataset
from ablate.data.large import taken
from ablate.data.split import draw_by_class
from ablate.data.split_sizes import n_drawn_from, strata_of
from ablate.data.trees import map_tree, n_examples
from ablate.errors import DataError
from ablate.study import seeds
from ablate.study.settings import Data
from ablate.text import number_of

SHARE = 0.2  # of the training examples, by default
_SPARED = 2  # examples of each class that stay for training and validation, where there are enough; one always does


def set_aside_test(data: Dataset, settings: Data, *, seed: int) -> Dataset:
    """The data with a test part: their own, or else training examples that are set aside by the study's `seed`.

    These are drawn by class, as whole groups, or are the latest, as the settings ask; the source's own validation part
    stays whole. Groups are drawn until they have enough examples, so that they may be a few more. A note says how many
    there are. Raises `DataError` if a share is asked of data that have a test part, or nothing is left for training.
    """
    if n_examples(data.x_test):
        if isinstance(settings.test, float):
            n = n_examples(data.x_test)
            raise DataError(
                f"data.test = {settings.test:g} is a share to keep for testing, but {data.name} has a test part of "
                f"{number_of(n, 'example')}\n  remove data.test; or write a whole number, to test on at most that many"
            )
        return data
    n = n_drawn_from(data)
    wanted = _wanted(data, settings)
    least = 1 + data.n_classes if strata_of(data) is not None else 2
    if not 0 < wanted <= n - least:
        raise DataError(
            f"data.test: {data.name} has no test part, and keeping {wanted:,} of its {number_of(n, 'example')} for "
            f"testing leaves too few for training\n  lower data.test, or add a test part to the source"
        )
    test = _drawn(data, wanted, rng=np.random.default_rng(seeds.stream(seed, seeds.SEARCH_REPLICATE, "test")))
    return _divided(data, test)


def _wanted(data: Dataset, settings: Data) -> int:
    """The number of examples to set aside; with data.classes in proportion, as these classes are selected later."""
    n, asked = n_drawn_from(data), settings.test
    if not isinstance(asked, int):
        return max(1, round((asked or SHARE) * n))
    labels = strata_of(data)
    if settings.classes is None or labels is None:
        return asked
    own = int(np.isin(labels[:n], settings.classes).sum())
    return -(-asked * n // max(1, own))


def _drawn(data: Dataset, wanted: int, *, rng: np.random.Generator) -> Array:
    """Indices of the test examples, ascending."""
    n = n_drawn_from(data)
    if data.time_of is not None:
        return np.sort(np.argsort(data.time_of[:n], kind="stable")[n - wanted :])
    if data.group_of is not None:
        held, others = draw_groups(data.group_of[:n], wanted, rng=rng)
        _check_left(data, others)
        return np.flatnonzero(np.isin(data.group_of[:n], data.group_of[held]))
    strata = strata_of(data)
    labels = np.zeros(n, np.int32) if strata is None else strata[:n]
    room = int(np.maximum(np.bincount(labels) - _SPARED, 0).sum())
    return draw_by_class(labels, wanted, rng=rng, spare=_SPARED if wanted <= room else 1)


def _check_left(data: Dataset, others: Array) -> None:
    if not len(others):
        raise DataError(
            f"data.test: keeping whole groups of {data.name} for testing leaves none for training\n"
            "  lower data.test, or add a test part to the source"
        )


def _divided(data: Dataset, test: Array) -> Dataset:
    train = _kept(data, test)
    name = hashlib.sha256(test.astype("<i8").tobytes() + train.astype("<i8").tobytes()).hexdigest()
    return replace(
        data,
        x_train=_take(data.x_train, train),
        y_train=_take(data.y_train, train),
        x_test=_take(data.x_train, test),
        y_test=_take(data.y_train, test),
        digest=hashlib.sha256(f"{data.digest} tested on {name}".encode()).hexdigest(),
        group_of=None if data.group_of is None else data.group_of[train],
        time_of=None if data.time_of is None else data.time_of[train],
        weights_train=None if data.weights_train is None else data.weights_train[train],
        weights_test=None if data.weights_train is None else data.weights_train[test],
        notes=(*data.notes, _note(data, test, train)),
        is_test_drawn=True,
    )


def _kept(data: Dataset, test: Array) -> Array:
    """The examples for training and validation; by time those before the first test example, none of its groups."""
    kept = np.setdiff1d(np.arange(n_examples(data.x_train)), test)
    is_own = kept >= n_drawn_from(data)
    if data.time_of is not None:
        kept = kept[is_own | (data.time_of[kept] < data.time_of[test].min())]
        if data.group_of is not None:
            kept = kept[(kept >= n_drawn_from(data)) | ~np.isin(data.group_of[kept], data.group_of[test])]
        if not np.count_nonzero(kept < n_drawn_from(data)):
            raise DataError(
                f"data.order: no example of {data.name} is earlier than the latest {len(test):,}, which are kept for "
                "testing\n  lower data.test, or name a finer time in data.order"
            )
    return kept


def _note(data: Dataset, test: Array, train: Array) -> str:
    n = n_drawn_from(data)
    how = "the latest" if data.time_of is not None else "whole groups" if data.group_of is not None else "at random"
    how += ", by class" if how == "at random" and strata_of(data) is not None else ""
    left = n_examples(data.x_train) - len(train) - len(test)
    lost = (
        f"; {number_of(left, 'example')} of the same times or groups {'is' if left == 1 else 'are'} not used"
        if left
        else ""
    )
    share = f"{100 * len(test) / n:.0f} %"
    return f"no test part: {share} ({number_of(len(test), 'example')}, {how}) kept for testing{lost}"


def _take(tree: Array, rows: Array) -> Array:
    """The examples with these indices, of one array or of a mapping of arrays."""
    return cast("Array", map_tree(lambda array: taken(array, rows), tree))
