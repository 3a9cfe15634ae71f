"""A study's trials into those that are trained once more."""

import hashlib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from ablate.errors import AblateError
from ablate.folder.journal import Entry
from ablate.records import Phase

PHASES: tuple[Phase, ...] = ("ablation", "search", "tune")  # first what the conclusions rest on


def trained(entries: Mapping[str, Entry]) -> list[Entry]:
    """The trials that have a result of their own: none that was interrupted, none that took an equal one's result.

    A result of another study (same_as "STUDY/TRIAL") counts: its numbers stand in this table like any other's.
    """
    return [e for e in entries.values() if e.outcome.state != "killed" and e.outcome.same_as not in entries]


def spread(entries: Sequence[Entry], n: int) -> list[Entry]:
    """`n` trials, or all where there are fewer: always the same ones, and the first of those that a larger `n` takes.

    Phases take turns, and in a phase its variants. Which trial of a variant comes first, the digest of its name says:
    no result plays a part, and nobody's choice.
    """
    ordered = sorted(entries, key=_digest)
    by_phase = [_in_turns([e for e in ordered if e.spec.phase == phase]) for phase in PHASES]
    places = sorted((rank, turn) for turn, some in enumerate(by_phase) for rank in range(len(some)))
    return [by_phase[turn][rank] for rank, turn in places[:n]]


def named(entries: Mapping[str, Entry], names: Sequence[str]) -> list[Entry]:
    """The trials of these names, each once. Raises `AblateError` for one that is not there, or has no own result."""
    there = {entry.spec.trial: entry for entry in trained(entries)}
    for name in names:
        if name not in there:
            raise AblateError(f"--trial {name[:200]!r}: {_missing(name, entries, there)}")
    return [there[name] for name in dict.fromkeys(names)]


def _missing(name: str, entries: Mapping[str, Entry], there: Mapping[str, Entry]) -> str:
    """Why a trial cannot be retrained, and what can."""
    if name not in entries:
        nearest = get_close_matches(name[:200], there, n=3, cutoff=0.0)
        return f"no such trial\n  the nearest names: {', '.join(nearest)}"
    if entries[name].outcome.state == "killed":
        return "was interrupted, so that there is no result to compare with"
    first = entries[name].outcome.same_as
    return f"was not trained, but took the result of an equal one\n  verify that one: --trial {first}"


def _in_turns(entries: Sequence[Entry]) -> list[Entry]:
    """The first of each variant, then the second of each, and so on."""
    by_variant: dict[str, list[Entry]] = {}
    for entry in entries:
        by_variant.setdefault(entry.spec.variant, []).append(entry)
    ranks = range(max(map(len, by_variant.values()), default=0))
    return [some[rank] for rank in ranks for some in by_variant.values() if rank < len(some)]


def _digest(entry: Entry) -> str:
    return hashlib.sha256(entry.spec.trial.encode()).hexdigest()
