"""Register every preregistration of a results folder, so that a later one knows which of its comparisons came before.

An entry is a file in `folder`/preregistered. It stays if its study starts again with `--fresh` or is deleted.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import TypeAdapter

from ablate.errors import AblateError
from ablate.storage.facts import Facts
from ablate.storage.files.atomic import saving, write_once
from ablate.storage.files.kept import load_kept
from ablate.storage.preregistration import Declaration, Preregistration, canonical, read_preregistration
from ablate.storage.reads import is_read_under, setting
from ablate.study.rate import RATE

FOLDER = "preregistered"
LEAST_JUDGED = 6  # seeds: with fewer there is no test, so a preregistration can claim nothing
DeclaredCell: TypeAlias = Mapping[str, Any]  # Any: JSON


@dataclass(frozen=True, slots=True)
class Registered:
    """A preregistration of a study, as later ones see it."""

    key: str  # digest of what was declared and of all that decides the scores, not of the level
    digest: str  # digest of the preregistration, with its level
    at: str  # ISO time
    study: str
    level: float  # at which its comparisons are judged
    earlier: tuple[tuple[str, str], ...]  # study and time of those before it that share a comparison
    among: int  # comparisons from which its own were chosen after scores were read; 0: all of them
    seeds: int  # of each comparison, at most
    contrasts: tuple[str, ...]  # keys of the comparisons, without names and learning rates


@dataclass(frozen=True, slots=True)
class Register:
    """The preregistrations of all studies whose results are beside each other, in files of `folder`/preregistered."""

    folder: Path

    def same(self, declared: Declaration, facts: Facts) -> Registered | None:
        """The entry of an equal preregistration of an equal study: starting it again gives it no second level."""
        return load_kept(self._path(_key(declared, facts)), TypeAdapter(Registered))

    def earlier(self, declared: Declaration, facts: Facts) -> list[Registered]:
        """The other entries that share a comparison with `declared` and may have claimed something, the oldest first.

        One whose test scores nobody read does not count, unless its study still stands and may go on.
        """
        key, contrasts = _key(declared, facts), set(contrast_keys(declared, facts))
        others = [entry for entry in self.entries() if entry.key != key and contrasts & set(entry.contrasts)]
        counted = [entry for entry in others if entry.seeds >= LEAST_JUDGED and self._is_used(entry)]
        return sorted(counted, key=lambda entry: entry.at)

    def add(self, frozen: Preregistration, facts: Facts) -> None:
        """Enter a preregistration, if it is new. Raises `StorageError` if the disk does not take it."""
        entry = _entry(frozen, facts)
        path = self._path(entry.key)
        with saving(path, "the register of preregistrations"):
            write_once(path, json.dumps(asdict(entry), indent=1, ensure_ascii=False) + "\n")

    def entries(self) -> Iterator[Registered]:
        """All entries; a file that is no entry is skipped."""
        for path in sorted((self.folder / FOLDER).glob("*.json")):
            if (entry := load_kept(path, TypeAdapter(Registered))) is not None:
                yield entry

    def _path(self, key: str) -> Path:
        return self.folder / FOLDER / f"{key}.json"

    def _is_used(self, entry: Registered) -> bool:
        if is_read_under(self.folder, entry.digest):
            return True
        try:
            there = read_preregistration(self.folder.parent / entry.study)
        except AblateError:  # spoilt: its study cannot go on
            return False
        return there is not None and there.digest == entry.digest


def contrast_keys(declared: Declaration, facts: Facts) -> tuple[str, ...]:
    """A key for each comparison: the data, the model, and the two configurations, in either direction.

    Learning rates count only where nothing else differs: the same comparison at another rate is the same question. So
    do training and splits not count. The cells of a factorial give each pair that differs in one factor.
    """
    named = {(cell["variant"], cell["design"]): cell for cell in declared.cells}
    pairs = [
        (cell, other)
        for cell in declared.cells
        if cell["against"] and (other := named.get((cell["against"], cell["design"]))) is not None
    ]
    crossed = [cell for cell in declared.cells if cell["design"] == "factorial"]
    pairs += [pair for pair in combinations(crossed, 2) if _n_changed(*pair) == 1]
    about = [facts.data.digest, facts.study.model.ingredients()]
    return tuple(sorted({_digest([about, *_sides(*pair)]) for pair in pairs}))


def _sides(cell: DeclaredCell, other: DeclaredCell) -> Sequence[str]:
    """Both configurations as text, sorted; with their learning rates if nothing else differs."""
    bare = [canonical(_bare(one)) for one in (cell, other)]
    full = [canonical([one["configuration"], one["rate_of"]]) for one in (cell, other)]
    return sorted(bare if bare[0] != bare[1] else full)


def _n_changed(cell: DeclaredCell, other: DeclaredCell) -> int:
    one, two = _bare(cell), _bare(other)
    return sum(one.get(name) != two.get(name) for name in {*one, *two})


def _bare(cell: DeclaredCell) -> dict[str, Any]:  # Any: JSON
    return {name: level for name, level in cell["configuration"].items() if name != RATE}


def _entry(frozen: Preregistration, facts: Facts) -> Registered:
    declared, rules = frozen.declared, frozen.declared.rules
    return Registered(
        key=_key(declared, facts),
        digest=frozen.digest,
        at=frozen.at,
        study=facts.label,
        level=frozen.level,
        earlier=frozen.earlier,
        among=frozen.among,
        seeds=int(rules["max_seeds"] or rules["seeds"]),
        contrasts=contrast_keys(declared, facts),
    )


def _key(declared: Declaration, facts: Facts) -> str:
    return _digest([declared.at_level().digest(), setting(facts)])


def _digest(value: object) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()
