"""Open a study's examples, also those that its data factors make of them in other configurations."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ablate.data.cautions import contamination
from ablate.data.classes import select_task
from ablate.data.comparable import incomparable
from ablate.data.dataset import Dataset, no_examples
from ablate.data.load import load_dataset
from ablate.data.set_aside import set_aside_test
from ablate.data.split_rules import check_split, split_notes
from ablate.errors import AblateError, DataError, StudyError
from ablate.study.backend import backend_used, keras_on
from ablate.study.changes import changes
from ablate.study.data_factors import data_factors
from ablate.study.settings import StudySettings
from ablate.study.trial import Factors, Level
from ablate.study.user_code import may_compile
from ablate.text import listed, printable


def open_examples(
    study: StudySettings,
    factors: Factors,
    *,
    data_dir: Path | None = None,
    announce: Callable[[str], None] = lambda _: None,
) -> Dataset:
    """The examples of a configuration, with a test part, reduced to the classes that the study asks for.

    None where the study's trials bring their own.
    """
    if not study.data.name:
        return no_examples()
    with keras_on(backend_used(study)):  # for a function of the user's that imports Keras
        data = load_dataset(
            study.data.name,
            data_dir=data_dir,
            explicit=data_dir is not None,
            base=study.base,
            settings=study.data,
            loss=study.training.loss,
            may_compile=may_compile(study.model, base=study.base),
            seed=study.seed,
            factors=data_factors(factors, model=study.model.catalog_name),
            given=study.functions.get(study.data.name),
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


def open_variant(study: StudySettings, baseline: Dataset, factors: Factors, *, said: str = "") -> Dataset:
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


def check_levels(study: StudySettings, baseline: Dataset) -> Dataset:
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
    notes, known = list(baseline.notes), contamination(baseline)
    for said, factors in changes(study):
        if not any(is_made_for(data, factors) for data in seen):
            opened = open_variant(study, baseline, factors, said=said)
            names |= dict.fromkeys(opened.factors)
            variants[_key(opened)] = opened.digest
            notes += [f"with {said}, {sentence}" for sentence in contamination(opened) if sentence not in known]
            seen.append(replace(baseline, factors=opened.factors))  # its own examples are not needed here
    read = {name: study.baseline[name] for name in names}
    return replace(baseline, factors=read, variants=variants, notes=tuple(notes))


def unread_factors(study: StudySettings, data: Dataset) -> list[str]:
    """The factors of a study of a registered model that neither the model nor the function of the data reads."""
    if study.model.is_users:
        return []  # what build reads is noted where models are built
    return [
        name for name in data_factors(study.baseline, model=study.model.catalog_name).levels if name not in data.factors
    ]


def _key(data: Dataset) -> str:
    return json.dumps(sorted(data.factors.items()))


def _is_level(one: Level, other: Level) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)
