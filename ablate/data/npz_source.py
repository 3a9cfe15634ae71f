"""Take the examples of an .npz file, with what its other arrays say of them, as a `Source`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ablate.data.array import Array
from ablate.data.extra import check_extra, group_names, group_sentences, unused
from ablate.data.npz import STAND_IN_MARK, members_of, read_npz
from ablate.data.per_example import to_groups, to_order, to_weights
from ablate.data.source import Source
from ablate.data.trees import ONLY, Tree, leaves, to_tree
from ablate.errors import DataError, known_names
from ablate.study.data_table import BALANCED
from ablate.study.settings import Data
from ablate.text import printable

VALIDATION = ("validation", "val")  # how a source may call its validation part
READERS = {"groups": to_groups, "order": to_order, "weights": to_weights}


def read_npz_source(path: Path, settings: Data, *, origin: str) -> Source:
    """The examples in an .npz file. Raises `DataError`, also for weights that no setting names."""
    there: list[str] = []
    roles: dict[str, str] = {}
    given: dict[str, str] = {}

    def wanted(names: Sequence[str]) -> list[str]:
        there.extend(names)
        given.update(_given(names, origin=origin) if settings.validation == "given" else {})
        roles.update(_roles(settings, names, is_given=bool(given), origin=origin))
        check_extra([name for name in names if name not in roles.values()], source=origin)
        validation = [member for base in given.values() for member in members_of(base, names)]
        return [*roles.values(), *validation, *(() if settings.groups else group_names(names))]

    arrays = read_npz(path, also=wanted)
    trees = {base: _tree(arrays, given.get(base, base)) for base in _EXAMPLES}
    sizes = {part: _n_examples(trees[f"x_{part}"]) for part in ("train", "test", "validation")}
    found: dict[str, Any] = {}  # Any: fields of Source by name
    for field, name in roles.items():
        kind, _, part = field.partition("_")
        found[field] = READERS[kind](arrays[name], place=f"{origin}: {name} (data.{kind})", n=sizes[part or "train"])
    groups = {} if settings.groups else _groups(arrays, group_names(there), sizes)
    torn = [] if settings.groups else [name for name in group_names(there) if name not in groups]
    line = unused(name for name in there if name not in arrays or name in torn)
    x_train = trees["x_train"]
    assert x_train is not None  # `read_npz` sees to it
    return Source(
        x_train,
        trees["y_train"],
        trees["x_test"],
        trees["y_test"],
        trees["x_validation"],
        trees["y_validation"],
        origin=origin,
        stand_in=STAND_IN_MARK in arrays,
        notes=(f"{origin}: {line}",) if line else (),
        group_notes=group_sentences(groups, n_train=sizes["train"], n_test=sizes["test"]),
        **found,
    )


_EXAMPLES = ("x_train", "y_train", "x_test", "y_test", "x_validation", "y_validation")


def _given(names: Sequence[str], *, origin: str) -> dict[str, str]:
    """The names of the validation arrays, by what they are."""
    for part in VALIDATION:
        found = {f"{kind}_validation": f"{kind}_{part}" for kind in "xy" if members_of(f"{kind}_{part}", names)}
        if len(found) == 2:
            return found
    raise DataError(
        f'{origin}: data.validation is "given", but the file holds no x_validation and y_validation\n'
        "  save them in it, or write a share of the training examples, e.g. validation = 0.2"
    )


def _roles(settings: Data, names: Sequence[str], *, is_given: bool, origin: str) -> dict[str, str]:
    """The arrays that settings name, by fields of `Source`; those of the other parts have the part in their name."""
    found = {}
    for field in READERS:
        named: str | None = getattr(settings, field)
        if named is None or (field, named) == ("weights", BALANCED):
            continue
        stem = named.removesuffix("_train")
        train = next((name for name in (named, stem, f"{stem}_train") if name in names), None)
        if train is None:
            known = known_names(named, names)
            raise DataError(f'{origin}: holds no "{printable(named)}", which data.{field} names\n  {known}')
        found[field] = train
        parts = {"test": "test", **dict.fromkeys(VALIDATION if is_given else (), "validation")}
        found |= {f"{field}_{part}": f"{stem}_{word}" for word, part in parts.items() if f"{stem}_{word}" in names}
    return found


def _tree(arrays: Mapping[str, Array], base: str) -> Tree | None:
    found = {name.partition("/")[2] if "/" in name else ONLY: arrays[name] for name in members_of(base, arrays)}
    return to_tree(found) if found else None


def _n_examples(tree: Tree | None) -> int:
    first = None if tree is None else next(iter(leaves(tree).values()))
    return len(first) if first is not None and first.ndim else 0


def _groups(arrays: Mapping[str, Array], names: Sequence[str], sizes: Mapping[str, int]) -> dict[str, Array]:
    fitting = (sizes["train"], sizes["test"], sizes["train"] + sizes["test"])
    return {name: arrays[name] for name in names if arrays[name].size in fitting}
