"""A source opened as a study opens it: its splits keep the rules of [data], or it is refused."""

from pathlib import Path
from typing import Any

import numpy as np
from doors import Defect
from hypothesis import strategies as st

from ablate.data import (
    Dataset,
    Source,
    Split,
    SplitSizes,
    check_split,
    data_cautions,
    load_arrays,
    save_arrays,
    scale_inputs,
    select_task,
    set_aside_test,
    split_dataset,
    split_notes,
    split_sizes,
    to_dataset,
)
from ablate.data.trees import leaves, n_examples
from ablate.study.settings import Data

SCALINGS = ("none", "unit", "standardize", "standardize_channels")


@st.composite
def settings_of(
    draw: st.DrawFn, name: str, *, groups: tuple[str, ...] = (), order: tuple[str, ...] = (),
    weights: tuple[str, ...] = (), may_give: bool = True, **more: Any,
) -> Data:  # fmt: skip
    """What [data] may say of a source in all combinations that a study file may have."""
    stated: dict[str, Any] = {"name": name, **more}
    by_time = draw(st.none() | st.none() | st.sampled_from(order)) if order else None
    kinds = (1, 2, 0.25, 0.5) if by_time else (1, 2, 0.25, 0.5, "folds", "folds", *(("given",) if may_give else ()))
    stated |= {"order": by_time, "validation": draw(st.sampled_from(kinds))}
    if stated["validation"] == "folds":
        stated["folds"] = draw(st.sampled_from((2, 2, 3, 9)))
    if groups:
        stated["groups"] = draw(st.none() | st.sampled_from(groups))
    stated |= {
        "weights": draw(st.sampled_from((None, None, "balanced", *weights))),
        "test": draw(st.sampled_from((None, None, None, 0.2, 0.5, 1, 3))),
        "train": draw(st.sampled_from((*[None] * 6, 1, 3))),
        "classes": draw(st.sampled_from((*[None] * 8, (1, 0), (0,)))),
        "target_scaling": draw(st.sampled_from((None, "none", "standardize"))),
        "scaling": draw(st.sampled_from(SCALINGS)),
    }
    return Data(**stated)


def open_source(source: Source, settings: Data, folder: Path, *, loss: str | None) -> Dataset:
    """The data of a study. Raises `Defect` where what was saved or split breaks a rule."""
    data = set_aside_test(to_dataset(Path(settings.name.partition(":")[0]).stem, source, loss=loss), settings, seed=0)
    data = select_task(data, settings.classes, test=settings.test if isinstance(settings.test, int) else None)
    check_split(data, settings)
    sizes = split_sizes(data, settings)
    data_cautions(data)
    if load_arrays(save_arrays(data, folder / "saved")).targets != data.targets:
        raise Defect("saved targets are others")
    if not all(note.strip() for note in split_notes(data, settings)):
        raise Defect("a note says nothing")
    for replicate in range(3):
        _check(_split(data, settings, replicate), data, settings, sizes)
    return data


def _split(data: Dataset, settings: Data, replicate: int) -> Split:
    return split_dataset(
        data, settings, seed=0, replicate=replicate, scaling=settings.scaling,
        target_scaling=settings.target_scaling or "none",
    )  # fmt: skip


def _check(split: Split, data: Dataset, settings: Data, sizes: SplitSizes) -> None:
    train, held = split.train, split.validation
    if (len(train), len(held)) != (sizes.n_train, sizes.n_validation) or not len(train) or not len(held):
        raise Defect(f"{len(train)} and {len(held)} examples, but {sizes} was told")
    rows = np.concatenate([train, held])
    if len(set(rows.tolist())) < len(rows) or rows.min() < 0 or rows.max() >= n_examples(data.x_train):
        raise Defect("an example is on both sides, twice, or none")
    if settings.validation != "given":
        if data.group_of is not None and set(data.group_of[train]) & set(data.group_of[held]):
            raise Defect("a group is on both sides")
        if data.time_of is not None and data.time_of[train].max() >= data.time_of[held].min():
            raise Defect("training examples are not earlier than those held out")
    for name, array in leaves(scale_inputs(data.x_train, split)).items():
        if not np.isfinite(array).all():
            raise Defect(f"scaled inputs {name} are not finite")
    scales = [*leaves(split.target_scale).values(), *leaves(split.target_shift).values()]
    if not all(np.isfinite(array).all() for array in scales) or any((array == 0).any() for array in scales[:1]):
        raise Defect("targets cannot be scaled back")
    for weights in (split.weights, split.place_weights):
        if weights is not None and (not np.isfinite(weights).all() or (weights < 0).any()):
            raise Defect("weights are below 0 or not finite")
    if split.weights is not None and len(split.weights) != n_examples(data.x_train):
        raise Defect("not every example has a weight")
