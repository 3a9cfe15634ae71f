"""Draft a study on data: open them, see what they are, and choose a model and factors that fit."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ablate.data import Dataset
from ablate.data.npz import has_validation
from ablate.data.table import column_names
from ablate.data.trees import example_shape, leaves
from ablate.errors import StudyError, known_names
from ablate.experiment.drafting.draft import Draft, DraftValue, Tables
from ablate.experiment.options import open_data
from ablate.study.data_ref import source_kind
from ablate.study.load import study_of_tables
from ablate.study.task import Target
from ablate.study.tree import TomlTree, given_layers
from ablate.text import listed, number_of

SEEDS = 8  # three comparisons can be told to help or hurt from seven seeds on
SHARE = 0.2  # of the examples for validation, and for testing where there is no test part
SMALLEST_IMAGE = 8  # pixels a side: below, a convolutional network has nothing to pool
IMAGE_SIZE = [32, 32]  # of a folder of images: height, width
VALIDATION_FOLDERS = ("validation", "valid", "val")
WORD_IDS = 256  # whole numbers up to here are taken for amounts or pixels, above for ids of words
BASELINE: Mapping[str, DraftValue] = {
    "normalization": "none", "activation": "relu", "initializer": "he_normal", "dropout": 0.0, "optimizer": "adam",
    "learning_rate": "find",
}  # fmt: skip
SPACE: Mapping[str, DraftValue] = {
    "normalization": ["none", "batch"], "activation": ["relu", "elu"], "dropout": [0.0, 0.2],
}  # fmt: skip
COMMENTS = {
    ("data", "validation"): "share of the examples that every choice uses",
    ("data", "test"): "share that is read once, when the comparisons are frozen",
    ("baseline", "learning_rate"): "a range test for each variant and seed; or a number",
    ("space", "normalization"): "what may vary; the first is the baseline's level",
    ("search", "trials"): "the comparison alone; 24 for a search before it",
    ("ablation", "seeds"): "paired repetitions; fewer than 6 show no verdicts",
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """A model for data, its options, and how long it trains."""

    name: str
    options: Mapping[str, DraftValue]
    epochs: int
    why: str  # the kind of examples, in words


def draft_of_data(
    source: str,
    *,
    name: str,
    target: Sequence[str],
    folder: Path,
    data_dir: Path | None,
    announce: Callable[[str], None],
) -> Draft:
    """A study file in `folder`/studies on the data `source`: a table with its `target` columns, arrays, images, a name.

    Raises `DataError` or `StudyError` if they cannot be read.
    """
    check_target(source, target, folder=folder)
    table = data_table(source, target, folder=folder)
    here = f"{source}/" if (folder / source).is_dir() else source  # as the working folder has it
    table["validation"] = _validation(source, folder)
    data = _opened({**table, "name": here}, name, folder=folder, data_dir=data_dir, announce=announce)
    if data.is_test_drawn:
        table["test"] = SHARE
    chosen = choose_model(data)
    tables: Tables = {
        "data": table,
        "model": {"name": chosen.name, **chosen.options},
        "training": {"epochs": chosen.epochs, "batch_size": 32, "patience": 5},
        "baseline": dict(BASELINE),
        "space": dict(SPACE),
        "search": {"trials": 0},
        "ablation": {"seeds": SEEDS},
    }
    title = f"What matters for a network on {Path(source).name or source}?"
    return Draft(name, title, tables, COMMENTS, found=_found(source, target, data, chosen))


def check_target(source: str, target: Sequence[str], *, folder: Path) -> None:
    """Raise `StudyError` if a table has no target, or not these; or if another source is given one."""
    if source_kind(source) != "table":
        if target:
            raise StudyError(f"--target: {source} is no table, so it has no columns\n  leave it out")
        return
    columns = column_names(folder / source, origin=source)
    if not target:
        shown = listed(columns[:20]) + (", …" if len(columns) > 20 else "")
        raise StudyError(f"{source}: which column is to be predicted? Give it as --target COLUMN\n  columns: {shown}")
    for column in target:
        if column not in columns:
            raise StudyError(f'--target: {source} has no column "{column}"\n  {known_names(column, columns)}')


def data_table(source: str, target: Sequence[str], *, folder: Path) -> dict[str, DraftValue]:
    """[data] of a source, whose path starts at the folder of the study file."""
    kind = source_kind(source)
    is_folder = kind != "known" and (folder / source).is_dir()
    place = source if kind == "known" else os.path.relpath(folder / source, folder / "studies").replace(os.sep, "/")
    table: dict[str, DraftValue] = {"name": f"{place}/" if is_folder else place}
    if target:
        table["target"] = target[0] if len(target) == 1 else list(target)
    if is_folder:
        table["image_size"] = list(IMAGE_SIZE)
    return {**table, "validation": SHARE}


def _validation(source: str, folder: Path) -> DraftValue:
    """The source's own validation part, or a share of its training examples."""
    path = folder / source
    if path.is_dir():
        return "given" if any((path / name).is_dir() for name in VALIDATION_FOLDERS) else SHARE
    return "given" if source_kind(source) == "npz" and path.is_file() and has_validation(path) else SHARE


