"""Four raw arrays into a checked `Dataset` with a digest: every rule that data have to keep is here."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ablate.errors import DataError

Array: TypeAlias = np.ndarray  # of any shape and dtype; docstrings say which

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
_EXACT = 2**24  # the integers up to here are exact in float32


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

    @property
    def example_shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return tuple(self.x_train.shape[1:])


def to_dataset(name: str, arrays: Mapping[str, Array], *, source: str, stand_in: bool) -> Dataset:
    """Check the four arrays of `ARRAYS`, bring them into the form that `Dataset` promises, and digest them.

    Images without a channel axis get one; labels (n, 1) become (n,); whole numbers in 0 … 255 become uint8, all other
    numbers float32. Raises `DataError`, naming `source`, the array and the rule that it breaks.
    """
    for part in ("train", "test"):
        _check_shapes(arrays[f"x_{part}"], arrays[f"y_{part}"], part=part, source=source)
    if arrays["x_train"].shape[1:] != arrays["x_test"].shape[1:]:
        shapes = f"{arrays['x_train'].shape[1:]} and {arrays['x_test'].shape[1:]}"
        raise DataError(f"{source}: training and test examples must have one shape, got {shapes}")
    dtype = _common_dtype(arrays["x_train"], arrays["x_test"], source=source)
    checked = {
        "x_train": _to_inputs(arrays["x_train"], "x_train", dtype=dtype, source=source),
        "y_train": _to_labels(arrays["y_train"], "y_train", source=source),
        "x_test": _to_inputs(arrays["x_test"], "x_test", dtype=dtype, source=source),
        "y_test": _to_labels(arrays["y_test"], "y_test", source=source),
    }
    n_classes = _count_classes(checked["y_train"], checked["y_test"], source=source)
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


def _check_shapes(x: Array, y: Array, *, part: str, source: str) -> None:
    if not 2 <= x.ndim <= 4 or 0 in x.shape:
        raise DataError(
            f"{source}: x_{part} must be (n, features), (n, height, width) or (n, height, width, channels), "
            f"none of them 0, got shape {x.shape}"
        )
    if y.ndim != 1 and y.shape[1:] != (1,):
        raise DataError(
            f"{source}: y_{part} must be one whole number an example, shape (n,) or (n, 1), got shape {y.shape}\n"
            "  one-hot labels: save their argmax(axis=1)"
        )
    if len(x) != len(y):
        raise DataError(f"{source}: x_{part} and y_{part} must have one length, got {len(x):,} and {len(y):,}")


def _common_dtype(train: Array, test: Array, *, source: str) -> type[np.uint8] | type[np.float32]:
    """Bytes where both arrays hold whole numbers in 0 … 255, else float32."""
    small = True
    for name, x in (("x_train", train), ("x_test", test)):
        if x.dtype.kind not in "buif" or x.dtype.itemsize > 8:
            raise DataError(f"{source}: {name} must hold numbers (integers or float16, 32 or 64), got {x.dtype}")
        if x.dtype.kind in "ui" and x.dtype != np.uint8:
            low, high = int(x.min()), int(x.max())
            if max(-low, high) > _EXACT:
                raise DataError(
                    f"{source}: {name} holds integers in {low} … {high}; beyond ±{_EXACT:,} float32 loses digits\n"
                    "  save them as float32, scaled"
                )
            small &= low >= 0 and high <= 255
        small &= x.dtype.kind != "f"
    return np.uint8 if small else np.float32


def _to_inputs(x: Array, name: str, *, dtype: type[np.uint8] | type[np.float32], source: str) -> Array:
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite and is named below
        inputs = np.ascontiguousarray(x, dtype=dtype)
    if dtype is np.float32 and not np.isfinite(inputs).all():
        finite = np.isfinite(inputs).reshape(len(inputs), -1).all(axis=1)
        raise DataError(
            f"{source}: {name} must be finite in float32; {np.count_nonzero(~finite):,} of {len(inputs):,} examples "
            f"hold NaN, infinity or larger numbers, the first is number {int(np.argmin(finite))} (from 0)"
        )
    return inputs[..., np.newaxis] if inputs.ndim == 3 else inputs


def _to_labels(y: Array, name: str, *, source: str) -> Array:
    if y.dtype.kind not in "ui":
        raise DataError(
            f"{source}: {name} must have an integer type, got {y.dtype}\n  save the labels with .astype(numpy.int32)"
        )
    if y.dtype.kind == "i" and int(y.min()) < 0:
        raise DataError(f"{source}: {name} must count the classes from 0, got {int(y.min())}")
    if int(y.max()) > np.iinfo(np.int32).max:
        raise DataError(f"{source}: {name} must count the classes from 0 without a gap, got {int(y.max())}")
    return np.ascontiguousarray(y.reshape(-1), dtype=np.int32)


def _count_classes(train: Array, test: Array, *, source: str) -> int:
    classes = np.unique(train)
    gaps = np.flatnonzero(classes != np.arange(len(classes)))
    if gaps.size:
        raise DataError(
            f"{source}: y_train must have every class from 0 to {int(classes[-1])}, but class {int(gaps[0])} is missing"
        )
    if len(classes) < 2:
        raise DataError(f"{source}: y_train must have at least 2 classes, got only class 0")
    strange = np.setdiff1d(test, classes)
    if strange.size:
        raise DataError(f"{source}: y_test has class {int(strange[0])}, y_train only 0 to {len(classes) - 1}")
    return len(classes)


def _digest(arrays: Mapping[str, Array]) -> str:
    digest = hashlib.sha256()
    for name in ARRAYS:
        array = arrays[name]
        digest.update(f"{name} {array.shape} {array.dtype.name}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()
