"""Get the model of a recorded trial: the file that was kept, or else the trial trained once more."""

import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import final

from ablate.data import Dataset
from ablate.errors import AblateError
from ablate.experiment.kept_models import best_trial
from ablate.experiment.verify import Prepared, VerifyOptions, prepare
from ablate.experiment.verify.comparing import compare
from ablate.experiment.verify.conditions import Recorded
from ablate.experiment.verify.retraining import copy_ways, train_again
from ablate.storage.files.atomic import made_aside
from ablate.storage.files.lock import scratch_folder
from ablate.storage.folder import StudyFolder
from ablate.storage.journal import Entry
from ablate.storage.models import ENDING, ModelCard, kept_model, model_path, read_card
from ablate.storage.verified import RetrainedTrial
from ablate.study.settings import StudySettings
from ablate.study.trial import Epoch, Outcome
from ablate.training.trial_folder import folder_of
from ablate.workers.scheduler import WorkerOptions

_OWN_FOLDER = {"train": "the function's argument folder", "command": "the program's folder, {folder}"}


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A model's file and card, and whose it is."""

    entry: Entry  # that has a result of its own
    path: Path
    card: ModelCard
    check: RetrainedTrial | None  # of a trial that was trained once more


def choose_entry(study: StudySettings, entries: Mapping[str, Entry], trial: str, *, folder: Path) -> Entry:
    """The trial of that name; "": the best of the search, or without a search the reference's best run.

    Of a search with several objectives it is the one that its rule chose, as recorded in `folder`.

    An equal trial stands for one that reuses its result. Raises `AblateError` if it is unknown or did not finish.
    """
    entry = _named(entries, trial) if trial else best_trial(study, entries, folder)
    if entry is None:
        of = "search" if study.search.trials else "reference"
        raise AblateError(f"{study.name}: no trial of the {of} has finished\n  name another trial with --trial")
    if entry.outcome.state != "finished":
        state = entry.outcome.state.replace("_", " ")
        raise AblateError(f"--trial {entry.spec.trial}: is {state}; only a finished trial has a model to export")
    while entry.outcome.same_as in entries:
        entry = entries[entry.outcome.same_as]
    return entry


def check_exportable(study: StudySettings, entry: Entry, folder: Path) -> None:
    """Raise `AblateError` where the user's function or program trained the trial: no model of it is known."""
    if not study.model.trains_itself:
        return
    trial, place = entry.spec.trial, _OWN_FOLDER[study.model.role]
    own = folder_of(StudyFolder(folder).trials, trial)
    found = f"; the files of this trial are in {own}" if own.is_dir() and any(own.iterdir()) else ""
    who = study.model.name if study.model.role == "train" else "the program"
    raise AblateError(
        f"{trial}: {who} trained it, so ablate has no model to export\n  save the model yourself in {place}{found}"
    )


def check_target(path: Path, *, force: bool) -> None:
    """Raise `AblateError` unless a model can be written to `path`."""
    if path.suffix != ENDING:
        raise AblateError(f"{path}: the name of a model ends in {ENDING}\n  give another name, as model{ENDING}")
    if not path.absolute().parent.is_dir():
        raise AblateError(f"{path}: there is no folder {path.parent}\n  make it first, or choose another")
    if path.is_dir() or (path.exists() and not force):
        raise AblateError(f"{path}: exists already\n  give another name, or replace it with --force")


@contextmanager
def model_of(
    recorded: Recorded,
    entry: Entry,
    *,
    data: Callable[[], Dataset],
    asked: VerifyOptions,
    stop: threading.Event,
    announce: Callable[[str], None],
) -> Iterator[ModelSource]:
    """The model of a trial inside the block. A trial whose model was not kept is trained once more.

    Raises `AblateError` if its numbers then differ from those recorded by more than `asked` allows.
    """
    kept = kept_model(recorded.folder.path, recorded.entries, entry.spec.trial)
    card = read_card(kept) if kept else None
    if kept and card:
        yield ModelSource(entry, kept, card, None)
        return
    announce(f"{entry.spec.trial}: its model was not kept, so the trial is trained once more")
    asked = replace(asked, names=(entry.spec.trial,))
    prepared = prepare(_keeping_all(recorded), data(), asked)
    for change in prepared.changes:
        announce(f"note: {change}")
    with scratch_folder() as scratch:
        yield _retrained(prepared, entry, scratch, stop=stop, announce=announce)


def copy_model(source: Path, path: Path) -> None:
    """Copy a model to `path`, as a whole or not at all. Raises `AblateError` if the disk does not take it."""
    try:
        with made_aside(path) as aside:
            shutil.copyfile(source, aside)
    except OSError as err:
        raise AblateError(f"{path}: cannot be written: {err.strerror or err}") from err


def _named(entries: Mapping[str, Entry], trial: str) -> Entry:
    if trial not in entries:
        nearest = get_close_matches(trial[:200], entries, n=3, cutoff=0.0)
        raise AblateError(f"--trial {trial[:200]!r}: no such trial\n  similar names: {', '.join(nearest) or 'none'}")
    return entries[trial]


def _keeping_all(recorded: Recorded) -> Recorded:
    training = recorded.study.training.model_copy(update={"keep": "all"})
    return replace(recorded, study=recorded.study.model_copy(update={"training": training}))


@final
class _RetrainedModel:
    """Keeps how the trial ended."""

    def __init__(self) -> None:
        self.outcome: Outcome | None = None
        self.epochs: Sequence[Epoch] = ()

    def take(self, _: Entry, outcome: Outcome, epochs: Sequence[Epoch]) -> None:
        self.outcome, self.epochs = outcome, epochs


def _retrained(
    prepared: Prepared, entry: Entry, scratch: Path, *, stop: threading.Event, announce: Callable[[str], None]
) -> ModelSource:
    ended, cache = _RetrainedModel(), copy_ways(prepared.recorded, scratch).parent
    options = WorkerOptions(1, prepared.threads, cache, stack=1, kept_in=scratch)
    train_again(prepared, ended.take, options, stop=stop, announce=announce)
    if ended.outcome is None:
        raise AblateError(f"{entry.spec.trial}: stopped before it ended; nothing was written")
    tested = prepared.entries[0].spec.may_test()
    check = compare(entry, ended.outcome, ended.epochs, tolerance=prepared.tolerance, tested=tested)
    if check.verdict == "differs":
        raise AblateError(
            f"{entry.spec.trial}: {_difference(check)}, so this is another model; nothing was written\n"
            "  export it where the study ran, or allow a difference with --tolerance 0.01"
        )
    path = model_path(scratch, entry.spec.trial)
    card = read_card(path)
    if card is None:
        said = "; ".join(note for note in ended.outcome.notes if "not kept" in note)
        raise AblateError(f"{entry.spec.trial}: {said or 'its model was not written'}")
    return ModelSource(entry, path, card, check)


def _difference(check: RetrainedTrial) -> str:
    before, after = check.state
    if before != after:
        return f"trained once more it is {after.replace('_', ' ')}" + (f" ({check.reason})" if check.reason else "")
    largest = check.largest
    what = f"{largest.what} is {largest.retrained} instead of {largest.recorded}" if largest else "its numbers differ"
    return f"trained once more, {what}"
