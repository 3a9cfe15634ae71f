"""Say what is wrong with targets of any kind, and the way out."""

from collections.abc import Iterable

import numpy as np

from ablate.data.array import Array
from ablate.data.contents import Contents
from ablate.errors import DataError
from ablate.text import number_of

MANY = 20  # distinct values: fewer are usually classes
ENCODE = (
    "number the classes in the same way in both parts: classes = numpy.unique(numpy.concatenate([y_train, y_test])); "
    "y_train = numpy.searchsorted(classes, y_train); y_test = numpy.searchsorted(classes, y_test)"
)
_LARGEST = float(np.finfo(np.float32).max)
_AMOUNTS = 'if they are amounts, set [training] loss, e.g. "mse"; for a compiled model, save them as float32'
_CAST = "if they are classes, save them with .astype(numpy.int32)"
_TAKES = {
    "classes": "class numbers 0, 1, 2, …",
    "one-hot": "one-hot targets or probabilities, which add up to 1",
    "flags": "targets from 0 to 1",
    "overlap": "targets of 0 and 1",
    "margins": "targets of -1 and 1, or of 0 and 1",
}


def check_numbers(y: Array, name: str) -> None:
    """Raise `DataError` if the targets are words, dates, objects, or empty."""
    if y.dtype.kind not in "buif" or y.dtype.itemsize > 8:
        raise DataError(f"{name} must hold numbers, got {y.dtype}{_words(y) if y.dtype.kind in 'SU' else _ways(y)}")
    if 0 in y.shape:
        raise DataError(f"{name} must hold a target for each example, got shape {y.shape}\n  save it again")


def _ways(y: Array) -> str:
    return "\n  save times as numbers, e.g. days" if y.dtype.kind in "Mm" else f"\n  {ENCODE}"


def _words(y: Array) -> str:
    classes = np.unique(y)
    shown = ", ".join(_text(one) for one in classes[:3]) + (", …" if len(classes) > 3 else "")
    what = f"{number_of(len(classes), 'word')} ({shown})"
    if all(_text(one).strip("'").lstrip("+-").isdigit() for one in classes):
        return f": numbers as text ({shown})\n  save the labels with .astype(numpy.int32)"
    if len(classes) > max(MANY, len(y) / 2):
        return (
            f": {what}, nearly one per example, are not classes\n  save the class of each example, not its name or text"
        )
    return f": {what} are names of classes\n  {ENCODE}"


def _text(word: object) -> str:
    return repr(word.decode(errors="replace") if isinstance(word, bytes) else str(word))[:30]


def missing(y: Array, name: str, n: int) -> DataError:
    """For targets that are NaN or infinite."""
    return DataError(
        f"{name} must be finite, got {y.dtype} with {number_of(n, 'target')} missing (NaN or infinite)\n"
        "  remove these examples"
    )


def check_alike(name: str, y: Array, first: str, y_first: Array) -> None:
    """Raise `DataError` if the targets of two parts have different shapes or types."""
    if y.shape[1:] != y_first.shape[1:]:
        raise DataError(
            f"{first} and {name} must have equal shapes after the first axis, got {y_first.shape} and {y.shape}\n"
            "  give both parts the same targets"
        )


def whole_numbers(name: str, y: Array, contents: Contents, *, asks: bool) -> DataError:
    """For whole numbers that do not count classes from 0."""
    low, high = int(contents.low), int(contents.high)
    if low < 0:
        rule = f"{name} must count the classes from 0, got {low}"
    elif contents.n_distinct == high - low + 1 and low == 0:
        rule = f"{name} holds {contents.n_distinct:,} different whole numbers, which may be classes or amounts"
    else:
        return gap(name, y, high, _first_gap(contents), asks=asks)
    return DataError(f"{rule}\n  {_renumbered(contents, len(y), asks=asks)}")


def _first_gap(contents: Contents) -> int:
    distinct = contents.distinct
    places = np.flatnonzero(distinct != np.arange(len(distinct)))
    return int(places[0]) if places.size else len(distinct)


