"""Four raw arrays into a checked `Dataset` with a digest."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from ablate.datasets.array import Array
from ablate.datasets.inputs import check_shapes, common_dtype, to_inputs
from ablate.datasets.labels import count_classes, to_labels

ARRAYS = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True, slots=True)
class Dataset:
    """Examples with class labels, training and test apart; what `to_dataset` checked."""

    name: str
    x_train: Array  # (n, features) or (n, height, width, channels), uint8 or float32, C-contiguous
    y_train: Array  # (n,) int32 in 0 … n_classes - 1, every class at least once
    x_test: Array
    y_test: Array
    n_classes: int
    stand_in: bool  # drawn by this program, not the set whose name it has
    source: str  # where it came from, for the report
    digest: str  # SHA-256 over shapes, dtypes and bytes of the four arrays, and of `pretraining`, hexadecimal
    pretraining: "Dataset | None" = None  # the task on which networks are trained before this one, where there is one
    groups: tuple[str, ...] = ()  # what the file says of groups that no split respects, a sentence each


def to_dataset(name: str, arrays: Mapping[str, Array], *, source: str, stand_in: bool) -> Dataset:
    """Check the four arrays of `ARRAYS`, bring them into the form that `Dataset` promises, and digest them.

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
    )


def _digest(arrays: Mapping[str, Array]) -> str:
    digest = hashlib.sha256()
    for name in ARRAYS:
        array = arrays[name]
        digest.update(f"{name} {array.shape} {array.dtype.name}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()
