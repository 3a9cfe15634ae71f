"""Check four raw arrays and turn them into a `Dataset` with a digest."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ablate.data.array import Array
from ablate.data.inputs import check_shapes, common_dtype, to_inputs
from ablate.data.labels import count_classes, to_labels
from ablate.data.source import FeatureColumn
from ablate.errors import DataError
from ablate.study.task import Target
from ablate.text import first_of, number_of, printable

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
_GROUPS = frozenset((
    "group", "subject", "patient", "person", "participant", "individual", "user", "customer", "speaker", "writer",
    "author", "session", "recording", "video", "clip", "series", "scene", "site", "hospital", "scanner", "device",
    "batch", "fold", "animal", "mouse", "plate", "experiment",
))  # fmt: skip
_WEIGHTS = frozenset(("weight", "weighting", "sampleweight", "classweight"))
_MOST_NAMED = 8


@dataclass(frozen=True, slots=True)
class Dataset:
    """Examples with their targets, split into training and test; checked by `to_dataset`."""

    name: str
    x_train: Array  # (n, …) uint8, int32 or float32, C-contiguous; or a mapping of such arrays, for several inputs
    y_train: Array  # (n, …) int32 for classes, float32 otherwise; or a mapping of such arrays, for several outputs
    x_test: Array
    y_test: Array
    n_classes: int  # of the first target; 0 for numbers
    stand_in: bool  # synthetic data of this package, not the named data set
    source: str  # origin, for the report
    digest: str  # SHA-256 over shapes, dtypes and bytes of the four arrays, and of `pretraining`, hexadecimal
    pretraining: "Dataset | None" = None  # the pretraining task, if there is one
    groups: tuple[str, ...] = ()  # groups in the file that the split ignores, a sentence each
    targets: Mapping[str, Target] = field(default_factory=dict)  # by output; "" for the only one
    n_given: int = 0  # the last of the training examples that are the source's own validation part
    group_of: Array | None = None  # (n_train,) int32 number of each training example's group, if splits keep groups
    time_of: Array | None = None  # (n_train,) float64, if splits follow an order
    weights_train: Array | None = None  # (n_train,) float32
    weights_test: Array | None = None
    columns: tuple[FeatureColumn, ...] = ()  # of a table, in the order of the inputs
    notes: tuple[str, ...] = ()  # on what was read as what, said once


def to_dataset(name: str, arrays: Mapping[str, Array], *, source: str, stand_in: bool) -> Dataset:
    """Check the four arrays of `ARRAYS`, convert them to the form that `Dataset` promises, and digest them.

    Images without a channel axis get one; labels (n, 1) become (n,); whole numbers in 0 … 255 become uint8, all other
    numbers float32. Raises `DataError`, naming `source`, the array and the rule that it breaks.
    """
    check_shapes(arrays, source=source)
    x_train, x_test = arrays["x_train"], arrays["x_test"]
    dtype = common_dtype(x_train, x_test, source=source)
    checked = {
        "x_train": to_inputs(x_train, "x_train", dtype=dtype, source=source),
        "y_train": to_labels(arrays["y_train"], "y_train", n_dim_inputs=x_train.ndim, source=source),
        "x_test": to_inputs(x_test, "x_test", dtype=dtype, source=source),
        "y_test": to_labels(arrays["y_test"], "y_test", n_dim_inputs=x_test.ndim, source=source),
    }
    n_classes = count_classes(checked["y_train"], checked["y_test"], source=source)
    return Dataset(
        name=name,
        x_train=checked["x_train"],
        y_train=checked["y_train"],
        x_test=checked["x_test"],
        y_test=checked["y_test"],
        n_classes=n_classes,
        stand_in=stand_in,
        source=source,
        digest=_digest(checked),
        targets={"": Target("classes", n_classes=n_classes)},
    )


def _digest(arrays: Mapping[str, Array]) -> str:
    digest = hashlib.sha256()
    for name in ARRAYS:
        array = arrays[name]
        digest.update(f"{name} {array.shape} {array.dtype.name}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()


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
                f"{printable(name, 40)} names {number_of(n, 'group')} of training examples, and the random split into "
                "training and validation does not keep groups together, so validation scores may be too high"
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