def gap(name: str, y: Array, last: int, first_missing: int, *, asks: bool) -> DataError:
    """For class numbers that leave one out."""
    distinct = np.unique(y)
    contents = Contents(float(distinct[0]), float(distinct[-1]), True, distinct, True, 0, False)
    return DataError(
        f"{name} must have every class from 0 to {last}, but class {first_missing} is missing\n"
        f"  {_renumbered(contents, len(y), asks=asks)}"
    )


def _renumbered(contents: Contents, n: int, *, asks: bool) -> str:
    """The way out for whole numbers that do not count the classes from 0."""
    or_amounts = f"\n  {_AMOUNTS}" if asks else ""
    if np.array_equal(contents.distinct, np.arange(contents.n_distinct) + 1):
        return f"the classes are counted from 1: subtract 1 from y_train and from y_test{or_amounts}"
    if np.array_equal(contents.distinct, (-1, 1)):
        binary = "the classes are -1 and 1: save (y_train > 0).astype(numpy.int32), and y_test likewise"
        return f'{binary}; or set [training] loss = "hinge"' if asks else binary
    if contents.n_distinct > max(MANY, n / 2) and asks:
        many = f'{contents.n_distinct:,} different values look like amounts: set [training] loss, e.g. "mse"'
        return (
            f'{many}\n  if they are classes that count from 0, set [training] loss = "sparse_categorical_crossentropy"'
        )
    return f"{ENCODE}{or_amounts}"


def whole_as_real(name: str, y: Array, contents: Contents) -> DataError:
    """For few whole numbers of a type for real ones."""
    return DataError(
        f"{name} holds {contents.n_distinct:,} different whole numbers of type {y.dtype}, which may be classes or "
        f"amounts\n  {_CAST}\n  {_AMOUNTS}"
    )


def probabilities(name: str, y: Array) -> DataError:
    """For rows that add up to 1."""
    return DataError(
        f"{name} has shape {y.shape}: these are probabilities of classes\n"
        '  to learn them, set [training] loss = "categorical_crossentropy"; to use the likeliest class, save their '
        "argmax(axis=1)"
    )


def several_whole_numbers(name: str, y: Array, contents: Contents) -> DataError:
    """For several whole numbers per example."""
    if contents.within(-1, 1):
        way_out = f'these are -1 and 1\n  save ({name} > 0).astype(numpy.int32); or set [training] loss = "hinge"'
    else:
        what = "whole numbers per example" if y.ndim > 2 else f"{y.shape[1]} whole numbers per example"
        way_out = (
            f"these are {what}, which may be classes or amounts\n  {_AMOUNTS}\n"
            '  if each is a class, set [training] loss = "sparse_categorical_crossentropy"'
        )
    return DataError(f"{name} has shape {y.shape}: {way_out}")


def other_loss(name: str, y: Array, contents: Contents, loss: str | None, family: str | None) -> DataError:
    """For targets that the loss cannot take."""
    takes = _TAKES.get(family or "", "other targets")
    holds = "whole numbers" if contents.is_whole else "real numbers"
    several = f" of shape {y.shape}" if y.ndim > 1 else ""
    fitting = _fitting(y, contents)
    return DataError(
        f'training.loss: "{loss}" takes {takes}, but {name} holds {holds} from {contents.low:g} to '
        f"{contents.high:g}{several}\n  {fitting}"
    )


def _fitting(y: Array, contents: Contents) -> str:
    if y.ndim > 1 and contents.within(0, 1):
        fits = "binary_crossentropy" if contents.n_not_one_hot else "categorical_crossentropy"
    elif y.ndim > 1 and contents.are_probabilities:
        fits = "categorical_crossentropy"
    elif contents.is_whole:
        return 'set loss = "sparse_categorical_crossentropy" if they are classes, "mse" if they are amounts'
    else:
        fits = "mse"
    return f'set loss = "{fits}"'


