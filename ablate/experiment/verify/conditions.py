"""Read a recorded study, and compare its machine, data and code with the current ones: differences may change rounding.

Trials are reproducible to the bit with equal versions, device, threads and processors per worker, and stack size.
Differences are reported before training, and determine the tolerance.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ablate import system
from ablate.data import Dataset, split_dataset
from ablate.data.variants import is_made_for, open_variant
from ablate.errors import AblateError, DataError, StudyError
from ablate.storage.conditions import Conditions, changed, described, of_provenance, unknown
from ablate.storage.folder import StudyFolder
from ablate.storage.journal import Entry, Journal
from ablate.storage.preregistration import Preregistration, read_preregistration
from ablate.storage.provenance import Provenance, read_provenance
from ablate.storage.resume import StartingConditions, read_starting_conditions
from ablate.study.backend import BACKENDS, SETTING, VARIABLE, trains_here
from ablate.study.load import load_study
from ablate.study.names import find_study, is_path
from ablate.study.settings import StudySettings
from ablate.study.user_code import named_code, study_digest
from ablate.text import listed
from ablate.workers.queue import count_workers

STACK = "trials per program"


def recorded_conditions(facts: Provenance, basis: StartingConditions | None) -> Conditions:
    """The conditions in provenance.json and begun.json, if present; a study that was killed has only begun.json."""
    of_facts = of_provenance(facts)
    if basis is None:
        return of_facts
    begun = basis.conditions
    is_whole = begun.flags is not None  # else an older version wrote it: without device, threads and processors
    return begun if is_whole else replace(
        begun, device=of_facts.device, threads=of_facts.threads, processors=of_facts.processors
    )  # fmt: skip


def in_words(conditions: Conditions, *, stack: int | None) -> dict[str, str]:
    """Everything that affects rounding, by name; leaves out what was not recorded.

    `stack` is the trials per program.
    """
    return {**described(conditions), STACK: _stacked(conditions, stack)}


def changes(recorded: Conditions, now: Conditions, *, stack: int | None) -> tuple[str, ...]:
    """Changed conditions, one line each: "keras: 3.14.0 was recorded, here it is 3.15.0"."""
    there, here = _stacked(recorded, stack), _stacked(now, 1)
    other = [*changed(recorded, now), *([(STACK, there, here)] if there != here else [])]
    missing = unknown(recorded, now)
    lines = [f"{name}: {before} was recorded, but here it is {after}{_way(name)}" for name, before, after in other]
    return (*lines, *([f"not recorded: {', '.join(missing)}"] if missing else []))


def _way(name: str) -> str:
    """How to choose the recorded one, where the user can."""
    return f"; {VARIABLE} or {SETTING} of the study file chooses it" if name == "backend" else ""


def on_recorded_backend(study: StudySettings, conditions: Conditions, *, environ: Mapping[str, str]) -> StudySettings:
    """The study, trained on the recorded backend if it is installed; a backend that the user names comes first."""
    recorded = next((backend for backend in BACKENDS if backend == conditions.backend), None)
    is_named = study.training.backend != "auto" or bool(environ.get(VARIABLE))
    if study.model.trains_itself or is_named or recorded is None or not trains_here(recorded):
        return study
    return study.model_copy(update={"training": study.training.model_copy(update={"backend": recorded})})


def places(recorded: Provenance, n_trials: int, *, asked: int | None) -> tuple[int, int]:
    """Number of workers, and threads per worker: as many threads as were recorded.

    If workers had processors of their own, they get their own again. If they shared all processors, as many workers are
    started as before: XLA divides its loops by the processors that it sees.
    """
    cores, threads = system.usable_cores(), recorded.threads or 0
    usual = count_workers(cores, gpus=system.count_gpus(), memory=system.memory_bytes())
    if not threads:
        workers = asked or usual
        return min(workers, n_trials), max(1, cores // workers)
    before = recorded.workers or 1
    shared = before * threads > ((recorded.hardware and recorded.hardware.cores) or cores)
    return asked or (before if shared else max(1, min(n_trials, cores // threads, usual))), threads


def check_data(entries: list[Entry], study: StudySettings, data: Dataset) -> None:
    """Raise `DataError` if the data or their splits differ from those on which the trials were trained."""
    waiting = [entry for entry in entries if entry.outcome.data]
    while waiting:
        made = data
        if not is_made_for(made, waiting[0].spec.factors):
            made = open_variant(study, data, waiting[0].spec.factors)
        _check_splits([entry for entry in waiting if is_made_for(made, entry.spec.factors)], study, made)
        waiting = [entry for entry in waiting if not is_made_for(made, entry.spec.factors)]


def _check_splits(entries: list[Entry], study: StudySettings, data: Dataset) -> None:
    first = {entry.spec.seed: entry for entry in reversed(entries)}
    way_out = "give the folder of the study's data with --data-dir"
    if data.factors:
        way_out = "restore the files that the function reads, or begin again with --fresh"
    for seed, entry in first.items():
        here = split_dataset(
            data,
            study.data,
            seed=study.seed,
            replicate=seed,
            scaling="none",  # not part of the fingerprint
        ).fingerprint
        if here != entry.outcome.data:
            raise DataError(
                f"{data.source}: these are not the study's data: the split of {entry.spec.trial} has the fingerprint "
                f"{entry.outcome.data[:12]}…, but here it is {here[:12]}…\n"
                f"  {way_out}"
            )


def code_changes(before: str, study: StudySettings, *, goes_on: bool) -> tuple[str, ...]:
    """Whether the user's code has changed since the digest `before`; lines as from `changes`."""
    code = listed(named_code(study))
    try:
        here = study_digest(study)
    except OSError as err:
        raise AblateError(f"{code}: {err.filename} cannot be read: {err.strerror}") from err
    if here == before:
        return ()
    if not before:
        return (f"not recorded: the code of {code}",)
    change = f"{code or study.model.name}: the recorded digest is {before[:12]}…, but here it is {here[:12]}…"
    if not goes_on:
        raise AblateError(f"{change}\n  restore the file, or compare the numbers anyway with --tolerance 0.01")
    return (change,)


