"""Find out what kind of targets an array holds, helped by the loss, and bring them into the form for that kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ablate.data import target_faults as faults
from ablate.data.array import Array
from ablate.data.contents import Contents, contents_of, n_missing
from ablate.data.large import converted, pieces
from ablate.errors import DataError
from ablate.study.losses import LossFamily, family_of, loss_name
from ablate.study.task import Target, TargetKind


@dataclass(frozen=True, slots=True)
class _Array:
    """A target array that is about to be read."""

    name: str
    y: Array  # without a last axis of length 1 if that leaves one number for each example
    contents: Contents
    loss: str | None
    asks: bool
    may_compile: bool
    input_shapes: Sequence[tuple[int, ...]]  # of one example

    @property
    def family(self) -> LossFamily | None:
        """What the loss takes; None without a loss if the user is to name one where it matters."""
        return family_of(self.loss) if self.loss is not None else None if self.asks else "own"

    @property
    def is_as_compiled(self) -> bool:
        """Whether the loss that the model is compiled with takes the numbers as they are."""
        return self.may_compile and (self.y.dtype.kind == "f" or self.contents.within(-1, 1))

    @property
    def is_column(self) -> bool:
        """Whether there is one number for each example."""
        return self.y.ndim == 1

    @property
    def has_one_1(self) -> bool:
        """Whether there is a 1 among zeros for each example, or in each place."""
        return self.y.ndim > 1 and self.y.shape[-1] > 1 and not self.contents.n_not_one_hot

    @property
    def is_mask(self) -> bool:
        """Whether there is a number for each pixel or step of an input."""
        shape = self.y.shape[1:-1] if self.y.shape[-1] == 1 else self.y.shape[1:]
        return self.y.ndim > 2 and any(shape in (there, there[:-1]) for there in self.input_shapes)


def to_targets(
    parts: Mapping[str, Array],
    *,
    input_shapes: Sequence[tuple[int, ...]],
    loss: str | None,
    source: str,
    asks: bool = True,
    may_compile: bool = False,
) -> tuple[Target, dict[str, Array]]:
    """What is to be predicted, and the arrays of all parts: int32 for classes, float32 otherwise.

    `parts` are arrays (n, …) by name, the training part first. One number per example, (n,) or (n, 1), becomes (n,);
    classes of pixels (n, h, w, 1) become (n, h, w). The kind of the targets is told from their type, shape and values,
    and where these fit several kinds, from the `loss` of the study. Raises `DataError` naming `source`, the array,
    what it holds and the way out, which is to name the loss where that settles it; unless it `asks`, the type does. Of
    a model that `may_compile` its own loss, real numbers and -1 and 1 are amounts, which that loss takes as they are.
    """
    try:
        shaped = {name: _shaped(y, name) for name, y in parts.items()}
        read = [_Array(name, y, contents_of(y), loss, asks, may_compile, input_shapes) for name, y in shaped.items()]
        read = _with_flags(read)
        for one in read[1:]:
            faults.check_alike(one.name, one.y, read[0].name, read[0].y)
        kind = _kind(read)
        target = _target(kind, read)
        _check(target, read)
        is_column = next(iter(parts.values())).ndim == 2 and (target.is_binary or kind == "numbers")
        target = replace(target, is_column=is_column and not target.shape)
        return target, {one.name: _as(one.y, target) for one in read}
    except DataError as err:
        raise DataError(f"{source}: {err}") from err


def _shaped(y: Array, name: str) -> Array:
    """`y` with one axis if it holds one number per example; refused if it holds no numbers."""
    faults.check_numbers(y, name)
    if n := n_missing(y):
        raise faults.missing(y, name, n)
    return y.reshape(-1) if y.ndim == 2 and y.shape[1] == 1 else y


def _with_flags(read: Sequence[_Array]) -> list[_Array]:
    """With 0 and 1 for the -1 and 1 of a hinge loss, and with an axis for the tags of masks if the loss needs one."""
    family, made = read[0].family, list(read)
    if family == "margins" and all(one.contents.within(-1, 1) for one in read):
        made = [_replaced(one, one.y > 0) for one in read]
    if family == "overlap" and read[0].is_mask and read[0].y.shape[-1] != 1:
        made = [_replaced(one, one.y[..., np.newaxis]) for one in read]
    return made


def _replaced(one: _Array, y: Array) -> _Array:
    return replace(one, y=y, contents=contents_of(y))


def _kind(read: Sequence[_Array]) -> TargetKind:
    kind = _kind_of_column(read[0]) if read[0].is_column else _kind_of_several(read[0])
    if kind == "one-hot" and read[0].family in (None, "own"):  # a few examples may have one tag each by chance
        flags = all(one.contents.within(0, 1) for one in read)
        return "one-hot" if all(one.has_one_1 for one in read) or not flags else "tags"
    return kind


def _kind_of_column(read: _Array) -> TargetKind:
    contents = read.contents
    match read.family:
        case "amounts":
            return "numbers"
        case "margins" | "flags" | "overlap" if contents.within(0, 1):
            return "classes"
        case "flags" if not contents.is_whole and contents.low >= 0 and contents.high <= 1:
            return "numbers"
        case "classes" if contents.is_whole:
            return "classes"
        case "own":
            counted = contents.is_whole and read.y.dtype.kind != "f" and _counts_from_0(contents)
            return "classes" if contents.within(0, 1) or (counted and not _is_many(read)) else "numbers"
        case None:
            return _guessed_of_column(read)
    raise faults.other_loss(read.name, read.y, contents, read.loss, read.family)


def _guessed_of_column(read: _Array) -> TargetKind:
    contents = read.contents
    if contents.within(0, 1):
        return "classes"
    if read.is_as_compiled:
        return "numbers"
    if contents.within(-1, 1):
        raise faults.whole_numbers(read.name, read.y, contents, asks=True)
    if read.y.dtype.kind != "f":
        if contents.low < 0 or not _counts_from_0(contents) or _is_many(read):
            raise faults.whole_numbers(read.name, read.y, contents, asks=True)
        return "classes"
    if contents.is_whole and (contents.n_distinct <= faults.MANY or (_is_without_gap(contents) and not _is_many(read))):
        raise faults.whole_as_real(read.name, read.y, contents)
    return "numbers"


def _kind_of_several(read: _Array) -> TargetKind:
    contents = read.contents
    flags = contents.within(0, 1)
    match read.family:
        case "amounts":
            return "one-hot" if read.has_one_1 and read.y.ndim == 2 else "numbers"
        case "overlap" if read.has_one_1 and not read.is_mask:
            return "one-hot"
        case "margins" | "overlap" if flags:
            return "tags"
        case "flags" if flags:
            return "classes" if read.is_mask or read.y.shape[-1] == 1 else "tags"
        case "flags" if contents.low >= 0 and contents.high <= 1:
            return "numbers"
        case "one-hot" if read.has_one_1 or contents.are_probabilities:
            return "one-hot"
        case "classes" if contents.is_whole and not (read.has_one_1 and read.y.ndim == 2):
            return "classes"
        case None | "own" if flags:
            return _guessed_of_flags(read)
        case "own":
            return "numbers"
        case None:
            return _guessed_of_several(read)
    raise faults.other_loss(read.name, read.y, contents, read.loss, read.family)


def _guessed_of_flags(read: _Array) -> TargetKind:
    if read.is_mask or read.y.shape[-1] == 1:
        return "classes"
    if read.has_one_1:
        return "one-hot"
    has_channels = any(read.y.shape[1:-1] in (shape, shape[:-1]) for shape in read.input_shapes)
    return "tags" if read.y.ndim == 2 or has_channels else "classes"


def _guessed_of_several(read: _Array) -> TargetKind:
    contents = read.contents
    if read.is_as_compiled:
        return "numbers"
    if contents.are_probabilities and read.y.ndim == 2 and not contents.is_whole:
        raise faults.probabilities(read.name, read.y)
    if read.y.dtype.kind == "f" and not (contents.is_whole and contents.n_distinct <= faults.MANY):
        return "numbers"
    is_dense = read.y.ndim > 2 and read.y.dtype.kind != "f" and contents.n_distinct <= faults.MANY
    if not is_dense:
        raise faults.several_whole_numbers(read.name, read.y, contents)
    return "classes"


def _counts_from_0(contents: Contents) -> bool:
    return contents.low == 0 and _is_without_gap(contents)


def _is_without_gap(contents: Contents) -> bool:
    return contents.is_counted and contents.n_distinct == contents.high - contents.low + 1


def _is_many(read: _Array) -> bool:
    return read.contents.n_distinct > max(faults.MANY, len(read.y) / 2)


def _target(kind: TargetKind, read: Sequence[_Array]) -> Target:
    y = read[0].y
    if kind == "classes":
        shape = y.shape[1:-1] if y.ndim > 2 and y.shape[-1] == 1 else y.shape[1:]
        return Target(kind, shape, n_classes=int(read[0].contents.high) + 1)
    return Target(kind, y.shape[1:], n_classes=0 if kind == "numbers" else y.shape[-1])


def _check(target: Target, read: Sequence[_Array]) -> None:
    train, *others = read
    if target.kind == "classes" and target.is_dense:
        faults.check_places(train.name, train.contents, [(one.name, one.contents) for one in others])
    elif target.kind == "classes":
        _check_classes(read)
    elif target.kind == "numbers":
        for one in read:
            faults.check_amounts(one.name, one.contents, loss_name(one.loss or ""))
        if train.contents.low == train.contents.high:
            raise faults.constant(train.name, train.contents)
    else:
        for one in read:
            fits = one.has_one_1 or one.contents.are_probabilities if target.kind == "one-hot" else None
            if fits is False or (fits is None and not one.contents.within(0, 1)):
                raise faults.unlike(one.name, target.kind, train.name)
        _check_columns(target, train, others)


def _check_classes(read: Sequence[_Array]) -> None:
    for one in read:
        faults.check_class_numbers(one.name, one.y, one.contents, asks=one.family is None)
    for one in read[1:] or read[:1]:
        count_classes(read[0].y, one.y, names=(read[0].name, one.name), settled=one.family is not None)


def _check_columns(target: Target, train: _Array, others: Sequence[_Array]) -> None:
    """Each one-hot class that is tested has a training example."""
    if target.kind != "one-hot":
        return
    trained = _set_columns(train.y)
    if np.count_nonzero(trained) < 2:
        raise faults.one_class(train.name, int(np.argmax(trained)))
    for one in others:
        strange = np.flatnonzero(_set_columns(one.y) & ~trained)
        if strange.size:
            n, last = int(np.count_nonzero(one.y[..., strange[0]])), int(np.flatnonzero(trained)[-1])
            raise faults.only_tested(one.name, train.name, int(strange[0]), n, last=last)


def _set_columns(y: Array) -> Array:
    is_set: Array = np.any([piece.reshape(-1, y.shape[-1]).any(axis=0) for piece in pieces(y)], axis=0)
    return is_set


def count_classes(train: Array, other: Array, *, names: tuple[str, str], settled: bool = False) -> int:
    """The number of classes; raises `DataError` if one of 0, 1, … is missing, or is in the other part only."""
    classes = np.unique(train)
    if len(classes) < 2:
        raise faults.one_class(names[0], int(classes[0]))
    gaps = np.flatnonzero(classes != np.arange(len(classes)))
    if gaps.size:
        raise faults.gap(names[0], train, int(classes[-1]), int(gaps[0]), asks=not settled)
    strange = np.setdiff1d(other, classes)
    if strange.size:
        n = int(np.count_nonzero(other == strange[0]))
        raise faults.only_tested(names[1], names[0], int(strange[0]), n, last=len(classes) - 1)
    return len(classes)


def _as(y: Array, target: Target) -> Array:
    shaped = y.reshape(len(y), *target.shape) if target.kind == "classes" else y
    return converted(shaped, np.int32 if target.kind == "classes" else np.float32)
