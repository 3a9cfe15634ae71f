"""A study's folder into what was recorded there: the study, its trials, its machine, what was frozen."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ablate.errors import AblateError, StudyError
from ablate.experiment.verify.conditions import recorded_conditions
from ablate.storage.conditions import Conditions
from ablate.storage.folder import StudyFolder
from ablate.storage.journal import Entry, Journal
from ablate.storage.preregistration import Freeze, read_freeze
from ablate.storage.provenance import Provenance, read_provenance
from ablate.storage.resume import read_basis
from ablate.study import Study, find_study, load_study
from ablate.study.names import is_path


@dataclass(frozen=True, slots=True)
class Recorded:
    """A study as its folder has it."""

    folder: StudyFolder
    study: Study  # resolved, with the folder of the user's own files as its base
    entries: Mapping[str, Entry]  # by trial
    facts: Provenance  # nothing in it where the study was killed
    conditions: Conditions  # of provenance.json and begun.json
    code: str  # digest of the user's model; "" for a model of this package, and where it is not known
    notes: tuple[str, ...]  # what changed while the study ran
    frozen: Freeze | None

    @property
    def ways(self) -> Path:
        """Where it is kept how programs are made: beside the folders of all studies."""
        return self.folder.path.parent / ".cache" / "ways"


def read_recorded(path: Path, *, beside: Path | None) -> Recorded:
    """Read the folder at `path`. `beside` has the study's own files; None: where the study of its name lies."""
    folder = StudyFolder(path)
    study = load_study(folder.study_file, overrides=[], quick=False)
    basis, facts = read_basis(folder.basis), read_provenance(folder.provenance)
    return Recorded(
        folder=folder,
        study=study.model_copy(update={"base": _base(study, beside)}),
        entries=Journal(folder.journal).entries,
        facts=facts,
        conditions=recorded_conditions(facts, basis),
        code=basis.conditions.model if basis else "",
        notes=basis.notes if basis else (),
        frozen=read_freeze(path),
    )


def _base(study: Study, beside: Path | None) -> Path:
    if not study.model.is_users and not is_path(study.data.name):
        return study.base  # nothing of the user's is read
    if beside is not None:
        return beside.absolute()
    try:
        return find_study(study.name, folder=Path.cwd()).absolute().parent
    except StudyError as err:
        own = study.model.name if study.model.is_users else study.data.name
        raise AblateError(
            f"{study.name}: {own} is next to the study file, but ./studies has no study of this name\n"
            "  give the path of the study file instead of its name"
        ) from err