def check_class_numbers(name: str, y: Array, contents: Contents, *, asks: bool) -> None:
    """Raise `DataError` if a part's class numbers are no whole numbers from 0 that 32 bits hold."""
    if not contents.is_whole:
        raise DataError(
            f"{name} must hold whole numbers as y_train does, got real ones from {contents.low:g} to {contents.high:g}"
            "\n  give both parts the same targets"
        )
    if contents.low < 0:
        raise whole_numbers(name, y, contents, asks=asks)
    if contents.high > np.iinfo(np.int32).max:
        raise DataError(
            f"{name} must count the classes from 0 without a gap, got {int(contents.high)}\n"
            f"  {_renumbered(contents, len(y), asks=asks)}"
        )


def check_places(name: str, contents: Contents, others: Iterable[tuple[str, Contents]]) -> None:
    """Raise `DataError` if the classes of pixels or steps do not count from 0, or are in other parts only."""
    for one, of in ((name, contents), *others):
        if not of.is_whole or of.low < 0:
            raise DataError(
                f"{one} must hold a class for each place, counted from 0, got {of.low:g} to {of.high:g}\n"
                "  number the classes from 0"
            )
    high = int(contents.high)
    if contents.low == contents.high:
        raise DataError(f"{name} must have at least 2 classes, got only class {high}\n  save it again")
    if contents.n_distinct <= high / 2:
        shown = ", ".join(f"{value:g}" for value in contents.distinct[:5]) + (", …" if contents.n_distinct > 5 else "")
        if contents.n_distinct == 2:
            way_out = f"save ({name} > {int(contents.low)}).astype(numpy.uint8), and the other parts likewise"
        elif contents.distinct[-2] < high / 2:
            way_out = (
                f"if {high} marks places without a class, give it the next free number; ablate leaves no place out"
            )
        else:
            way_out = "number the classes 0, 1, 2, … in the same way in all parts"
        raise DataError(
            f"{name} must count its classes from 0 without a gap, got {number_of(contents.n_distinct, 'number')} up to "
            f"{high} ({shown})\n  {way_out}"
        )
    for other, of in others:
        if of.high > high:
            raise DataError(
                f"{other} has class {int(of.high)}, {name} only 0 to {high}\n"
                "  put some of its examples into the training set, or remove them"
            )


def check_amounts(name: str, contents: Contents, loss: str) -> None:
    """Raise `DataError` if numbers are too large for float32, or outside of what the loss can take."""
    if max(abs(contents.low), abs(contents.high)) > _LARGEST:
        raise DataError(f"{name} must be finite in float32, got {contents.low:g} to {contents.high:g}\n  rescale it")
    if loss in ("poisson", "msle") and contents.low < 0:
        raise DataError(
            f'training.loss: "{loss}" takes numbers from 0 up, but {name} holds {contents.low:g}\n'
            '  set another loss, e.g. "mse"'
        )


def constant(name: str, contents: Contents) -> DataError:
    """For numbers that are all the same."""
    return DataError(f"{name} must hold different numbers, got only {contents.low:g}\n  there is nothing to learn")


def unlike(name: str, kind: str, first: str) -> DataError:
    """For a part that holds another kind of targets than the training part."""
    kinds = {"one-hot": "a 1 for one class of each example", "tags": "0 and 1"}
    return DataError(f"{name} must hold {kinds[kind]}, as {first} does\n  give both parts the same targets")


def one_class(name: str, number: int) -> DataError:
    """For training targets of a single class."""
    return DataError(
        f"{name} must have at least 2 classes, got only class {number}\n"
        "  if the examples were sorted by class before the split, shuffle them first"
    )


def only_tested(name: str, train: str, number: int, n: int, *, last: int) -> DataError:
    """For a class without training examples."""
    part = name.split("_")[1] if "_" in name else "other"
    return DataError(
        f"{name} has class {number}, {train} only 0 to {last}\n"
        f"  put some of its {number_of(n, f'{part} example')} into the training set, or remove them"
    )
