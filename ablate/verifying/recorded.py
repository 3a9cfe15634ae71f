"""A study's folder into what was recorded there: the study, its trials, its machine, what was frozen."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ablate.datasets import is_path
from ablate.errors import AblateError, DataError, StudyError
from ablate.folder import StudyFolder
from ablate.freeze import Freeze, read_freeze
from ablate.journal import Entry, Journal
from ablate.study import Study, find_study, load_study
from ablate.verifying.conditions import Facts


@dataclass(frozen=True, slots=True)
class Recorded:
    """A study as its folder has it."""

    folder: StudyFolder
    study: Study  # resolved, with the folder of the user's own files as its base
    entries: Mapping[str, Entry]  # by trial
    facts: Facts  # provenance.json; {} where the study was killed before it wrote one
    frozen: Freeze | None

    @property
    def ways(self) -> Path:
        """Where it is kept how programs are made: beside the folders of all studies."""
        return self.folder.path.parent / ".cache" / "ways"


def read_recorded(path: Path, *, beside: Path | None) -> Recorded:
    """Read the folder at `path`. `beside` is where the study's own files lie; None: where the study of its name does.

    Raises `AblateError` where something is missing or broken.
    """
    folder = StudyFolder(path)
    study = load_study(folder.study_file, overrides=[], quick=False)
    return Recorded(
        folder=folder,
        study=study.model_copy(update={"base": _base(study, beside)}),
        entries=Journal(folder.journal).entries,
        facts=_read_facts(folder.provenance),
        frozen=read_freeze(path),
    )


def _base(study: Study, beside: Path | None) -> Path:
    if ":" not in study.model.name and not is_path(study.data.name):
        return study.base  # nothing of the user's is read
    if beside is not None:
        return beside.absolute()
    try:
        return find_study(study.name, folder=Path.cwd()).absolute().parent
    except StudyError as err:
        own = study.model.name if ":" in study.model.name else study.data.name
        raise AblateError(
            f"{study.name}: {own} lies beside the study file, and there is none of that name in ./studies\n"
            "  give the path of the study file instead of its name"
        ) from err


def _read_facts(path: Path) -> Facts:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as err:
        raise DataError(f"{path}: is no JSON: {err}\n  delete it: the machine then counts as not recorded") from err
    return facts if isinstance(facts, dict) else {}
