"""Open a study's examples, also those that its data factors make of them in other configurations."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from ablate.data.array import Array
from ablate.data.classes import select_task
from ablate.data.dataset import Dataset
from ablate.data.load import load_dataset
from ablate.data.set_aside import set_aside_test
from ablate.data.split_rules import check_split, split_notes
from ablate.data.trees import Tree, leaves, n_examples
from ablate.errors import AblateError, DataError, StudyError
from ablate.study.changes import changes
from ablate.study.data_factors import data_factors
from ablate.study.settings import Data, Study
from ablate.study.trial import Factors, Level
from ablate.study.user_code import may_compile
from ablate.text import listed, number_of, printable

_OF_SPLITS = {"group_of": "groups", "time_of": "times", "weights_train": "weights"}


def open_examples(
    study: Study, factors: Factors, *, data_dir: Path | None = None, announce: Callable[[str], None] = lambda _: None
) -> Dataset:
    """The examples of a configuration, with a test part, reduced to the classes that the study asks for."""
    data = load_dataset(
        study.data.name,
        data_dir=data_dir,
        explicit=data_dir is not None,
        base=study.base,
        settings=study.data,
        loss=study.training.loss,
        may_compile=may_compile(study.model, base=study.base),
        seed=study.seed,
        factors=data_factors(factors, model=study.model.name),
        announce=announce,
    )
    data = set_aside_test(data, study.data, seed=study.seed)
    before = study.transfer.classes if study.transfer else None
    at_most = study.data.test if isinstance(study.data.test, int) else None
    task = select_task(data, study.data.classes, before=before, test=at_most)
    check_split(task, study.data)
    return replace(task, notes=(*task.notes, *split_notes(task, study.data)))


def is_made_for(data: Dataset, factors: Factors) -> bool:
    """Whether a configuration has the levels from which these examples were made."""
    return all(name in factors and _is_level(factors[name], level) for name, level in data.factors.items())


def open_variant(study: Study, baseline: Dataset, factors: Factors, *, said: str = "") -> Dataset:
    """The examples of a configuration with other data factors than the baseline's.

    Raises `DataError` if its trials could not be compared with the baseline's; `said` is what differs, for messages.
    """
    said = said or listed(f"{name}={factors[name]}" for name in baseline.factors if name in factors)
    place = f"data.name: {printable(study.data.name, 300)} with {printable(said, 300)}"
    try:
        data = open_examples(study, factors)
    except AblateError as err:
        raise type(err)(f"{place}: {str(err).removeprefix('data.name: ')}") from err
    if fault := incomparable(study.data, baseline, data):
        raise DataError(f"{place}: {fault}")
    if baseline.variants.get(_key(data), data.digest) != data.digest:
        raise DataError(
            f"{place}: returned other examples before, so that trials would not train on the same\n"
            "  draw random numbers from the argument seed: np.random.default_rng(seed)"
        )
    return data


def check_levels(study: Study, baseline: Dataset) -> Dataset:
    """The baseline's examples, once those of each other level of its data factors are known to be comparable.

    Its `factors` are all that the function read at any level, its `variants` the digests of the others. Raises
    `DataError` and `StudyError`.
    """
    if not baseline.factors:
        return baseline
    if study.transfer is not None:
        raise StudyError(
            f"transfer: networks are pretrained on the same examples in all configurations, but "
            f"{printable(study.data.name, 300)} reads {listed(baseline.factors)}\n"
            "  leave [transfer] out, or the argument factors"
        )
    names, seen, variants = dict.fromkeys(baseline.factors), [baseline], dict[str, str]()
    for said, factors in changes(study):
        if not any(is_made_for(data, factors) for data in seen):
            opened = open_variant(study, baseline, factors, said=said)
            names |= dict.fromkeys(opened.factors)
            variants[_key(opened)] = opened.digest
            seen.append(replace(baseline, factors=opened.factors))  # its own examples are not needed here
    return replace(baseline, factors={name: study.baseline[name] for name in names}, variants=variants)


def _key(data: Dataset) -> str:
    return json.dumps(sorted(data.factors.items()))


def unread_factors(study: Study, data: Dataset) -> list[str]:
    """The factors of a study of a registered model that neither the model nor the function of the data reads."""
    if study.model.is_users:
        return []  # what build reads is noted where models are built
    return [name for name in data_factors(study.baseline, model=study.model.name).levels if name not in data.factors]


def incomparable(settings: Data, baseline: Dataset, data: Dataset) -> str:
    """Why trials on `data` cannot be compared with the baseline's, in a phrase and a way out; "" if they can.

    Both hold out the same examples and predict the same targets; their inputs may differ, and with a validation part of
    the source's own the other training examples, too.
    """
    if data.targets != baseline.targets:
        return "y holds other targets than in the baseline\n  keep the number and the kind of targets, and the classes"
    if data.is_test_drawn != baseline.is_test_drawn:
        return "has a test part and the baseline has none, or the other way round\n  return x_test and y_test always"
    is_given = settings.validation == "given" and not baseline.is_test_drawn
    return _other_training(baseline, data) if not is_given and _n(data) != _n(baseline) else _other_targets(
        baseline, data, is_given=is_given
    )  # fmt: skip


def _n(data: Dataset) -> int:
    """The number of examples of the source's training part."""
    return n_examples(data.x_train) - data.n_given + (n_examples(data.x_test) if data.is_test_drawn else 0)


