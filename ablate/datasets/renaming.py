"""Guess which of the four arrays is meant where a file calls them otherwise."""

import re
from collections.abc import Iterable, Mapping, Sequence

_PARTS: Mapping[str, Sequence[str]] = {"train": ("train", "training", "tr"), "test": ("test", "testing", "te", "tst")}
_LIKE_TEST = ("val", "valid", "validation", "dev")  # where there is nothing for testing
_KINDS: Mapping[str, Sequence[str]] = {
    "x": ("x", "image", "img", "input", "feature", "data", "sample", "example", "sequence"),
    "y": ("y", "label", "lbl", "target", "class", "classe", "output"),
}


def how_to_rename(names: Sequence[str]) -> str:
    """The way out for a file without the four arrays of the usual names, "" where its names say nothing."""
    if any(re.fullmatch(r"arr_\d+", name) for name in names):
        return (
            "arrays saved without a name are called arr_0, arr_1, …: write numpy.savez(path, x_train=x_train, "
            "y_train=y_train, x_test=x_test, y_test=y_test)"
        )
    meant = {name: _meant(name) for name in names}
    found = {target: name for name, target in meant.items() if target}
    tested = {f"{kind}_test" for kind in _KINDS} & set(found)
    validation = {f"{kind}_{part}": name for name in names for kind, part in [_split(name)] if part in _LIKE_TEST}
    if not tested and len(validation) == 2:
        found |= {key[0] + "_test": name for key, name in validation.items()}
    if len(found) == 4:
        renamed = ", ".join(f"{target}=old[{found[target]!r}]" for target in sorted(found, key=_order))
        return f"rename them: old = numpy.load(path); numpy.savez(path, {renamed})"
    if (found and not tested and not validation) or {_split(name) for name in names} >= {("x", ""), ("y", "")}:
        return (
            "examples for testing are needed: split them off and save all four arrays, e.g. x_train, x_test, y_train, "
            "y_test = sklearn.model_selection.train_test_split(x, y, test_size=0.2, stratify=y)"
        )
    return ""


def _order(target: str) -> int:
    return ("x_train", "y_train", "x_test", "y_test").index(target)


def _meant(name: str) -> str:
    kind, part = _split(name)
    return f"{kind}_{part}" if kind and part in _PARTS else ""


def _split(name: str) -> tuple[str, str]:
    """ "train_images" -> ("x", "train"), "Xtest" -> ("x", "test"), "labels" -> ("y", "")."""
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]
    words = [part for word in words for part in _apart(word)]
    kind = next((kind for kind, known in _KINDS.items() if any(_is_one(word, known) for word in words)), "")
    every = {**_PARTS, **{word: (word,) for word in _LIKE_TEST}}
    part = next((part for part, known in every.items() if any(word in known for word in words)), "")
    return kind, part


def _apart(word: str) -> Iterable[str]:
    """ "xtrain" -> "x", "train"."""
    found = re.fullmatch(r"([xy])(train|test|val|tr|te)|(train|test|val)([xy])", word)
    return [part for part in found.groups() if part] if found else [word]


def _is_one(word: str, known: Sequence[str]) -> bool:
    return word in known or word.removesuffix("s") in known
