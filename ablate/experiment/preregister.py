"""Preregister the comparisons of a study at the level that earlier preregistrations of the same comparisons left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ablate.analysis.statistics import level_of
from ablate.storage.facts import Facts
from ablate.storage.journal import Entry
from ablate.storage.preregistration import Declaration, Preregistration, declare, freeze, read_preregistration
from ablate.storage.provenance import EarlierFacts, PreregistrationFacts
from ablate.storage.reads import count_reads
from ablate.storage.register import Register
from ablate.study.trial import TrialSpec


@dataclass(frozen=True, slots=True)
class SpentLevel:
    """The level at which comparisons are judged, and why."""

    level: float
    earlier: tuple[tuple[str, str], ...]  # study and time of those before it that share a comparison
    at: str = ""  # when an equal study was preregistered; "": never


def spent_level(declared: Declaration, facts: Facts, *, folder: Path, register: Register) -> SpentLevel:
    """The level of a declaration: that of its frozen.json or of an equal study, else what earlier ones left of 5 %."""
    if (there := read_preregistration(folder)) is not None:
        return SpentLevel(there.level, there.earlier, there.at)
    if (same := register.same(declared, facts)) is not None:
        return SpentLevel(same.level, same.earlier, same.at)
    earlier = tuple((entry.study, entry.at) for entry in register.earlier(declared, facts))
    return SpentLevel(level_of(len(earlier)), earlier)


def preregister(
    specs: Sequence[TrialSpec], facts: Facts, *, looks: Sequence[int], folder: Path, register: Register
) -> Preregistration:
    """Freeze the comparisons of `specs` into the study's folder and enter them in the register."""
    declared = declare(specs, facts.study, data=facts.fingerprint(), looks=looks)
    spent = spent_level(declared, facts, folder=folder, register=register)
    frozen = freeze(folder, declared.at_level(spent.level, spent.earlier), at=spent.at)
    register.add(frozen, facts)
    return frozen


def preregistration_facts(
    frozen: Preregistration, entries: Sequence[Entry], *, origins: Mapping[str, EarlierFacts]
) -> PreregistrationFacts:
    """The preregistration in short, with the test scores that had been read before it, by where they were read.

    `origins`: known preregistrations by their digest.
    """
    counts = count_reads(((entry.spec, entry.outcome) for entry in entries), frozen)
    before = [replace(origins.get(digest, EarlierFacts()), scores=n) for digest, n in counts.before.items()]
    return replace(
        frozen.facts(),
        unfrozen=sum(e.outcome.test_loss is not None and e.spec.frozen != frozen.digest for e in entries),
        scores=counts.scores,
        read_before=sorted(before, key=lambda one: (one.at is None, one.at or "")),
        undated=counts.unknown,
    )


def origins(register: Register) -> dict[str, EarlierFacts]:
    """Study and time of every registered preregistration, by its digest."""
    return {entry.digest: EarlierFacts(entry.study, entry.at) for entry in register.entries()}
