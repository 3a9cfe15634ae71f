"""Check inputs of any kind and convert them to bytes or float32, or say why they are unusable."""

from collections.abc import Mapping

import numpy as np

from ablate.data.array import Array
from ablate.errors import DataError
from ablate.text import number_of, printable

_EXACT = 2**24  # integers up to here are exact in float32
_COLOURS = (1, 3, 4)  # channels of images
_SMALLEST_SIDE = 8


def check_shapes(arrays: Mapping[str, Array], *, source: str) -> None:
    """Raise `DataError` if arrays are swapped, empty, not numeric, channels first, or do not match each other."""
    _check_order(arrays, source=source)
    for part in ("train", "test"):
        _check_shape(arrays[f"x_{part}"], f"x_{part}", source=source)
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if not y.ndim or len(x) != len(y):
            n = len(y) if y.ndim else 1
            raise DataError(
                f"{source}: x_{part} and y_{part} must have the same length, got {len(x):,} and {n:,}\n"
                "  give each example its label, in the same order"
            )
    train, test = arrays["x_train"].shape[1:], arrays["x_test"].shape[1:]
    if train != test:
        raise DataError(
            f"{source}: training and test examples must have equal shapes, got {train} and {test}\n"
            f"  {_alike(train, test)}"
        )


def common_dtype(train: Array, test: Array, *, source: str) -> type[np.uint8] | type[np.float32]:
    """Bytes if both arrays hold whole numbers in 0 … 255, otherwise float32."""
    small = True
    for name, x in (("x_train", train), ("x_test", test)):
        if x.dtype.kind in "ui" and x.dtype != np.uint8:
            low, high = int(x.min()), int(x.max())
            if max(-low, high) > _EXACT:
                raise DataError(
                    f"{source}: {name} holds integers {low} to {high}, but float32 loses digits beyond ±{_EXACT:,}\n"
                    "  scale them and save them as float32"
                )
            small &= low >= 0 and high <= 255
        small &= x.dtype.kind != "f"
    return np.uint8 if small else np.float32


def to_inputs(x: Array, name: str, *, dtype: type[np.uint8] | type[np.float32], source: str) -> Array:
    """`x` as `dtype`, C-contiguous, images with a channel axis. Raises `DataError` if float32 cannot hold it."""
    with np.errstate(over="ignore"):  # values too large for float32 become infinite and are reported below
        inputs = np.ascontiguousarray(x, dtype=dtype)
    if dtype is np.float32 and not np.isfinite(inputs).all():
        finite = np.isfinite(inputs).reshape(len(inputs), -1).all(axis=1)
        raise DataError(
            f"{source}: {name} must be finite in float32; {np.count_nonzero(~finite):,} of {len(inputs):,} examples "
            f"have {_not_finite(x)}, the first is number {int(np.argmin(finite))} (from 0)\n"
            "  remove these examples, or fill in the missing values, e.g. by the mean of the training examples"
        )
    return inputs[..., np.newaxis] if inputs.ndim == 3 else inputs


