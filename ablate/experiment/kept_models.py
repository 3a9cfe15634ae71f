"""Decide which models of a study stay in its folder, and pass them on to the tracker."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, final

import numpy as np

from ablate.data import Dataset
from ablate.data.raw_columns import raw_examples
from ablate.data.trees import n_examples
from ablate.errors import AblateError
from ablate.storage.files.atomic import write_aside
from ablate.storage.folder import StudyFolder
from ablate.storage.journal import Entry, Journal
from ablate.storage.models import FOLDER, ModelCard, best_candidate, is_candidate, kept_model, model_path, read_card
from ablate.storage.provenance import read_provenance
from ablate.study.backend import BACKENDS, keras_on, trains_here
from ablate.study.load import load_study
from ablate.study.settings import StudySettings
from ablate.study.trial import Epoch, TrialSpec
from ablate.tracking import ModelFile

PROVENANCE = "provenance.json"
EXAMPLE = "example.json"  # in the folder of the models: some training examples, as a model takes them
_EXAMPLES = 2
_MOST_NUMBERS = 200_000  # of all examples together


@final
class SupersededModels:
    """A listener that removes the models of trials that are no longer the best, if only the best is kept.

    It comes after the journal: what it removes, no resumed study can still need.
    """

    def __init__(self, study: StudySettings, journal: Journal, folder: Path) -> None:
        self._study, self._journal, self._folder = study, journal, folder
        self._best = best_candidate(study, journal.entries.values())

    def on_start(self, _: TrialSpec) -> None:
        """Do nothing."""

    def on_epoch(self, _: Epoch) -> None:
        """Do nothing."""

    def on_end(self, entry: Entry) -> None:
        """Remove the model of this trial, or of the best one before it."""
        if self._study.training.keep != "best" or not is_candidate(self._study, entry.spec):
            return
        before = self._best
        is_again = before is not None and before.spec.trial == entry.spec.trial  # another attempt, which may be worse
        rivals = self._journal.entries.values() if is_again else [one for one in (before, entry) if one]
        self._best = best_candidate(self._study, rivals)
        for loser in (before, entry):
            if loser and (self._best is None or loser.spec.trial != self._best.spec.trial):
                with suppress(OSError):  # a file too many does no harm
                    model_path(self._folder, loser.spec.trial).unlink(missing_ok=True)


def write_example(folder: Path, data: Dataset) -> None:
    """Keep some training examples beside the models, for their signatures; none if they are large."""
    rows = raw_examples(data, min(_EXAMPLES, n_examples(data.x_train)))
    if sum(array.size for array in rows.values()) <= _MOST_NUMBERS:
        text = json.dumps({name: array.tolist() for name, array in rows.items()}, default=str)
        write_aside(folder / FOLDER / EXAMPLE, text + "\n")


def read_example(folder: Path) -> Mapping[str, Any]:  # Any: JSON
    """What `write_example` wrote; {} without it."""
    try:
        found = json.loads((folder / FOLDER / EXAMPLE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def best_trial(study: StudySettings, entries: Mapping[str, Entry], folder: Path) -> Entry | None:
    """The best trial; of a search with several objectives the one that its rule chose. None without a finished one."""
    if study.search.objectives and (folder / PROVENANCE).is_file():
        front = read_provenance(folder / PROVENANCE).front
        chosen = entries.get(front.chosen or "") if front is not None else None
        if chosen is not None:
            return chosen
    return best_candidate(study, entries.values())


def best_model(study: StudySettings, entries: Mapping[str, Entry], folder: Path) -> tuple[Entry, Path] | None:
    """The best trial and the file of its model; None without a finished trial, or if its model was not kept."""
    best = best_trial(study, entries, folder)
    path = kept_model(folder, entries, best.spec.trial) if best else None
    return (best, path) if best and path else None


def find_best_model(folder: Path) -> Path:
    """The file of the best model that the study in `folder` kept. Raises `AblateError` if there is none."""
    path, found = StudyFolder(folder), None
    if path.study_file.is_file() and path.journal.is_file():
        study = load_study(path.study_file, overrides=[], quick=False)
        found = best_model(study, Journal(path.journal).entries, folder)
    if found is None:
        raise AblateError(f'{folder}: no model was kept\n  set training.keep = "best" and run the study')
    return found[1]


def load_best_model(folder: Path) -> Any:  # Any: a keras.Model
    """The best model that the study in `folder` kept. Raises `AblateError` if none was kept or it cannot be loaded."""
    path = find_best_model(folder)
    card = read_card(path)
    backend = next((name for name in BACKENDS if card and card.predicts_on() == name), None)
    with keras_on(backend if backend and trains_here(backend) else ""):
        from ablate.training.keeping import load_model  # starts Keras

        return load_model(path)


def logged_models(study: StudySettings, entries: Sequence[Entry], folder: Path) -> list[ModelFile]:
    """The models for the tracker: those that the study asks to keep, of trials with a run and a result of their own."""
    if study.training.keep == "none":
        return []
    by_trial = {entry.spec.trial: entry for entry in entries}
    if study.training.keep == "best":
        best = best_candidate(study, entries)
        entries = [best] if best else []
    example, found = read_example(folder), list[ModelFile]()
    for entry in entries:
        path = kept_model(folder, by_trial, entry.spec.trial)
        card = read_card(path) if path else None
        if path and card and entry.run_id:
            found.append(ModelFile(entry.run_id, path, card, fitting_example(example, card)))
    return found


def fitting_example(example: Mapping[str, Any], card: ModelCard) -> Mapping[str, Any]:  # Any: JSON
    """The examples if they have the inputs of a model, {} otherwise: the examples of a configuration may differ."""
    shapes = {end.name: end.shape for end in card.inputs}
    if set(example) != set(shapes):
        return {}
    is_same = all(np.shape(rows)[1:] == tuple(shapes[name]) for name, rows in example.items())
    return example if is_same else {}
