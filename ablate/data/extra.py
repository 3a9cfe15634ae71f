"""Judge the arrays that a file holds beside the four usual ones: weights, groups, and those without a use."""

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ablate.data.array import Array
from ablate.data.dataset import ARRAYS
from ablate.errors import DataError
from ablate.text import first_of, number_of, printable

_GROUPS = frozenset((
    "group", "subject", "patient", "person", "participant", "individual", "user", "customer", "speaker", "writer",
    "author", "session", "recording", "video", "clip", "series", "scene", "site", "hospital", "scanner", "device",
    "batch", "fold", "animal", "mouse", "plate", "experiment",
))  # fmt: skip
_WEIGHTS = frozenset(("weight", "weighting", "sampleweight", "classweight"))
_MOST_NAMED = 8


def check_extra(names: Iterable[str], *, source: str) -> None:
    """Raise `DataError` if a file holds weights that no setting names: ignoring them silently would change a study."""
    for name in names:
        if name not in ARRAYS and _WEIGHTS & _words(name):
            raise DataError(
                f"{source}: holds {printable(name, 40)}, but no setting uses it, so all examples would count equally\n"
                f'  write weights = "{"balanced" if "class" in name.lower() else printable(name, 40)}" in [data], '
                "or save the file without it"
            )


def group_names(names: Iterable[str]) -> list[str]:
    """The arrays that name a group for each example."""
    return [name for name in names if name not in ARRAYS and _GROUPS & _words(name)]


def unused(names: Iterable[str]) -> str:
    """A line that names the unused arrays, "" if there are none."""
    others = [printable(name, 40) for name in names if name not in ARRAYS]
    if not others:
        return ""
    drawn = any(re.search("val|dev", name) for name in others)
    hint = '; validation examples are drawn from x_train, unless data.validation is "given"' if drawn else ""
    return f"not used: {first_of(others, _MOST_NAMED)}{hint}"


def group_sentences(groups: Mapping[str, Array], *, n_train: int, n_test: int) -> tuple[str, ...]:
    """Sentences on the arrays of groups: how many groups there are, and which appear in both training and test."""
    said = []
    trained = {name: array.reshape(-1) for name, array in groups.items() if array.size == n_train}
    tested = {name: array.reshape(-1) for name, array in groups.items() if array.size == n_test and name not in trained}
    for name, array in trained.items():
        n = len(np.unique(array))
        if 1 < n < n_train:
            said.append(
                f"{printable(name, 40)} names {number_of(n, 'group')} of training examples, and a random split into "
                "training and validation does not keep groups together, so validation scores may be too high: "
                f'write groups = "{printable(name, 40)}" in [data]'
            )
    for one, other in ((a, b) for a in trained for b in tested if _stem(a) == _stem(b)):
        of_test = np.unique(tested[other])
        n = int(np.isin(of_test, trained[one]).sum()) if tested[other].dtype.kind == trained[one].dtype.kind else 0
        if n:
            every = number_of(len(of_test), "group")
            said.append(
                f"{n:,} of {every} in {printable(other, 40)} {'is' if n == 1 else 'are'} in {printable(one, 40)} too"
            )
    whole = [name for name, array in groups.items() if array.size == n_train + n_test]
    said += [
        f"{printable(name, 40)} names groups of examples, but the split does not keep groups together" for name in whole
    ]
    return tuple(said)


def _words(name: str) -> set[str]:
    """ "patientIDs_train" -> {"patient", "id", "train"}."""
    parts: Sequence[str] = re.findall(r"[a-z]+|[A-Z]+(?![a-z])|[A-Z][a-z]+", name)
    return {part.lower().removesuffix("s") for part in parts} | {"".join(parts).lower().removesuffix("s")}


def _stem(name: str) -> str:
    return re.sub("train|test|_", "", name.lower())
