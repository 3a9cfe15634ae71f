"""Write the preregistration, once and before the test set is read: which comparisons are made and how they are judged.

Enforced: a trial is scored on the test set only if its spec carries the digest of the preregistration.
`GuardedTestSet`, around every plan, gives the digest only to specs of preregistered cells. A worker looks at the
spec, not at the plan (`TrialSpec.may_test`), and scores in one place (`Slots.test`). The scaling is fitted, the rate
found and the best epoch chosen without the test set.

A score that an earlier preregistration read stays read, whatever cache it comes from: `ablate.storage.reads` records
the first reading of each, and `ablate.storage.register` the preregistrations that share a comparison.

Not enforced: the test arrays lie in each worker's memory beside the training set, as one compiled evaluation serves
both, and in the data file, where anyone can read them. A digest guards against mistakes, not against intent.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ablate.errors import StudyError
from ablate.storage.files.atomic import saving, write_once
from ablate.storage.provenance import EarlierFacts, PreregistrationFacts
from ablate.storage.resume import differences
from ablate.study.settings import StudySettings
from ablate.study.trial import TrialSpec
from ablate.text import clauses

FROZEN = "frozen.json"
ALPHA = 0.05
_LATER = ("earlier", "among")  # rules of a preregistration that shares comparisons with earlier ones


@dataclass(frozen=True, slots=True)
class Declaration:
    """All cells that will be scored on the test set, and the rules by which they will be judged."""

    cells: tuple[Mapping[str, Any], ...]  # as `to_cell` makes them, without duplicates; Any: JSON
    rules: Mapping[
        str, Any
    ]  # metric, monitor, margin, alpha, seeds, max_seeds, looks, data; of a later one also _LATER

    def contrasts(self) -> tuple[Mapping[str, Any], ...]:
        """The cells that are compared with another cell, and those of a factorial, whose effects are averages."""
        return tuple(cell for cell in self.cells if cell["against"] or cell["design"] == "factorial")

    def at_level(
        self, alpha: float = ALPHA, earlier: Sequence[tuple[str, str]] = (), *, among: int = 0
    ) -> "Declaration":
        """The same comparisons, judged at the level `alpha` since `earlier` ones (study, time) shared some of them.

        `among`: so many comparisons were judged before on scores that this study reuses; 0: these, or none.
        """
        rules = {name: value for name, value in self.rules.items() if name not in _LATER} | {"alpha": alpha}
        rules |= {"earlier": [list(one) for one in earlier]} if earlier else {}
        return replace(self, rules=rules | ({"among": among} if among else {}))

    def digest(self) -> str:
        """SHA-256 of the canonical JSON, hexadecimal; the order of the cells does not count."""
        return hashlib.sha256(canonical([sorted(map(canonical, self.cells)), self.rules]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Preregistration:
    """A declaration and the time at which it was made."""

    digest: str
    at: str  # ISO time
    declared: Declaration

    @property
    def level(self) -> float:
        """The level at which the comparisons are judged."""
        return float(self.declared.rules.get("alpha", ALPHA))

    @property
    def earlier(self) -> tuple[tuple[str, str], ...]:
        """Study and time of earlier preregistrations that share a comparison with this one, the oldest first."""
        return tuple((str(study), str(at)) for study, at in self.declared.rules.get("earlier", ()))

    @property
    def among(self) -> int:
        """The comparisons from which these were chosen after scores were read; 0: all of them, or no score was read."""
        return int(self.declared.rules.get("among", 0))

    def to_text(self) -> str:
        """The content of frozen.json, the file of the preregistration."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    def facts(self) -> PreregistrationFacts:
        """The short form, for the provenance."""
        return PreregistrationFacts(
            self.digest,
            self.at,
            len(self.declared.contrasts()),
            len(self.declared.cells),
            level=self.level,
            earlier=[EarlierFacts(study, at) for study, at in self.earlier],
            among=self.among or None,
        )