def _opened(
    table: Mapping[str, DraftValue], name: str, *, folder: Path, data_dir: Path | None, announce: Callable[[str], None]
) -> Dataset:
    """The data, as a study with any model opens them."""
    tree: TomlTree = {
        "name": name, "data": dict(table), "model": {"name": "mlp"}, "baseline": dict(BASELINE), "space": dict(SPACE),
    }  # fmt: skip
    study = study_of_tables(given_layers("the draft", tree, functions={}), base=folder)
    return open_data(study, data_dir, announce=announce)


def choose_model(data: Dataset) -> Chosen:
    """A small network for the examples: convolutions for images, word vectors for ids, dense layers for the rest."""
    shape = example_shape(data.x_train)
    if isinstance(shape, Mapping):
        return Chosen("mlp", {"depth": 2, "width": 64}, 20, f"{len(shape)} inputs")
    if len(shape) == 3 and min(shape[:2]) >= SMALLEST_IMAGE:
        size = f"images of {shape[0]} × {shape[1]} pixels" + (f" in {shape[2]} channels" if shape[2] > 1 else "")
        if next(iter(data.targets.values())).is_dense:
            return Chosen("unet", {"stages": 2}, 5, size)
        return Chosen("cnn", {"stages": 2, "convolutions": 1, "filters": 16, "units": "64"}, 5, size)
    if len(shape) == 1 and _are_words(data):
        return Chosen("text", {"dim": 32, "units": "32"}, 5, f"{shape[0]} ids of words each")
    said = f"{number_of(shape[0], 'column')} of numbers" if len(shape) == 1 else f"arrays of {shape}"
    return Chosen("mlp", {"depth": 2, "width": 64}, 20, said)


def _are_words(data: Dataset) -> bool:
    """Whether examples that are no table are whole numbers from 0 far above those of pixels."""
    if data.columns:
        return False
    x = next(iter(leaves(data.x_train).values()))
    return bool(x.dtype.kind in "iu" and x.min() >= 0 and x.max() >= WORD_IDS)


def _found(source: str, columns: Sequence[str], data: Dataset, chosen: Chosen) -> tuple[str, ...]:
    """What was taken for what."""
    n = sum(len(next(iter(leaves(part).values()))) for part in (data.x_train, data.x_test))
    predicted = listed([_target_said(name or listed(columns), target) for name, target in data.targets.items()])
    return (
        f"{source}: {n:,} examples, {chosen.why}",
        f"predicts {predicted}",
        f"model {chosen.name}" + "".join(f", {key} {value}" for key, value in chosen.options.items()),
    )


def _target_said(name: str, target: Target) -> str:
    """A target in words."""
    of = f"{name}: " if name else ""
    match target.kind:
        case "classes" | "one-hot":
            each = " for each pixel or step" if target.is_dense else ""
            return f"{of}one of {target.n_classes} classes{each}"
        case "tags":
            return f"{of}any of {target.n_classes} tags"
        case "numbers":
            return f"{of}{number_of(target.n_outputs, 'amount')}"
        case "none":
            return f"{of}nothing"
