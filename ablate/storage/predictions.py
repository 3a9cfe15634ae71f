"""Write and read test_predictions.npz: the labels of the test set, and the class that each trial predicts.

Three arrays without pickles, for any reader of numpy files: `labels` (n,), `trials` (t,), `predicted` (t, n).
"""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ablate.errors import DataError
from ablate.storage.files.atomic import write_aside
from ablate.text import printable

ClassNumbers: TypeAlias = np.ndarray[Any, Any]  # (n,) of whole numbers
Correctness: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]  # (n,)
_ARRAYS = ("labels", "trials", "predicted")
_MOST_BYTES = 2**31  # of the unpacked arrays


@dataclass(frozen=True, slots=True)
class KeptPredictions:
    """The predictions of a study's trials for the examples of its test set."""

    labels: ClassNumbers
    classes: Mapping[str, ClassNumbers]  # by trial

    def correct(self, trial: str) -> Correctness | None:
        """Whether the trial classifies each example correctly; None if its predictions were not kept."""
        found = self.classes.get(trial)
        return None if found is None else found == self.labels


def write_predictions(predictions: KeptPredictions, path: Path) -> None:
    """Write the file as a whole or not at all; the same predictions give the same bytes."""
    predicted = np.stack(list(predictions.classes.values()))
    dtype = np.min_scalar_type(max(predictions.labels.max(initial=0), predicted.max(initial=0)))
    content = io.BytesIO()
    np.savez_compressed(
        content,
        labels=predictions.labels.astype(dtype),
        trials=np.array(list(predictions.classes), dtype=np.str_),
        predicted=predicted.astype(dtype),
    )
    write_aside(path, content.getvalue())


def read_predictions(path: Path) -> KeptPredictions | None:
    """What `write_predictions` wrote; None without the file. Raises `DataError` if it is not of that form."""
    if not path.exists():
        return None
    try:
        labels, trials, predicted = _load(path)
    except OSError as err:
        raise DataError(f"{path}: cannot be read: {err.strerror or err}") from err
    except Exception as err:  # a damaged file: zipfile, its decompressors and numpy raise a dozen kinds
        raise DataError(
            f"{path}: is damaged: {printable(str(err), 200)}\n  delete the file to leave its table out of the report"
        ) from err
    return KeptPredictions(labels, dict(zip(trials.tolist(), predicted, strict=True)))


def _load(path: Path) -> tuple[ClassNumbers, ClassNumbers, ClassNumbers]:
    with zipfile.ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > _MOST_BYTES:
            raise ValueError(f"it has more than {_MOST_BYTES:,} bytes")
    with np.load(path, allow_pickle=False) as file:
        labels, trials, predicted = (file[name] for name in _ARRAYS)
    shapes = labels.shape, trials.shape, predicted.shape
    if labels.ndim != 1 or trials.ndim != 1 or predicted.shape != (trials.size, labels.size) or not labels.size:
        raise ValueError(f"its arrays have the shapes {shapes}")
    if labels.dtype.kind != "u" or predicted.dtype.kind != "u" or trials.dtype.kind != "U":
        raise ValueError(f"its arrays have the types {labels.dtype}, {trials.dtype}, {predicted.dtype}")
    return labels, trials, predicted