def declare(
    specs: Iterable[TrialSpec],
    study: StudySettings,
    *,
    data: str,
    looks: Sequence[int] = (),
    alpha: float = ALPHA,
    monitor: str = "val_accuracy",
    margin: float | str | None = None,
) -> Declaration:
    """The cells of all confirmatory specs, of any seeds, that request the test set, and the rules of the study."""
    ablation = study.ablation
    rules = {
        "metric": monitor.replace("val_", "test_"),
        "monitor": monitor,
        "margin": ablation.margin if margin is None else margin,  # None: taken from the size of the test set
        "alpha": alpha,
        "seeds": ablation.seeds,
        "max_seeds": ablation.max_seeds if ablation.seeds == "auto" else None,
        "looks": list(looks),
        "data": data,
    }
    cells = {canonical(cell): cell for cell in (to_cell(spec) for spec in specs if spec.test)}
    return Declaration(tuple(cells.values()), rules)


def to_cell(spec: TrialSpec) -> dict[str, Any]:  # Any: JSON
    """A spec without its seed: the configuration, and the cell it is compared with."""
    label = spec.label
    return {
        "variant": label.variant,
        "against": label.against,
        "mode": label.mode,
        "design": label.design,
        "factor": label.factor,
        "level": label.level,
        "configuration": dict(spec.factors),
        "rate_of": None if spec.rate_factors is None else dict(spec.rate_factors),
    }


def freeze(folder: Path, declared: Declaration, *, at: str = "") -> Preregistration:
    """Write frozen.json into a study's folder; if an earlier run did so, return its preregistration.

    `at`: the time at which an equal study was preregistered; "": now.
    """
    path = folder / FROZEN
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    fresh = Preregistration(declared.digest(), at or now, declared)
    with saving(path, "the preregistration"):
        there = write_once(path, fresh.to_text())
    frozen = _read(path, there)
    if frozen.digest != fresh.digest:
        changes = [str(one) for one in differences(_by_name(frozen.declared), _by_name(declared))]
        raise StudyError(
            f"{path}: the comparisons were preregistered at {frozen.at} and differ now: {clauses(changes, 3)}\n"
            "  --fresh starts again and keeps the old folder under another name"
        )
    return frozen


def read_preregistration(folder: Path) -> Preregistration | None:
    """The preregistration of an earlier run of the study in `folder`, if there is one.

    Raises `StudyError` if the file was changed or cannot be read.
    """
    path = folder / FROZEN
    try:
        return _read(path, path.read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        return None
    except OSError as err:
        raise StudyError(f"{path}: cannot be read: {err.strerror}\n  make it readable") from err


def canonical(value: object) -> str:
    """The JSON of a value, such that equal values give equal texts."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _read(path: Path, text: str) -> Preregistration:
    """Read a preregistration. Raises `StudyError` if the text is not what `Preregistration.to_text` wrote."""
    try:
        data = json.loads(text)
        declared = Declaration(tuple(data["declared"]["cells"]), data["declared"]["rules"])
        frozen = Preregistration(data["digest"], data["at"], declared)
        whole = declared.digest() == frozen.digest and _has_rules(frozen)
    except (ValueError, KeyError, TypeError, RecursionError):
        whole = False
    if not whole:
        raise StudyError(
            f"{path}: was changed after it was written, so it no longer proves what was preregistered before "
            "the test set was read\n  --fresh starts again and keeps the old folder under another name"
        )
    return frozen


def _has_rules(frozen: Preregistration) -> bool:
    """Whether the level and its reasons can be read; raises `ValueError` or `TypeError` if they have other types."""
    return 0 < frozen.level <= 1 and frozen.among >= 0 and all(isinstance(at, str) for _, at in frozen.earlier)


def _by_name(declared: Declaration) -> dict[str, object]:
    names = ("variant", "mode", "design", "against")
    cells = {" ".join(str(cell[name]) for name in names if cell[name]): dict(cell) for cell in declared.cells}
    return {**declared.rules, "cells": cells}