def _check_order(arrays: Mapping[str, Array], *, source: str) -> None:
    x_train, y_train, x_test, y_test = (arrays[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    if not all(array.ndim for array in arrays.values()):
        return
    if _is_labels(x_train) and _is_labels(x_test) and not _is_labels(y_train) and not _are_flags(y_train):
        raise DataError(
            f"{source}: inputs and labels are swapped: x_train has shape {x_train.shape}, y_train {y_train.shape}\n"
            "  save x_train=y_train, y_train=x_train, x_test=y_test, y_test=x_test"
        )
    if _is_labels(x_test) and not _is_labels(y_train) and y_train.shape[1:] == x_train.shape[1:]:
        raise DataError(
            f"{source}: x_test and y_train are swapped: x_test has shape {x_test.shape}, y_train {y_train.shape}\n"
            "  train_test_split returns x_train, x_test, y_train, y_test, in this order"
        )
    if _is_labels(y_train) and _is_labels(y_test) and len(x_train) == len(y_test) != len(y_train) == len(x_test):
        raise DataError(
            f"{source}: y_train and y_test are swapped: x_train has {len(x_train):,} examples, y_train "
            f"{len(y_train):,} labels, y_test {len(y_test):,}\n  save y_train=y_test, y_test=y_train"
        )


def _are_flags(y: Array) -> bool:
    return y.dtype.kind in "buif" and bool(np.isin(y, (0, 1)).all())


def _is_labels(y: Array) -> bool:
    return y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1)


def _check_shape(x: Array, name: str, *, source: str) -> None:
    if x.dtype.kind not in "buif" or x.dtype.itemsize > 8:
        raise DataError(
            f"{source}: {name} must hold numbers (integers or float16, 32 or 64), got {x.dtype}\n  {_as_numbers(x)}"
        )
    rule = f"{name} must be (n, features), (n, height, width) or (n, height, width, channels)"
    if 0 in x.shape:
        empty = "it has no examples" if x.shape[0] == 0 else "its examples are empty"
        hint = "  set some examples aside for testing, e.g. a fifth" if name == "x_test" else "  save it again"
        raise DataError(f"{source}: {rule} without a 0, got shape {x.shape}: {empty}\n{hint}")
    if x.ndim == 1:
        raise DataError(f"{source}: {rule}, got shape {x.shape}\n  if each example is one number, save {name}[:, None]")
    if not 2 <= x.ndim <= 4:
        hint = (
            "volumes and videos are not supported yet; save their slices or frames" if x.ndim > 4 else "save it again"
        )
        raise DataError(f"{source}: {rule}, got shape {x.shape}\n  {hint}")
    if x.ndim == 4 and _is_channels_first(x.shape[1:]):
        channels, height, width = x.shape[1:]
        raise DataError(
            f"{source}: {name} has shape {x.shape}, which would be images of {channels} × {height} pixels with {width} "
            f"channels: their channels seem to come first\n  save numpy.moveaxis({name}, 1, -1), of shape "
            f"{(len(x), height, width, channels)}; and the other part, too"
        )


def _is_channels_first(shape: tuple[int, ...]) -> bool:
    channels, height, width = shape
    sides = height == width >= _SMALLEST_SIDE or min(height, width) >= 2 * _SMALLEST_SIDE
    return channels in _COLOURS and sides


def _alike(train: tuple[int, ...], test: tuple[int, ...]) -> str:
    if np.prod(train) == np.prod(test):
        return f"give both the same axes: x_test.reshape(-1, {', '.join(map(str, train))})"
    if len(train) == len(test) == 1:
        return "encode both with the columns of the training set: dummy variables made separately for each part differ"
    return "resize or crop both to the same size"


def _as_numbers(x: Array) -> str:
    if x.dtype.kind in "SU":
        text = x.reshape(-1)[:1000]
        try:
            text.astype(np.float64)
        except ValueError:
            return "encode words and texts as numbers first, e.g. one-hot, counts or token numbers"
        return "these are numbers as text: save them with .astype(numpy.float32)"
    if x.dtype.kind in "Mm":
        return "save times as numbers, e.g. days since the first one"
    if x.dtype.names:
        columns = printable(str(x.dtype.names), 60)
        return f"save the columns as one array: numpy.stack([x[column] for column in {columns}], axis=1)"
    if x.dtype.kind == "c":
        return "save real and imaginary parts, or magnitudes, as separate features"
    return "save them with .astype(numpy.float32)"


def _not_finite(x: Array) -> str:
    kinds = [
        number_of(int(np.count_nonzero(np.isnan(x))), "NaN"),
        number_of(int(np.count_nonzero(np.isinf(x))), "infinite value"),
        "larger numbers",
    ]
    too_large = (np.abs(x[np.isfinite(x)]) > np.finfo(np.float32).max).any()
    is_there = (np.isnan(x).any(), np.isinf(x).any(), too_large)
    return " and ".join(kind for kind, there in zip(kinds, is_there, strict=True) if there)
