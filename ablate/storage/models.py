"""Name, read and list the trained models of a study: .keras files in its folder, each with a card that describes it.

A card is a file more in the archive that a .keras file is; Keras ignores it. Nothing here needs Keras.
"""

import hashlib
import json
import math
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from ablate.storage.journal import Entry
from ablate.study.settings import StudySettings
from ablate.study.trial import REFERENCE, Outcome, TrialSpec

FOLDER = "models"  # in the folder of a study
ENDING = ".keras"
CARD = "ablate.json"  # in the archive
_SAFE = re.compile(r"[a-z0-9][a-z0-9_.=+-]{0,99}")
_TEXTS = ("str", "string")  # dtypes
_MOST_BYTES = 2**24  # of a card


@dataclass(frozen=True, slots=True)
class ModelEnd:
    """An input or output of a model."""

    name: str  # "" if it is the only one
    shape: tuple[int | None, ...]  # of one example; None: any length
    dtype: str
    holds: str = ""  # of an output: "logits", "probabilities" or "numbers"
    levels: tuple[str, ...] = ()  # the texts of a column of a table


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a file of a model holds, and whose it is."""

    study: str
    trial: str
    metrics: Mapping[str, float]  # of the trial's outcome: validation at the best epoch, test if it was scored
    inputs: tuple[ModelEnd, ...]
    outputs: tuple[ModelEnd, ...]
    needs: tuple[str, ...] = ()  # the user's classes as "module.Name", and functions, that loading needs
    code: str = ""  # the user's file, beside the study file, if `needs` has any
    samples: int = 0  # passes with dropout that the recorded scores average; the model makes one without
    backend: str = "tensorflow"  # of Keras, on which it was trained; cards of older versions name none

    def to_text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    def predicts_on(self) -> str:
        """The backend on which the model predicts as it did when it was trained; only TensorFlow's reads texts."""
        return "tensorflow" if any(end.levels or end.dtype in _TEXTS for end in self.inputs) else self.backend

    def is_of(self, outcome: Outcome) -> bool:
        """Whether the model is the one whose scores were recorded."""
        return self.trial == outcome.trial and dict(self.metrics) == dict(outcome.metrics)


_CARD = TypeAdapter(ModelCard)


def model_path(folder: Path, trial: str) -> Path:
    """The file of a trial's model in the folder of its study, whether it exists or not."""
    plain = _SAFE.fullmatch(trial) is not None
    mark = "" if plain else "-" + hashlib.sha256(trial.encode(errors="surrogateescape")).hexdigest()[:8]
    stem = trial if plain else re.sub(r"[^\w.=+-]+", "_", trial, flags=re.ASCII).strip("._-")[:80] or "trial"
    return folder / FOLDER / f"{stem}{mark}{ENDING}"


def kept_models(folder: Path) -> dict[str, Path]:
    """The files of a study's models, by trial; files that are no models of this study's trials are left out."""
    cards = {path: read_card(path) for path in sorted((folder / FOLDER).glob(f"*{ENDING}"))}
    return {card.trial: path for path, card in cards.items() if card and path == model_path(folder, card.trial)}


def kept_model(folder: Path, entries: Mapping[str, Entry], trial: str) -> Path | None:
    """The file with the model of a trial, or of the equal trial whose result it reuses; None if there is none.

    A file whose scores are not those recorded is none.
    """
    entry = entries.get(trial)
    while entry is not None:
        path = model_path(folder, entry.spec.trial)
        card = read_card(path)
        if card is not None and card.is_of(entry.outcome):
            return path
        first = entry.outcome.same_as
        entry = entries.get(first) if first != entry.spec.trial else None
    return None


def read_card(path: Path) -> ModelCard | None:
    """The card of a model; None if the file is missing or damaged, or no card is in it."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(CARD).file_size > _MOST_BYTES:
                return None
            return _CARD.validate_json(archive.read(CARD))
    except (OSError, ValueError, KeyError, NotImplementedError, zipfile.BadZipFile):
        return None


def is_candidate(study: StudySettings, spec: TrialSpec) -> bool:
    """Whether [training] keep asks for the model of a trial, if it ends well.

    The "best" is the best of the search; without a search, the best run of the reference.
    """
    match study.training.keep:
        case "all":
            return True
        case "best" if study.search.trials:
            return spec.label.phase == "search"
        case "best":
            is_reference = spec.label.variant == REFERENCE or dict(spec.factors) == dict(study.baseline)
            return spec.label.phase == "ablation" and is_reference
    return False


def best_candidate(study: StudySettings, entries: Iterable[Entry]) -> Entry | None:
    """The finished trial with the highest score among those of the search; without a search, of the reference's runs.

    In case of a tie the first that was asked for: which ended first is chance.
    """
    asked = study.model_copy(update={"training": study.training.model_copy(update={"keep": "best"})})
    finished = [one for one in entries if one.outcome.state == "finished" and is_candidate(asked, one.spec)]
    return best_of(finished)


def best_of(finished: Iterable[Entry]) -> Entry | None:
    """The trial with the highest score; in case of a tie the first that was asked for."""
    asked = sorted(finished, key=lambda one: (one.spec.label.number or 0, one.spec.seed))
    return max(asked, key=lambda one: -math.inf if one.outcome.score is None else one.outcome.score, default=None)


def how_to_load(card: ModelCard, path: str) -> list[str]:
    """Lines of Python that load a model."""
    needs_tensorflow = card.predicts_on() != card.backend
    imported = f"import keras{'  # with KERAS_BACKEND=tensorflow, which alone reads texts' * needs_tensorflow}"
    if not card.needs:
        return [imported, f"model = keras.models.load_model({path!r})"]
    whole = [name if "." in name else f"{Path(card.code).stem}.{name}" for name in card.needs]
    parts = [name.rpartition(".") for name in whole]
    objects = ", ".join(f'"{name}": {name}' for _, _, name in parts)
    return [
        imported,
        *(f"from {module} import {name}" for module, _, name in parts),
        f"model = keras.models.load_model({path!r}, custom_objects={{{objects}}})",
    ]


def shown_ends(ends: Sequence[ModelEnd]) -> str:
    """Inputs or outputs in words: "age float32, city text (Oslo, Rome)"."""
    return ", ".join(_shown(end) for end in ends)


def _shown(end: ModelEnd) -> str:
    name = f"{end.name} " if end.name else ""
    if end.levels:
        return f"{name}text ({', '.join(level or repr(level) for level in end.levels)})"
    shape = f" {tuple(end.shape)}".replace("None", "any").replace(",)", ")") if end.shape not in ((), (1,)) else ""
    holds = f" of {end.holds}" if end.holds else ""
    return f"{name}{end.dtype}{shape}{holds}"
