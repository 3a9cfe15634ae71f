"""Pack a trial's predictions of the test set into a short text for its record, and unpack them.

Most predicted classes are right, and a right one needs only the label: 10,000 predictions of ten classes take about
1 kB of text at 95 % accuracy and 5 kB at 50 %, and 20 kB with their confidence.
"""

import base64
import binascii
import zlib
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias, get_args

import numpy as np

from ablate.data.array import Array

PredictionKind: TypeAlias = Literal["classes", "tags", "numbers", "confusion"]
MOST_EXAMPLES = 100_000  # test examples; of larger test sets no predicted classes are kept
MOST_BYTES = 2**16  # of a trial's confidences, probabilities, numbers or confusion matrix; of larger ones none is kept
STEPS = 2**16 - 1  # a fraction is kept as a whole number of these
_TYPES = {1: "<u1", 2: "<u2", 4: "<u4"}  # by bytes of a number
_OF_KIND, _PART = ":", "."  # in no base64 text


@dataclass(frozen=True, slots=True)
class TestPredictions:
    """What a trial predicts for the examples of the test set, in their order; only the arrays of its kind are there."""

    __test__: ClassVar[bool] = False  # its name begins like that of a class of tests

    kind: PredictionKind
    classes: Array | None = None  # (n,) of "classes"; of "confusion" (k, k) counts, a row per true class
    confidence: Array | None = None  # in 0 … 1: of the predicted class, (n,), or of "tags" each one's, (n, k)
    numbers: Array | None = None  # of "numbers", as the targets are shaped


def class_labels(targets: Array) -> Array:
    """The class of each example as a whole number, (n,), from such numbers or from one-hot rows."""
    return targets.argmax(axis=1) if targets.ndim == 2 and targets.shape[1] > 1 else targets.reshape(-1)


def to_confusion(labels: Array, predicted: Array, *, n_classes: int) -> Array:
    """Counts by true class (rows) and predicted class (columns), over all places of all examples."""
    pairs = labels.reshape(-1).astype(np.int64) * n_classes + predicted.reshape(-1)
    return np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes)


def pack(predictions: TestPredictions, targets: Array) -> str:
    """The predictions as text; `targets` are those of the test set.

    "" if they are too many, see `MOST_EXAMPLES` and `MOST_BYTES`. Confidences that are too many are left out alone.
    A class is kept as a number: 0 if it is right, otherwise the class + 1.
    """
    if predictions.kind == "classes":
        return _pack_classes(predictions, class_labels(targets))
    found = {"tags": predictions.confidence, "numbers": predictions.numbers, "confusion": predictions.classes}
    array = found[predictions.kind]
    kept = _content(array, predictions.kind) if array is not None else b""
    return f"{predictions.kind}{_OF_KIND}{_to_text(kept)}" if 0 < len(kept) <= MOST_BYTES else ""


def unpack(text: str, targets: Array) -> TestPredictions | None:
    """What `pack` made of the predictions; None if the text is not of a test set with these targets."""
    kind, between, rest = text.partition(_OF_KIND)
    try:
        if not between:  # as older versions wrote them
            return _unpack_classes(text, class_labels(targets))
        return _unpack(kind, rest, targets) if kind in get_args(PredictionKind) else None
    except (binascii.Error, zlib.error, ValueError):
        return None


def _pack_classes(predictions: TestPredictions, labels: Array) -> str:
    predicted, confidence = predictions.classes, predictions.confidence
    if predicted is None or len(labels) > MOST_EXAMPLES:
        return ""
    marks = np.where(predicted == labels, 0, predicted.astype(np.int64) + 1)
    dtype = next(dtype for dtype in _TYPES.values() if marks.max(initial=0) <= np.iinfo(dtype).max)
    text = _to_text(marks.astype(dtype).tobytes())
    content = _content(confidence, "classes") if confidence is not None else b""
    if not 0 < len(content) <= MOST_BYTES:
        return text
    return f"classes{_OF_KIND}{text}{_PART}{_to_text(content)}"


def _unpack_classes(text: str, labels: Array) -> TestPredictions | None:
    content = _from_text(text, most=4 * len(labels))
    size, rest = divmod(len(content), max(len(labels), 1))
    if rest or size not in _TYPES:
        return None
    marks = np.frombuffer(content, _TYPES[size]).astype(np.int64)
    return TestPredictions("classes", classes=np.where(marks == 0, labels.astype(np.int64), marks - 1))


def _unpack(kind: str, text: str, targets: Array) -> TestPredictions | None:
    match kind:
        case "classes":
            marks, _, more = text.partition(_PART)
            found, n = _unpack_classes(marks, class_labels(targets)), len(targets)
            fractions = np.frombuffer(_from_text(more, most=2 * n), "<u2").astype(np.float64) / STEPS
            if found is None or fractions.shape != (n,):
                return None
            return TestPredictions("classes", classes=found.classes, confidence=fractions)
        case "tags":
            fractions = np.frombuffer(_from_text(text, most=2 * targets.size), "<u2").astype(np.float64) / STEPS
            return TestPredictions("tags", confidence=fractions.reshape(targets.shape))
        case "numbers":
            numbers = np.frombuffer(_from_text(text, most=4 * targets.size), "<f4")
            return TestPredictions("numbers", numbers=numbers.reshape(targets.shape))
        case _:
            counts = np.frombuffer(_from_text(text, most=MOST_BYTES), "<i8")
            n_classes = int(np.sqrt(counts.size))
            return TestPredictions("confusion", classes=counts.reshape(n_classes, n_classes))


def _content(array: Array, kind: PredictionKind) -> bytes:
    match kind:
        case "numbers":
            array = array.astype("<f4")
        case "confusion":
            array = array.astype("<i8")
        case _:
            array = np.round(np.clip(np.nan_to_num(array), 0, 1) * STEPS).astype("<u2")
    return bytes(array.tobytes())


def _to_text(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 9)).decode()


def _from_text(text: str, *, most: int) -> bytes:
    return zlib.decompressobj().decompress(base64.b64decode(text, validate=True), most + 1)
