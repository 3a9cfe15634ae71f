"""What an .npz file holds beside the four arrays: groups, weights, names, and what is said of each."""

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ablate.datasets.array import Array
from ablate.datasets.dataset import ARRAYS
from ablate.errors import DataError
from ablate.plural import number_of
from ablate.printable import printable

_GROUPS = frozenset((
    "group", "subject", "patient", "person", "participant", "individual", "user", "customer", "speaker", "writer",
    "author", "session", "recording", "video", "clip", "series", "scene", "site", "hospital", "scanner", "device",
    "batch", "fold", "animal", "mouse", "plate", "experiment",
))  # fmt: skip
_WEIGHTS = frozenset(("weight", "weighting", "sampleweight", "classweight"))
_MOST_NAMED = 8


def check_extra(names: Iterable[str], *, source: str) -> None:
    """Raise `DataError` where a file holds weights of examples: to leave them out unsaid would be another study."""
    for name in names:
        if name not in ARRAYS and _WEIGHTS & _words(name):
            raise DataError(
                f"{source}: holds {printable(name, 40)}, but examples cannot be weighted yet: all count alike\n"
                f"  save the file without {printable(name, 40)} if that is what you want"
            )


def group_names(names: Iterable[str]) -> list[str]:
    """The arrays that name a group for each example."""
    return [name for name in names if name not in ARRAYS and _GROUPS & _words(name)]


def unused(names: Iterable[str]) -> str:
    """A line that names the arrays that are not used, "" where there are none."""
    others = [printable(name, 40) for name in names if name not in ARRAYS]
    if not others:
        return ""
    more = f" and {len(others) - _MOST_NAMED:,} more" if len(others) > _MOST_NAMED else ""
    listed = ", ".join(others[:_MOST_NAMED]) + more
    drawn = any(re.search("val|dev", name) for name in others)
    hint = "; examples for validation are drawn from x_train" if drawn else ""
    return f"not used: {listed}{hint}"


def group_sentences(groups: Mapping[str, Array], *, n_train: int, n_test: int) -> tuple[str, ...]:
    """What the arrays of groups say: how many there are, and which of them stand on both sides of a split."""
    said = []
    trained = {name: array.reshape(-1) for name, array in groups.items() if array.size == n_train}
    tested = {name: array.reshape(-1) for name, array in groups.items() if array.size == n_test and name not in trained}
    for name, array in trained.items():
        n = len(np.unique(array))
        if 1 < n < n_train:
            said.append(
                f"{_shown(name)} names {number_of(n, 'group')} of training examples, and the random split into "
                "training and validation does not keep them together, so validation scores may be too high"
            )
    for one, other in ((a, b) for a in trained for b in tested if _stem(a) == _stem(b)):
        of_test = np.unique(tested[other])
        n = int(np.isin(of_test, trained[one]).sum()) if tested[other].dtype.kind == trained[one].dtype.kind else 0
        if n:
            every = number_of(len(of_test), "group")
            said.append(f"{n:,} of {every} in {_shown(other)} {'is' if n == 1 else 'are'} in {_shown(one)} too")
    whole = [name for name, array in groups.items() if array.size == n_train + n_test]
    said += [f"{_shown(name)} names groups of examples, which no split keeps together" for name in whole]
    return tuple(said)


def _words(name: str) -> set[str]:
    """ "patientIDs_train" -> {"patient", "id", "train"}."""
    parts: Sequence[str] = re.findall(r"[a-z]+|[A-Z]+(?![a-z])|[A-Z][a-z]+", name)
    return {part.lower().removesuffix("s") for part in parts} | {"".join(parts).lower().removesuffix("s")}


def _stem(name: str) -> str:
    return re.sub("train|test|_", "", name.lower())


def _shown(name: str) -> str:
    return printable(name, 40)