def _other_training(baseline: Dataset, data: Dataset) -> str:
    return (
        f"has {number_of(_n(data), 'training example')} and the baseline {_n(baseline):,}, so that other examples "
        "would be held out\n  return a validation and a test part, the same for all levels, with validation = "
        '"given" in [data]; or set data.train to train on fewer examples'
    )


def _other_targets(baseline: Dataset, data: Dataset, *, is_given: bool) -> str:
    is_tested_alike = _same(data.y_test, baseline.y_test) and _is_array(data.weights_test, baseline.weights_test)
    if not is_tested_alike and not baseline.is_test_drawn:
        return "y_test or its weights differ from the baseline's\n  return the same for all levels"
    if data.n_given != baseline.n_given:
        return "has another number of validation examples than the baseline\n  return the same for all levels"
    first = n_examples(data.x_train) - data.n_given if is_given else 0
    there = n_examples(baseline.x_train) - baseline.n_given if is_given else 0
    if not _same(_from(data.y_train, first), _from(baseline.y_train, there)) or not is_tested_alike:
        if is_given:
            return "y_validation differs from the baseline's\n  return the same for all levels"
        return (
            "y_train or its weights differ from the baseline's, so that other examples would be held out\n"
            '  return the same for all levels; or a validation part, with validation = "given" in [data]'
        )
    for field, what in _OF_SPLITS.items():
        ours, theirs = getattr(data, field), getattr(baseline, field)
        decides = not is_given or field == "weights_train"  # a given part is held out, whatever its groups and times
        if decides and not _is_array(_rows(ours, first), _rows(theirs, there)):
            return f"{what} differ from the baseline's\n  return the same for all levels"
    return ""


def _from(tree: Tree, first: int) -> Tree:
    return {name: array[first:] for name, array in leaves(tree).items()}


def _rows(values: Array | None, first: int) -> Array | None:
    return None if values is None else values[first:]


def _same(one: Tree, other: Tree) -> bool:
    ours, theirs = leaves(one), leaves(other)
    return list(ours) == list(theirs) and all(_equal(ours[name], theirs[name]) for name in ours)


def _is_array(one: Array | None, other: Array | None) -> bool:
    return one is other or (one is not None and other is not None and _equal(one, other))


def _equal(one: Array, other: Array) -> bool:
    return one.shape == other.shape and bool(np.array_equal(one, other))


def _is_level(one: Level, other: Level) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)
