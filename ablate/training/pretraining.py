"""Pretrain networks on another task of the data set, and keep their weights for trials with the factor `transfer`.

Pretraining is an ordinary trial in a training context of its own: the same factors except `transfer`, rate and budget,
the same replicate's initial weights, a split of the other task's examples, early stopping and the best epoch's
weights. So they are a function of study, configuration and replicate, computed once per process, and saved as
an .npz file.
"""

import hashlib
import io
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import final

import numpy as np

from ablate.clock import Clock
from ablate.data import Dataset
from ablate.data.array import Array
from ablate.data.placement import UNKNOWN, Room
from ablate.errors import DataError
from ablate.storage.files.atomic import write_aside
from ablate.study.catalog import trained_before
from ablate.study.settings import StudySettings, Transfer
from ablate.study.trial import Factors, Label, TrialSpec
from ablate.training.engine.backend import contained
from ablate.training.engine.context import TrainingContext
from ablate.training.engine.head import PretrainedWeights
from ablate.training.engine.settings import scaling_of
from ablate.training.run_range_test import RateFinder
from ablate.training.slots import Slots
from ablate.training.train import begin
from ablate.training.trial_error import TrialError

MOST_HELD = 8  # networks in memory: levels and rates of a configuration in a replicate follow each other closely
_WEIGHTS, _FROZEN, _KEY = "weights", "frozen", "key"  # names of the arrays in a file


def find_origin(
    study: StudySettings,
    data: Dataset,
    *,
    cache: Path | None,
    room: Room = UNKNOWN,
    on_epoch: Callable[[], None] = lambda: None,
) -> "Pretrainer | None":
    """The source of pretrained weights for `data`; None if the study has no pretraining."""
    if study.transfer is None or data.pretraining is None:
        return None
    return Pretrainer(study, study.transfer, data.pretraining, cache=cache, room=room, on_epoch=on_epoch)


def source_study(study: StudySettings, transfer: Transfer) -> StudySettings:
    """The study of the pretraining: its classes, examples, epochs and rate, without pretraining of its own."""
    data, training = study.data, study.training
    return study.model_copy(
        update={
            "data": data.model_copy(update=transfer.model_dump(include={"classes", "train", "validation"})),
            "training": training.model_copy(update=transfer.model_dump(include={"epochs", "patience"})),
            "baseline": source_factors(study.baseline, transfer),
            "transfer": None,
        }
    )


def source_factors(factors: Factors, transfer: Transfer) -> Factors:
    """The configuration of the network that is pretrained for a configuration."""
    return {**trained_before(factors), "learning_rate": transfer.learning_rate}


