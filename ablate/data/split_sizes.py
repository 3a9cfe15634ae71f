"""Work out how many examples each split of a study has: the same for all seeds, without drawing one."""

from dataclasses import dataclass

import numpy as np

from ablate.data.array import Array
from ablate.data.by_group import fold_sizes, most_held
from ablate.data.dataset import Dataset
from ablate.data.trees import leaves, n_examples
from ablate.errors import DataError
from ablate.study.settings import Data
from ablate.study.task import Target
from ablate.text import number_of


@dataclass(frozen=True, slots=True)
class SplitSizes:
    """Numbers of examples, the same in every split of a study: compiled programs depend on them."""

    n_train: int
    n_validation: int
    n_test: int


def split_sizes(data: Dataset, settings: Data) -> SplitSizes:
    """The sizes of every split. Raises `DataError` if no split can have them, whatever its seed.

    With groups, the validation examples are whole groups; what the last has too many is left out. So that all seeds
    train on equally many, training has as many examples as the most unfavourable draw leaves.
    """
    n_validation, rest = _parts(data, settings)
    if n_validation < 1 or rest < 1:
        raise DataError(f"{data.name}: {_too_few(n_validation, data)}")
    n_train = rest if settings.train is None else min(settings.train, rest)
    if n_train < n_least(data):
        _check_numbers(data, settings, n_validation)
        raise DataError(
            f"{data.name}: needs at least {n_least(data)} for training (one per class), but {n_train:,} are left\n"
            "  lower data.validation"
        )
    return SplitSizes(n_train, n_validation, n_examples(data.x_test))


def n_drawn_from(data: Dataset) -> int:
    """The training examples from which splits are drawn: all but the source's own validation part."""
    return n_examples(data.x_train) - data.n_given


def n_least(data: Dataset) -> int:
    """The fewest training examples: one of each class, if there are classes."""
    return data.n_classes if strata_of(data) is not None else 1


def target_of(data: Dataset) -> Target:
    """The target, or the first of several."""
    return next(iter(data.targets.values()), Target("classes", n_classes=data.n_classes))


def strata_of(data: Dataset) -> Array | None:
    """The class of each training example, by which splits are stratified; None for all other kinds of targets.

    That of the first of several outputs.
    """
    y = next(iter(leaves(data.y_train).values()))
    target = target_of(data)
    if target.is_dense or target.kind not in ("classes", "one-hot"):
        return None
    return y.argmax(axis=-1).astype(np.int32) if target.kind == "one-hot" else y


def _parts(data: Dataset, settings: Data) -> tuple[int, int]:
    """Examples for validation, and those left for training."""
    n = n_drawn_from(data)
    if settings.validation == "given":
        if not data.n_given:
            raise DataError(
                f'{data.name}: data.validation is "given", but the source has no validation part\n'
                "  name its arrays x_validation and y_validation, or hold out a share: data.validation = 0.2"
            )
        return data.n_given, n
    if settings.validation == "folds":
        return _parts_of_folds(data, settings.folds or 0)
    wanted = wanted_for_validation(data, settings)
    _check_numbers(data, settings, wanted)
    if data.time_of is not None:
        return wanted, len(rows_before(data, wanted))
    if data.group_of is not None:
        return wanted, n - _held_by_groups(data, wanted)
    return wanted, n - wanted


def wanted_for_validation(data: Dataset, settings: Data) -> int:
    """The number of validation examples that the settings ask for, where it is a number or a share."""
    asked = settings.validation
    assert not isinstance(asked, str)  # "given" and "folds" have numbers of their own
    return asked if isinstance(asked, int) else max(1, round(asked * n_drawn_from(data)))


def rows_before(data: Dataset, n_validation: int) -> Array:
    """The training examples that are earlier than the latest `n_validation`, and in no group of theirs; by time.

    Those at the same time as the first validation example are left out: a split by time does not cut a moment.
    """
    assert data.time_of is not None
    time = data.time_of[: n_drawn_from(data)]
    order = np.argsort(time, kind="stable")
    latest = order[len(order) - n_validation :]
    is_earlier = time[order] < time[latest[0]]
    if data.group_of is not None:
        is_earlier &= ~np.isin(data.group_of[order], data.group_of[latest])
    earlier: Array = order[is_earlier]
    return earlier


def _held_by_groups(data: Dataset, wanted: int) -> int:
    assert data.group_of is not None
    return most_held(np.bincount(data.group_of[: n_drawn_from(data)]), wanted)


def _parts_of_folds(data: Dataset, k: int) -> tuple[int, int]:
    n, groups = n_drawn_from(data), data.group_of
    n_units = n if groups is None else len(np.unique(groups[:n]))
    if n_units < k:
        noun = "training example" if groups is None else "group"
        raise DataError(
            f"{data.name}: data.folds is {k}, but there {'is' if n_units == 1 else 'are'} only "
            f"{number_of(n_units, noun)}\n  lower data.folds, to at most {max(2, n_units)}"
        )
    if groups is None:
        return n // k, n - n // k
    sizes = fold_sizes(groups[:n], k)
    return int(sizes.min()), n - int(sizes.max())


def _check_numbers(data: Dataset, settings: Data, n_validation: int) -> None:
    n, least = n_drawn_from(data), n_least(data)
    each = "(one per class)" if least > 1 else ""
    if least + n_validation > n:
        what = number_of(least, "training example")
        raise DataError(
            f"{data.name}: needs at least {' '.join(filter(None, (what, each)))} and {n_validation:,} for "
            f"validation, but there are only {n:,} examples\n"
            f"  lower data.validation, to about {max(1, n // 10):,}"
        )
    if n_validation < 1 or (settings.train is not None and settings.train < least):
        needed = " ".join(filter(None, (f"{least} for training", each)))
        raise DataError(
            f"{data.name}: needs at least 1 example for validation and {needed}, "
            f"got data.validation={settings.validation} and data.train={settings.train}"
        )


def _too_few(n_validation: int, data: Dataset) -> str:
    if data.time_of is not None:
        return (
            f"no training example is earlier than the latest {n_validation:,}, which data.order keeps for validation"
            f"{' with their groups' if data.group_of is not None else ''}\n"
            "  lower data.validation, or name a finer time in data.order"
        )
    sizes = np.bincount(data.group_of[: n_drawn_from(data)]) if data.group_of is not None else np.zeros(1, int)
    return (
        f"{n_validation:,} validation examples in whole groups would leave no group for training: there are "
        f"{number_of(int(np.count_nonzero(sizes)), 'group')}, the largest with {number_of(int(sizes.max()), 'example')}"
        "\n  lower data.validation, or leave out data.groups"
    )
