"""Write and read test_predictions.npz: the targets of the test set, and what each trial predicts.

Arrays without pickles, for any reader of numpy files: `trials` (t,), and by the kind of the targets

- classes: `labels` (n,), `predicted` (t, n), and where trials kept them `confidence` (t, n) of the predicted classes in
  steps of 1/65535, a row of zeros for a trial that kept none;
- tags: `labels` (n, k) of 0 and 1, `probabilities` (t, n, k) in such steps;
- numbers: `targets` (n, …), `numbers` (t, n, …);
- classes in many places of an example, as in masks: `confusion` (t, k, k), counts by true and predicted class.
"""

import io
import zipfile
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ablate.data.predictions import STEPS, PredictionKind, TestPredictions, class_labels, to_confusion
from ablate.errors import DataError
from ablate.storage.files.atomic import write_aside
from ablate.text import printable

ClassNumbers: TypeAlias = np.ndarray[Any, Any]  # (n,) of whole numbers
Amounts: TypeAlias = np.ndarray[Any, np.dtype[np.floating[Any]]]
Correctness: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]  # (n,)
# The arrays of each kind: of the targets, if there is one, and of the predictions, with the kinds of their numbers.
_ARRAYS: Mapping[PredictionKind, tuple[str, str, str]] = {
    "classes": ("labels", "predicted", "u"),
    "tags": ("labels", "probabilities", "u"),
    "numbers": ("targets", "numbers", "f"),
    "confusion": ("", "confusion", "iu"),
}
_MOST_BYTES = 2**31  # of the unpacked arrays


@dataclass(frozen=True, slots=True)
class KeptPredictions:
    """The predictions of a study's trials for the examples of its test set; only the mapping of its kind has entries.

    Confidences are in 0 … 1: of the predicted class (n,), or of each tag (n, k).
    """

    labels: ClassNumbers  # (n,) classes, (n, k) tags, (n, …) numbers; empty of kind "confusion"
    classes: Mapping[str, ClassNumbers] = field(default_factory=dict)  # by trial
    kind: PredictionKind = "classes"
    confidence: Mapping[str, Amounts] = field(default_factory=dict)
    numbers: Mapping[str, Amounts] = field(default_factory=dict)
    confusion: Mapping[str, ClassNumbers] = field(default_factory=dict)

    @property
    def trials(self) -> list[str]:
        """The trials that have predictions."""
        return list(self.classes or self.numbers or self.confusion or self.confidence)

    def counts(self, trial: str, *, n_classes: int) -> ClassNumbers:
        """Counts by true class (rows) and predicted class (columns) of a trial that has predicted classes."""
        return to_confusion(self.labels, self.classes[trial], n_classes=n_classes)

    def correct(self, trial: str) -> Correctness | None:
        """Whether the trial classifies each example correctly; None if its predictions were not kept."""
        found = self.classes.get(trial)
        return None if found is None else found == self.labels


def kept_predictions(targets: ClassNumbers, by_trial: Mapping[str, TestPredictions]) -> KeptPredictions | None:
    """The predictions of the trials that have the kind of the first; None without any."""
    if not by_trial:
        return None
    kind = next(iter(by_trial.values())).kind
    same = {trial: one for trial, one in by_trial.items() if one.kind == kind}
    classes = {trial: one.classes for trial, one in same.items() if one.classes is not None}
    labels = class_labels(targets) if kind == "classes" else targets
    return KeptPredictions(
        labels if kind != "confusion" else np.zeros(0, np.uint8),
        classes if kind == "classes" else {},
        kind,
        {trial: one.confidence for trial, one in same.items() if one.confidence is not None},
        {trial: one.numbers for trial, one in same.items() if one.numbers is not None},
        classes if kind == "confusion" else {},
    )


def write_predictions(predictions: KeptPredictions, path: Path) -> None:
    """Write the file as a whole or not at all; the same predictions give the same bytes."""
    content = io.BytesIO()
    arrays: dict[str, Any] = _arrays(predictions)  # Any: a keyword of numpy's own has another type
    np.savez_compressed(content, trials=np.array(predictions.trials, dtype=np.str_), **arrays)
    write_aside(path, content.getvalue())


