"""Check inputs of any kind and convert them to bytes, whole numbers or float32, or say why they are unusable."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from ablate.data.array import Array
from ablate.data.large import converted, extremes, pieces
from ablate.data.trees import ONLY, Tree, leaves, n_examples
from ablate.errors import DataError
from ablate.study.task import Target
from ablate.text import listed, number_of, printable

_EXACT = 2**24  # integers up to here are exact in float32
_COLOURS = (1, 3, 4)  # channels of images
_SMALLEST_SIDE = 8
InputType: TypeAlias = type[np.uint8] | type[np.int32] | type[np.float32]


def array_name(name: str, leaf: str) -> str:
    """How messages name an array: x_train, or x_train["age"] where there are several."""
    return name if leaf == ONLY else f'{name}["{printable(leaf, 40)}"]'


def check_parts(x: Mapping[str, Tree], y: Mapping[str, Tree | None], *, loss_is_set: bool, source: str) -> None:
    """Raise `DataError` if arrays are swapped, empty, not numeric, channels first, or do not match each other.

    Both mappings are by part: "train", and "validation" and "test" if there are such.
    """
    if not loss_is_set:
        _check_swapped(x, y, source=source)
    for part, tree in x.items():
        _check_tree(tree, f"x_{part}", source=source)
        for leaf, array in leaves(tree).items():
            _check_shape(array, array_name(f"x_{part}", leaf), source=source)
    for part, tree in x.items():
        _check_lengths(tree, y[part], part, source=source)
    for part in set(x) - {"train"}:
        _check_alike(x["train"], x[part], part, source=source)


def to_inputs(x: Mapping[str, Tree], *, may_miss: bool, source: str) -> dict[str, dict[str, Array]]:
    """The arrays of each part by name: uint8, int32 or float32, the same in all parts, C-contiguous.

    With `may_miss` a NaN stands for a missing number, otherwise it is refused as infinite values are.
    """
    made: dict[str, dict[str, Array]] = {part: {} for part in x}
    for leaf in leaves(x["train"]):
        named = {part: leaves(tree)[leaf] for part, tree in x.items()}
        dtype = common_dtype({array_name(f"x_{part}", leaf): array for part, array in named.items()}, source=source)
        for part, array in named.items():
            name = array_name(f"x_{part}", leaf)
            made[part][leaf] = _to_input(array, name, dtype=dtype, may_miss=may_miss, source=source)
    return made


def common_dtype(named: Mapping[str, Array], *, source: str) -> InputType:
    """Bytes if all arrays hold whole numbers in 0 … 255, int32 if they hold other whole numbers, otherwise float32."""
    dtype: InputType = np.uint8
    for name, x in named.items():
        if x.dtype.kind in "ui" and x.dtype != np.uint8:
            low, high = (int(end) for end in extremes(x))
            if max(-low, high) > _EXACT:
                raise DataError(
                    f"{source}: {name} holds integers {low} to {high}, but float32 loses digits beyond ±{_EXACT:,}\n"
                    "  scale them and save them as float32"
                )
            if (low < 0 or high > 255) and dtype is np.uint8:
                dtype = np.int32
        if x.dtype.kind == "f":
            dtype = np.float32
    return dtype


def with_channel_axis(x: Array, targets: Sequence[Target]) -> Array:
    """Grey images (n, height, width) with an axis for their one channel, (n, height, width, 1).

    Any array of three axes counts as such if each example has one class or tags; with other targets those of bytes, or
    with a class for each pixel, do, and (n, steps, features) stays as it is.
    """
    if x.ndim != 3:
        return x
    per_example = all(target.kind in ("classes", "one-hot", "tags") and not target.is_dense for target in targets)
    is_image = x.dtype == np.uint8 or any(target.shape[:2] == x.shape[1:] for target in targets)
    return x[..., np.newaxis] if per_example or is_image else x


def _to_input(x: Array, name: str, *, dtype: InputType, may_miss: bool, source: str) -> Array:
    with np.errstate(over="ignore"):  # values too large for float32 become infinite and are reported below
        inputs = converted(x, dtype)
    if dtype is np.float32 and not all(_is_usable(piece, may_miss=may_miss).all() for piece in pieces(inputs)):
        raise _not_finite(x, inputs, name, may_miss=may_miss, source=source)
    return inputs


def _is_usable(x: Array, *, may_miss: bool) -> Array:
    return ~np.isinf(x) if may_miss else np.isfinite(x)


def _not_finite(x: Array, inputs: Array, name: str, *, may_miss: bool, source: str) -> DataError:
    usable = np.concatenate(
        [_is_usable(piece, may_miss=may_miss).reshape(len(piece), -1).all(axis=1) for piece in pieces(inputs)]
    )
    first = int(np.argmin(usable))
    return DataError(
        f"{source}: {name} must be finite in float32; {np.count_nonzero(~usable):,} of {len(inputs):,} examples "
        f"have {_what_is_not_finite(x)}, the first is number {first} (from 0)\n"
        "  remove these examples, or fill in the missing values, e.g. by the mean of the training examples"
    )


def _check_swapped(x: Mapping[str, Tree], y: Mapping[str, Tree | None], *, source: str) -> None:
    arrays = [tree for tree in (x["train"], y["train"], x.get("test"), y.get("test")) if isinstance(tree, np.ndarray)]
    if len(arrays) < 4 or not all(array.ndim for array in arrays):
        return
    x_train, y_train, x_test, y_test = arrays
    both_classes = _is_labels(x_train) and _is_labels(x_test) and x_train.dtype.kind in "bui"
    if both_classes and not _is_labels(y_train) and not _are_flags(y_train):
        raise DataError(
            f"{source}: inputs and labels are swapped: x_train has shape {x_train.shape}, y_train {y_train.shape}\n"
            "  save x_train=y_train, y_train=x_train, x_test=y_test, y_test=x_test"
        )
    if (
        _is_labels(x_test)
        and not _is_labels(x_train)
        and not _is_labels(y_train)
        and y_train.shape[1:] == x_train.shape[1:]
    ):
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
    return y.dtype.kind in "buif" and all(bool(np.isin(piece, (0, 1)).all()) for piece in pieces(y))


def _is_labels(y: Array) -> bool:
    return y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1)


def _check_tree(tree: Tree, name: str, *, source: str) -> None:
    if not leaves(tree):
        raise DataError(f"{source}: {name} must hold at least one array\n  save it again")
    arrays = leaves(tree)
    for leaf, array in arrays.items():
        if not array.ndim:
            raise DataError(
                f"{source}: {array_name(name, leaf)} must be (n, …), the examples along the first axis, got shape ()\n"
                "  save it again"
            )
    lengths = {len(array) for array in arrays.values()}
    if len(lengths) > 1:
        each = listed(f'{len(array):,} in "{printable(leaf, 40)}"' for leaf, array in arrays.items())
        raise DataError(
            f"{source}: the arrays of {name} must have the same length, got {each}\n"
            "  give each example its part of every array, in the same order"
        )


def _check_lengths(x: Tree, y: Tree | None, part: str, *, source: str) -> None:
    if y is None:
        return
    for leaf, array in leaves(y).items():
        n = len(array) if array.ndim else 1
        if not array.ndim or n != n_examples(x):
            raise DataError(
                f"{source}: x_{part} and {array_name(f'y_{part}', leaf)} must have the same length, got "
                f"{n_examples(x):,} and {n:,}\n  give each example its label, in the same order"
            )


def _check_alike(train: Tree, other: Tree, part: str, *, source: str) -> None:
    trained, others = leaves(train), leaves(other)
    if set(trained) != set(others):
        names = [listed(f'"{printable(leaf, 40)}"' for leaf in sorted(arrays)) for arrays in (trained, others)]
        raise DataError(
            f"{source}: x_train and x_{part} must have the same inputs, got {names[0]} and {names[1]}\n"
            "  give both the same names"
        )
    said = {"test": "test", "validation": "validation"}[part]
    for leaf, array in trained.items():
        shapes = array.shape[1:], others[leaf].shape[1:]
        if shapes[0] != shapes[1]:
            of = "" if leaf == ONLY else f' of input "{printable(leaf, 40)}"'
            raise DataError(
                f"{source}: training and {said} examples{of} must have equal shapes, got {shapes[0]} and {shapes[1]}\n"
                f"  {_alike(*shapes)}"
            )


def _check_shape(x: Array, name: str, *, source: str) -> None:
    if x.dtype.kind not in "buif" or x.dtype.itemsize > 8:
        raise DataError(
            f"{source}: {name} must hold numbers (integers or float16, 32 or 64), got {x.dtype}\n  {_as_numbers(x)}"
        )
    if 0 in x.shape:
        empty = "it has no examples" if x.shape[0] == 0 else "its examples are empty"
        hint = "  set some examples aside for testing, e.g. a fifth" if name == "x_test" else "  save it again"
        raise DataError(f"{source}: {name} must be (n, …) without a 0, got shape {x.shape}: {empty}\n{hint}")
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


def _what_is_not_finite(x: Array) -> str:
    n_nan, n_infinite, too_large = 0, 0, False
    for piece in pieces(x):
        n_nan += int(np.count_nonzero(np.isnan(piece)))
        n_infinite += int(np.count_nonzero(np.isinf(piece)))
        too_large |= bool((np.abs(piece[np.isfinite(piece)]) > np.finfo(np.float32).max).any())
    kinds = [(n_nan > 0, number_of(n_nan, "NaN")), (n_infinite > 0, number_of(n_infinite, "infinite value"))]
    return " and ".join(kind for there, kind in [*kinds, (too_large, "larger numbers")] if there)