@final
class Pretrainer:
    """Trains networks on the examples of `data`; `cache` is a folder for files that outlive a process, or None."""

    def __init__(
        self,
        study: StudySettings,
        transfer: Transfer,
        data: Dataset,
        *,
        cache: Path | None,
        room: Room,
        on_epoch: Callable[[], None],
    ) -> None:
        self._on_epoch, self._room = on_epoch, room
        self._transfer, self._study = transfer, source_study(study, transfer)
        self._data, self._cache = data, cache
        self._opened: tuple[TrainingContext, RateFinder] | None = None
        self._taken: dict[str, PretrainedWeights] = {}

    def check(self) -> None:
        """Raise `DataError` if there are too few examples for the requested sizes."""
        try:
            self._context.split(0, self._study.baseline)
        except DataError as err:
            said = str(err)
            for name in ("train", "validation"):
                said = said.replace(f"data.{name}", f"transfer.{name}")
            raise DataError(f"transfer: {said}") from err

    def taken(self, factors: Factors, replicate: int, clock: Clock) -> PretrainedWeights:
        """The pretrained weights of a configuration in a replicate, its time counted as "pretrain"."""
        source = source_factors(factors, self._transfer)
        with clock.on("pretrain"):
            while True:
                try:
                    return contained(lambda: self._find(source, replicate))
                except TrialError as broken:
                    self._context.shrink_batches(source, broken)

    def key(self, factors: Factors, *, replicate: int) -> str:
        """A digest of everything that decides the weights, except micro-batches."""
        study, source = self._study, source_factors(factors, self._transfer)
        depends_on = {
            "factors": sorted(source.items()),
            "model": study.model.ingredients(),
            "data": [self._context.split(replicate, source).fingerprint, scaling_of(study, source), replicate],
            "training": [study.training.deciding(), study.schedule.model_dump(), study.seed],
            "test": study.lr_test.model_dump(),
            "conditions": self._context.conditions.digest(),
        }
        return hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()[:32]

    @property
    def _context(self) -> TrainingContext:
        return self._open()[0]

    def _open(self) -> tuple[TrainingContext, RateFinder]:
        """Created when a trial first needs it: the examples take time and memory."""
        if self._opened is None:
            memory, tests = (self._cache / name if self._cache else None for name in ("ways", "lr_tests"))
            context = TrainingContext(self._study, self._data, stack=1, memory=memory, room=self._room)
            self._opened = context, RateFinder(context, cache=tests)
        return self._opened

    def _find(self, source: Factors, replicate: int) -> PretrainedWeights:
        parts = self._context.pieces(source).parts
        key = self.key(source, replicate=replicate) + (f"-{parts}-parts" if parts > 1 else "")
        if key not in self._taken:
            while len(self._taken) >= MOST_HELD:
                del self._taken[next(iter(self._taken))]
            self._taken[key] = self._load(key, parts=parts) or self._save(key, self._train(source, replicate))
        return self._taken[key]

    def _train(self, source: Factors, replicate: int) -> PretrainedWeights:
        context, finder = self._open()
        spec = TrialSpec("pretraining", Label("search"), replicate, source)
        slots = Slots(context, size=1)
        slots.put(begin(spec, context, finder, Clock()), 0)
        trial = slots.trials[0]
        while not trial.is_over():
            slots.run_epoch()
            self._on_epoch()
        if trial.best is None or trial.outcome.state != "finished":
            raise TrialError("failed", f"in pretraining: {trial.outcome.reason}", "")
        weights, frozen = ([np.asarray(tensor) for tensor in some] for some in trial.best[:2])
        return PretrainedWeights(weights, frozen, trial.start.parts)

    def _load(self, key: str, *, parts: int) -> PretrainedWeights | None:
        arrays = _read(self._path(key)) if self._cache else {}
        taken = PretrainedWeights(_numbered(arrays, _WEIGHTS), _numbered(arrays, _FROZEN), parts)
        return taken if _KEY in arrays and np.array_equal(arrays[_KEY], _label(key, taken)) else None

    def _save(self, key: str, taken: PretrainedWeights) -> PretrainedWeights:
        if self._cache:
            arrays = {_KEY: _label(key, taken)}
            for name, some in ((_WEIGHTS, taken.weights), (_FROZEN, taken.frozen)):
                arrays |= {f"{name}{number}": array for number, array in enumerate(some)}
            buffer = io.BytesIO()
            np.savez(buffer, allow_pickle=False, **arrays)
            with suppress(OSError):  # without the file there is more work later, but no wrong result
                write_aside(self._path(key), buffer.getvalue())
        return taken

    def _path(self, key: str) -> Path:
        assert self._cache is not None
        return self._cache / "pretrained" / f"{key}.npz"


def _read(path: Path) -> dict[str, Array]:
    """The arrays of a file; none if it is missing, damaged or invalid: there are a dozen kinds of errors."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except Exception:
        return {}


def _label(key: str, taken: PretrainedWeights) -> Array:
    return np.array([key, str(len(taken.weights)), str(len(taken.frozen))])


def _numbered(arrays: dict[str, Array], name: str) -> Sequence[Array]:
    found: list[Array] = []
    while (array := arrays.get(f"{name}{len(found)}")) is not None:
        found.append(array)
    return found
