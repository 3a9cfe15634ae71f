"""Register the preregistrations of studies on several data sets, once test scores were read under them.

An entry is a file in `folder`/preregistered_together. Each part of such a study is in the register of single studies
too, where an equal study of another whole is the same entry: that says nothing of the family that the whole judges.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import TypeAdapter

from ablate.storage.facts import Facts
from ablate.storage.files.atomic import saving, write_once
from ablate.storage.files.kept import load_kept
from ablate.storage.preregistration import Declaration, Preregistration, canonical
from ablate.storage.reads import setting
from ablate.study.rate import RATE
from ablate.study.settings import StudySettings

FOLDER = "preregistered_together"
_Compared: TypeAlias = dict[str, Any]  # Any: JSON


@dataclass(frozen=True, slots=True)
class RegisteredWhole:
    """A preregistration on several data sets, as later ones see it."""

    key: str  # digest of what was declared, and of the settings on each data set
    at: str  # ISO time
    study: str
    level: float  # at which its comparisons are judged
    earlier: tuple[tuple[str, str], ...]  # study and time of those before it that share a comparison
    compared: tuple[str, ...]  # keys of a factor's levels on a data set


@dataclass(frozen=True, slots=True)
class RegisterTogether:
    """The preregistrations on several data sets of all studies whose results are beside each other."""

    folder: Path

    def same(self, declared: Declaration, facts: Sequence[Facts]) -> RegisteredWhole | None:
        """The entry of an equal study on the same data sets: starting it again gives it no second level."""
        return load_kept(self._path(_key(declared, facts)), TypeAdapter(RegisteredWhole))

    def earlier(self, declared: Declaration, facts: Sequence[Facts]) -> list[RegisteredWhole]:
        """The other entries that compare a level of `facts` with the same reference on the same data; oldest first."""
        key, own = _key(declared, facts), set(_compared(facts))
        found = [entry for entry in self._entries() if entry.key != key and own & set(entry.compared)]
        return sorted(found, key=lambda entry: entry.at)

    def add(self, frozen: Preregistration, facts: Sequence[Facts], *, label: str) -> None:
        """Enter a preregistration, if it is new. Raises `StorageError` if the disk does not take it."""
        key = _key(frozen.declared, facts)
        entry = RegisteredWhole(key, frozen.at, label, frozen.level, frozen.earlier, _compared(facts))
        with saving(self._path(key), "the register of preregistrations"):
            write_once(self._path(key), json.dumps(asdict(entry), indent=1, ensure_ascii=False) + "\n")

    def _entries(self) -> Iterator[RegisteredWhole]:
        for path in sorted((self.folder / FOLDER).glob("*.json")):
            if (entry := load_kept(path, TypeAdapter(RegisteredWhole))) is not None:
                yield entry

    def _path(self, key: str) -> Path:
        return self.folder / FOLDER / f"{key}.json"


def _key(declared: Declaration, facts: Sequence[Facts]) -> str:
    return _digest([declared.at_level().digest(), [[setting(one), _configurations(one.study)] for one in facts]])


def _compared(facts: Sequence[Facts]) -> tuple[str, ...]:
    return tuple(sorted({
        _digest([one.data.digest, one.study.model.ingredients(), _reference(one.study), name, level])
        for one in facts
        for name, dimension in _configurations(one.study)["space"]["dimensions"].items()
        for level in dimension.get("options") or [dimension]
    }))  # fmt: skip


def _reference(study: StudySettings) -> object:
    """What all is compared with; learning rates do not count."""
    if study.ablation.reference == "best":
        return "best"
    return {name: level for name, level in study.baseline.items() if name != RATE}


def _configurations(study: StudySettings) -> _Compared:
    return study.model_dump(mode="json", include={"space", "baseline", "ablation", "search"})


def _digest(value: object) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()
