"""Convert labels of any kind to whole numbers that count the classes from 0, or say why they are unusable."""

import numpy as np

from ablate.data.array import Array
from ablate.errors import DataError
from ablate.text import number_of

_ENCODE = (
    "number the classes in the same way in both parts: classes = numpy.unique(numpy.concatenate([y_train, y_test])); "
    "y_train = numpy.searchsorted(classes, y_train); y_test = numpy.searchsorted(classes, y_test)"
)
_NO_REGRESSION = (
    "only classification is supported so far, not regression; to predict ranges instead: numpy.digitize(y, edges)"
)
_ONE_CLASS = "only one class per example is supported so far"
_MANY = 20  # distinct values: fewer are usually classes


def to_labels(y: Array, name: str, *, n_dim_inputs: int, source: str) -> Array:
    """(n,) int32 from (n,) or (n, 1). Raises `DataError` naming `source`, the content of `y` and the way out."""
    if y.ndim != 1 and y.shape[1:] != (1,):
        raise DataError(f"{source}: {_several(y, name, n_dim_inputs=n_dim_inputs)}")
    y = y.reshape(-1)
    if y.dtype.kind not in "bui":
        raise DataError(f"{source}: {_no_integers(y, name)}")
    if y.dtype.kind == "i" and int(y.min()) < 0:
        raise DataError(f"{source}: {name} must count the classes from 0, got {int(y.min())}\n  {_renumbered(y)}")
    if int(y.max()) > np.iinfo(np.int32).max:
        raise DataError(
            f"{source}: {name} must count the classes from 0 without a gap, got {int(y.max())}\n  {_renumbered(y)}"
        )
    return np.ascontiguousarray(y, dtype=np.int32)


def count_classes(train: Array, test: Array, *, source: str) -> int:
    """The number of classes; raises `DataError` if one of 0, 1, … is missing, or only tested."""
    classes = np.unique(train)
    if len(classes) < 2:
        raise DataError(
            f"{source}: y_train must have at least 2 classes, got only class {int(classes[0])}\n"
            "  if the examples were sorted by class before the split, shuffle them first"
        )
    gaps = np.flatnonzero(classes != np.arange(len(classes)))
    if gaps.size:
        raise DataError(
            f"{source}: y_train must have every class from 0 to {int(classes[-1])}, "
            f"but class {int(gaps[0])} is missing\n  {_renumbered(train)}"
        )
    strange = np.setdiff1d(test, classes)
    if strange.size:
        n = int(np.count_nonzero(test == strange[0]))
        raise DataError(
            f"{source}: y_test has class {int(strange[0])}, y_train only 0 to {len(classes) - 1}\n"
            f"  put some of its {number_of(n, 'test example')} into the training set, or remove them"
        )
    return len(classes)


def _several(y: Array, name: str, *, n_dim_inputs: int) -> str:
    rule = f"{name} must be one whole number per example, shape (n,) or (n, 1), got shape {y.shape}"
    if y.ndim == 0:
        return rule
    if y.ndim > 2:
        what = "masks, a class for each pixel" if n_dim_inputs > 2 else "several numbers per example"
        return f"{rule}: these look like {what}\n  only one class per example is supported so far, not segmentation"
    if y.shape[1] == 0 or y.dtype.kind not in "buif":
        return f"{rule}\n  {_ONE_CLASS}"
    values = y.astype(np.float64)
    if len(np.unique(values)) <= 2:  # 0 and 1, or -1 and 1
        n_set = np.count_nonzero(values == values.max(), axis=1)
        if (n_set == 1).all():
            return f"{rule}: these are one-hot labels\n  save their argmax(axis=1)"
        n = int(np.count_nonzero(n_set != 1))
        return (
            f"{rule}: these are tags, {n:,} of {len(y):,} examples have none or several\n"
            f"  only one class per example is supported so far, not multi-label; to predict one tag only: "
            f"({name}[:, 0] > 0).astype(numpy.int32)"
        )
    if values.min() >= 0 and np.allclose(values.sum(axis=1), 1, atol=1e-3):
        return f"{rule}: these are probabilities of classes\n  to use the likeliest class, save their argmax(axis=1)"
    if y.dtype.kind != "f":
        return f"{rule}: these are {y.shape[1]} whole numbers per example\n  {_ONE_CLASS}"
    return f"{rule}: these are {y.shape[1]} real numbers per example\n  {_NO_REGRESSION}"


def _no_integers(y: Array, name: str) -> str:
    rule = f"{name} must have an integer type, got {y.dtype}"
    if y.dtype.kind in "SU":
        return f"{rule}: {_words(y)}"
    if y.dtype.kind != "f":
        return f"{rule}\n  {_ENCODE}"
    if n := int(np.count_nonzero(~np.isfinite(y))):
        return f"{rule} with {number_of(n, 'label')} missing (NaN or infinite)\n  remove these examples"
    distinct = np.unique(y)
    if (distinct == np.floor(distinct)).all():
        if len(distinct) <= _MANY:
            return f"{rule}\n  save the labels with .astype(numpy.int32)"
        return (
            f"{rule} with {len(distinct):,} different values\n  if they are classes, save them with "
            f".astype(numpy.int32)\n  if they are amounts, {_NO_REGRESSION}"
        )
    values = f"{len(distinct):,} different real numbers from {distinct[0]:.4g} to {distinct[-1]:.4g}"
    if len(distinct) > _MANY or len(distinct) > len(y) / 2:
        return f"{rule}: {values} look like a regression target\n  {_NO_REGRESSION}"
    return f"{rule}: {values}\n  if they are classes, {_ENCODE}\n  if they are amounts, {_NO_REGRESSION}"


def _words(y: Array) -> str:
    classes = np.unique(y)
    shown = ", ".join(_text(one) for one in classes[:3]) + (", …" if len(classes) > 3 else "")
    what = f"{number_of(len(classes), 'word')} ({shown})"
    if all(_text(one).strip("'").lstrip("+-").isdigit() for one in classes):
        return f"numbers as text ({shown})\n  save the labels with .astype(numpy.int32)"
    if len(classes) > max(_MANY, len(y) / 2):
        return (
            f"{what}, nearly one per example, are not classes\n  save the class of each example, not its name or text"
        )
    return f"{what} are names of classes\n  {_ENCODE}"


def _text(word: object) -> str:
    return repr(word.decode(errors="replace") if isinstance(word, bytes) else str(word))[:30]


def _renumbered(y: Array) -> str:
    """The way out for whole numbers that do not count the classes from 0."""
    classes = np.unique(y)
    if np.array_equal(classes, np.arange(len(classes)) + 1):
        return "the classes are counted from 1: subtract 1 from y_train and from y_test"
    if np.array_equal(classes, (-1, 1)):
        return "the classes are -1 and 1: save (y_train > 0).astype(numpy.int32), and y_test likewise"
    if len(classes) > max(_MANY, len(y) / 2):
        return f"{len(classes):,} different values look like amounts, not classes: {_NO_REGRESSION}"
    return _ENCODE