def read_predictions(path: Path) -> KeptPredictions | None:
    """What `write_predictions` wrote; None without the file. Raises `DataError` if it is not of that form."""
    if not path.exists():
        return None
    try:
        return _load(path)
    except OSError as err:
        raise DataError(f"{path}: cannot be read: {err.strerror or err}") from err
    except Exception as err:  # a damaged file: zipfile, its decompressors and numpy raise a dozen kinds
        raise DataError(
            f"{path}: is damaged: {printable(str(err), 200)}\n  delete the file to leave its tables out of the report"
        ) from err


def _arrays(predictions: KeptPredictions) -> dict[str, ClassNumbers]:
    match predictions.kind:
        case "classes":
            predicted = np.stack(list(predictions.classes.values()))
            dtype = np.min_scalar_type(max(predictions.labels.max(initial=0), predicted.max(initial=0)))
            found = {"labels": predictions.labels.astype(dtype), "predicted": predicted.astype(dtype)}
            unknown = np.zeros(len(predictions.labels))
            rows = [_in_steps(predictions.confidence.get(trial, unknown)) for trial in predictions.trials]
            return found | ({"confidence": np.stack(rows)} if predictions.confidence else {})
        case "tags":
            rows = [_in_steps(one) for one in predictions.confidence.values()]
            return {"labels": predictions.labels.astype(np.uint8), "probabilities": np.stack(rows)}
        case "numbers":
            numbers = np.stack(list(predictions.numbers.values())).astype(np.float32)
            return {"targets": predictions.labels.astype(np.float32), "numbers": numbers}
        case _:
            return {"confusion": np.stack(list(predictions.confusion.values())).astype(np.int64)}


def _in_steps(fractions: Amounts) -> ClassNumbers:
    return np.round(fractions * STEPS).astype(np.uint16)


def _load(path: Path) -> KeptPredictions:
    with zipfile.ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > _MOST_BYTES:
            raise ValueError(f"it has more than {_MOST_BYTES:,} bytes")
    with np.load(path, allow_pickle=False) as file:
        kind = _kind_of(file)
        of_targets, of_predictions, _ = _ARRAYS[kind]
        trials, predicted = file["trials"], file[of_predictions]
        labels = file[of_targets] if of_targets else np.zeros(0, np.uint8)
        confidence = file.get("confidence")
    _check(labels, trials, predicted, kind)
    if confidence is not None and (confidence.shape != predicted.shape or confidence.dtype.kind != "u"):
        raise ValueError(f"its confidences have the shape {confidence.shape} and the type {confidence.dtype}")
    by_trial = dict(zip(trials.tolist(), predicted, strict=True))
    match kind:
        case "classes":
            rows = {} if confidence is None else dict(zip(trials.tolist(), confidence, strict=True))
            known = {trial: row / STEPS for trial, row in rows.items() if row.any()}
            return KeptPredictions(labels, by_trial, confidence=known)
        case "tags":
            fractions = {trial: row / STEPS for trial, row in by_trial.items()}
            return KeptPredictions(labels, kind=kind, confidence=fractions)
        case "numbers":
            return KeptPredictions(labels, kind=kind, numbers=by_trial)
        case _:
            return KeptPredictions(labels, kind=kind, confusion=by_trial)


def _kind_of(names: Container[str]) -> PredictionKind:
    return next((kind for kind, arrays in _ARRAYS.items() if arrays[1] in names), "classes")


def _check(labels: ClassNumbers, trials: ClassNumbers, predicted: ClassNumbers, kind: PredictionKind) -> None:
    """Raise `ValueError` unless shapes and types fit."""
    of_one = predicted.shape[1:2] * 2 if kind == "confusion" else labels.shape
    n_dim = {"classes": 1, "tags": 2}.get(kind, len(of_one))
    if trials.ndim != 1 or len(of_one) != n_dim or predicted.shape != (trials.size, *of_one) or 0 in (*of_one, n_dim):
        raise ValueError(f"its arrays have the shapes {labels.shape}, {trials.shape}, {predicted.shape}")
    types = _ARRAYS[kind][2]
    if labels.dtype.kind not in types or predicted.dtype.kind not in types or trials.dtype.kind != "U":
        raise ValueError(f"its arrays have the types {labels.dtype}, {trials.dtype}, {predicted.dtype}")
