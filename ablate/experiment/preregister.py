"""Preregister the comparisons of a study at the level that earlier preregistrations of the same comparisons left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ablate.analysis.statistics import level_of
from ablate.report.wording import level_sentence
from ablate.storage.facts import Facts
from ablate.storage.journal import Entry
from ablate.storage.preregistration import Declaration, Preregistration, declare, freeze, read_preregistration
from ablate.storage.provenance import EarlierFacts, PreregistrationFacts
from ablate.storage.reads import ScoreReads, count_reads
from ablate.storage.register import Register, contrast_keys
from ablate.study.trial import TrialSpec


@dataclass(frozen=True, slots=True)
class SpentLevel:
    """The level at which comparisons are judged, and why."""

    level: float
    earlier: tuple[tuple[str, str], ...]  # study and time of those before it that share a comparison
    among: int = 0  # comparisons from which these were chosen after scores were read; 0: all of them
    at: str = ""  # when an equal study was preregistered; "": never

    def sentence(self) -> list[str]:
        """One line if the level is below 5 %, which says why."""
        earlier = [EarlierFacts(study, at) for study, at in self.earlier]
        return level_sentence(PreregistrationFacts(level=self.level, earlier=earlier, among=self.among or None))


def spent_level(declared: Declaration, specs: Sequence[TrialSpec], facts: Facts, *, cache: Path) -> SpentLevel:
    """The level of a new preregistration: that of an equal study, else what earlier ones left of 5 %.

    `specs` are its trials at the first look, `cache` the folder of the records that all studies share.
    """
    register = Register(cache)
    if (same := register.same(declared, facts)) is not None:
        return SpentLevel(same.level, same.earlier, same.among, same.at)
    entries = register.earlier(declared, facts)
    own, known = set(contrast_keys(declared, facts)), ScoreReads(cache, facts)
    judged = own.union(*(entry.contrasts for entry in entries))
    among = len(judged) if len(judged) > len(own) and any(map(known.is_known, specs)) else 0
    share = len(own) / among if among else 1.0
    return SpentLevel(
        level_of(len(entries), share=share), tuple((entry.study, entry.at) for entry in entries), among=among
    )


def preregister(
    specs: Sequence[TrialSpec], facts: Facts, *, looks: Sequence[int], folder: Path, cache: Path
) -> Preregistration:
    """Freeze the comparisons of `specs` into the study's folder and enter them in the register.

    A study that resumes keeps the level of its frozen.json. Raises `StudyError` if its comparisons differ.
    """
    declared = declare_facts(specs, facts, looks=looks)
    there = read_preregistration(folder)
    spent = (
        SpentLevel(there.level, there.earlier, there.among)
        if there is not None
        else spent_level(declared, specs, facts, cache=cache)
    )
    frozen = freeze(folder, declared.at_level(spent.level, spent.earlier, among=spent.among), at=spent.at)
    Register(cache).add(frozen, facts)
    return frozen


def declare_facts(specs: Sequence[TrialSpec], facts: Facts, *, looks: Sequence[int]) -> Declaration:
    """The comparisons that these confirmatory specs declare."""
    task = facts.task
    return declare(
        specs,
        facts.study,
        data=facts.fingerprint(),
        looks=looks,
        monitor=task.monitor.name,
        margin=task.margin if task.margin_share is None else f"{100 * task.margin_share:g}%",
    )


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
        unfrozen=sum(e.outcome.is_tested and e.spec.frozen != frozen.digest for e in entries),
        scores=counts.scores,
        read_before=sorted(before, key=lambda one: (one.at is None, one.at or "")),
        undated=counts.unknown,
    )


def origins(cache: Path) -> dict[str, EarlierFacts]:
    """Study and time of every registered preregistration, by its digest."""
    return {entry.digest: EarlierFacts(entry.study, entry.at) for entry in Register(cache).entries()}