def _stacked(conditions: Conditions, stack: int | None) -> str:
    """If not set, the stack size depends on the device: 1 on a CPU."""
    return str(stack or ("several" if conditions.device.startswith("GPU") else 1))


@dataclass(frozen=True, slots=True)
class Recorded:
    """A study as read from its folder."""

    folder: StudyFolder
    study: StudySettings  # resolved, with the folder of the user's own files as its base
    entries: Mapping[str, Entry]  # by trial
    facts: Provenance  # empty if the study was killed
    conditions: Conditions  # of provenance.json and begun.json
    code: str  # digest of the user's model; "" for a bundled model, or if unknown
    notes: tuple[str, ...]  # what changed while the study ran
    frozen: Preregistration | None

    @property
    def ways(self) -> Path:
        """The folder of the compile policies, beside the folders of all studies."""
        return self.folder.path.parent / ".cache" / "ways"


def read_recorded(path: Path, *, beside: Path | None) -> Recorded:
    """Read the folder at `path`. `beside` holds the study's own files; None: search for the study by name."""
    folder = StudyFolder(path)
    study = load_study(folder.study_file, overrides=[], quick=False)
    basis, facts = read_starting_conditions(folder.basis), read_provenance(folder.provenance)
    if facts.handed_over:
        raise AblateError(
            f"{study.name}: a script held {listed(facts.handed_over)} in memory, so no file has it\n"
            "  move functions into a module and data into a file, and run the study from there"
        )
    conditions = recorded_conditions(facts, basis)
    study = on_recorded_backend(study, conditions, environ=os.environ)
    return Recorded(
        folder=folder,
        study=study.model_copy(update={"base": _base(study, beside, name=facts.part_of or study.name)}),
        entries=Journal(folder.journal).entries,
        facts=facts,
        conditions=conditions,
        code=basis.conditions.model if basis else "",
        notes=basis.notes if basis else (),
        frozen=read_preregistration(path),
    )


def _base(study: StudySettings, beside: Path | None, *, name: str) -> Path:
    """The folder of the user's own files: that of the study file `name`, which runs this study or it and others."""
    own = named_code(study)
    own += [study.data.name] if is_path(study.data.name) else []
    if not own:
        return study.base  # no file of the user is needed
    if beside is not None:
        return beside.absolute()
    try:
        return find_study(name, folder=Path.cwd()).absolute().parent
    except StudyError as err:
        raise AblateError(
            f"{study.name}: {own[0]} is next to the study file, but ./studies has no study {name}\n"
            "  give the path of the study file instead of its name"
        ) from err
