"""Check that the data allow the split that the settings ask for, and say what is particular about it."""

import numpy as np

from ablate.data.class_weights import check_weights
from ablate.data.dataset import Dataset
from ablate.data.split_sizes import n_drawn_from, split_sizes, strata_of
from ablate.errors import DataError
from ablate.study.settings import Data
from ablate.text import number_of, printable


def check_split(data: Dataset, settings: Data) -> None:
    """Raise `DataError` if no split can be as the settings ask, whatever its seed."""
    _check_named(data, settings)
    check_weights(data, settings)
    split_sizes(data, settings)
    if settings.validation == "folds":
        _check_classes_of_folds(data)


def split_notes(data: Dataset, settings: Data) -> tuple[str, ...]:
    """What seeds have in common, and what groups cost, a sentence each; none for splits at random."""
    notes = [*_notes_on_one_split(data, settings), *_notes_on_folds(settings)]
    if data.group_of is not None and settings.validation != "given":
        notes += _notes_on_groups(data, settings)
    return tuple(notes)


def _check_named(data: Dataset, settings: Data) -> None:
    """The groups and times that the settings name have been found."""
    for key, name, found in (("groups", settings.groups, data.group_of), ("order", settings.order, data.time_of)):
        if name is not None and found is None:
            raise DataError(
                f'data.{key}: the source of {data.name} has no column or array "{printable(name, 60)}"\n'
                f"  name one with a value for each training example, or remove data.{key}"
            )
    if data.time_of is not None and (n := int(np.count_nonzero(~np.isfinite(data.time_of)))):
        raise DataError(
            f"data.order: {number_of(n, 'training example')} of {data.name} {'has' if n == 1 else 'have'} no time\n"
            "  remove these examples, or give them a time"
        )
    _check_time(data, settings)


def _check_time(data: Dataset, settings: Data) -> None:
    """No split ignores the times of the examples; what the study file says of them was checked when it was read."""
    if data.time_of is None or not isinstance(settings.validation, str):
        return
    what = (
        "folds would train on examples that are later than those held out"
        if settings.validation == "folds"
        else "the source's own validation part need not be the latest"
    )
    raise DataError(
        f'data.validation = "{settings.validation}" does not fit {data.name}, whose examples have an order: {what}\n'
        "  hold out a share, the latest examples: validation = 0.2; or leave the order out of the source"
    )


def _check_classes_of_folds(data: Dataset) -> None:
    """Each class needs an example outside of each fold."""
    if (labels := strata_of(data)) is None:
        return
    n = n_drawn_from(data)
    units = np.arange(n) if data.group_of is None else data.group_of[:n]
    pairs = np.unique(np.stack([labels[:n], units]), axis=1)[0]
    counts = np.bincount(pairs, minlength=data.n_classes)
    if (rare := np.flatnonzero(counts < 2)).size:
        where = "one training example" if data.group_of is None else "examples of one group"
        raise DataError(
            f"{data.name}: class {int(rare[0])} has only {where}, so the seed that holds out its fold would train "
            'without that class\n  hold out a share instead of data.validation = "folds", or leave the class out with '
            "data.classes"
        )


def _notes_on_one_split(data: Dataset, settings: Data) -> list[str]:
    if settings.validation == "given":
        said = "the source's own validation part is used"
    elif data.time_of is not None:
        said = "the latest training examples are for validation"
    else:
        return []
    return [f"{said}: all seeds have the same split, and differ in initial weights and the order of batches only"]


def _notes_on_folds(settings: Data) -> list[str]:
    if settings.validation != "folds":
        return []
    return [
        f"each seed holds out another of {settings.folds} folds, so seeds share training examples: intervals and tests "
        "allow for that (Nadeau & Bengio 2003)"
    ]


def _notes_on_groups(data: Dataset, settings: Data) -> list[str]:
    assert data.group_of is not None
    n, sizes = n_drawn_from(data), split_sizes(data, settings)
    n_groups = number_of(len(np.unique(data.group_of[:n])), "group")
    said = f"{n_groups}: no group is in both training and validation"
    left = n - sizes.n_validation - sizes.n_train
    if settings.train is None and left > 0:
        said += f"; so that all splits have equal sizes, {number_of(left, 'example')} of {n:,} are left out of each"
    return [said]
