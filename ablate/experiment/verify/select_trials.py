"""Select the trials to retrain, and set workers and tolerance from the recorded conditions."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from ablate.data import Dataset
from ablate.errors import AblateError
from ablate.experiment.verify.comparing import table_changes
from ablate.experiment.verify.conditions import Recorded, changes, check_data, code_changes, places
from ablate.storage.conditions import Conditions, of_workers
from ablate.storage.journal import Entry
from ablate.storage.preregistration import Preregistration
from ablate.storage.resume import SINCE_TRIALS
from ablate.study.trial import Phase

if TYPE_CHECKING:
    from ablate.workers.cluster.cluster import Cluster

ROUNDING = 1e-3  # the tolerance where rounding may differ
PHASES: tuple[Phase, ...] = ("ablation", "search", "tune")  # the phases behind the conclusions come first


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """Which trials to retrain, and how closely to compare them."""

    trials: int = 3  # number of trials, spread over the study
    names: tuple[str, ...] = ()  # or the trials of these names
    every: bool = False  # or all trials
    tolerance: float | None = None  # None: 0 if all conditions that affect rounding are as recorded, else `ROUNDING`
    workers: int | None = None  # None: as many as recorded, at most one per trial
    cluster: str | None = None  # "auto" or HOST:PORT; None: on this machine


@dataclass(frozen=True, slots=True)
class Prepared:
    """The trials to retrain, and the conditions."""

    recorded: Recorded
    data: Dataset
    entries: tuple[Entry, ...]  # to retrain; their specs read the test set only if that was preregistered
    of: int  # number of trials that have a result of their own
    workers: int
    threads: int  # per worker
    conditions: Conditions  # on this machine
    changes: tuple[str, ...]  # recorded conditions that differ here
    tolerance: float
    is_stated: bool  # whether the user set the tolerance
    table: tuple[str, ...]  # differences between results.csv and the record
    cluster: "Cluster | None" = None  # where to retrain; None: on this machine


def prepare(recorded: Recorded, data: Dataset, asked: VerifyOptions, *, cluster: "Cluster | None" = None) -> Prepared:
    """Choose the trials, and compare data, code and machine, or those of a cluster, with the record."""
    there = trained(recorded.entries)
    if not there:
        raise AblateError(f"{recorded.folder.path}: no trial of this study has ended yet: nothing to verify")
    chosen = _chosen(recorded, there, asked)
    check_data(chosen, recorded.study, data)
    is_stated = asked.tolerance is not None
    if cluster is None:
        workers, threads = places(recorded.facts, len(chosen), asked=asked.workers)
        conditions = of_workers(recorded.study, workers=workers, threads=threads)
    else:
        workers, threads, conditions = min(cluster.workers, len(chosen)), cluster.threads, cluster.conditions
    found = (
        *code_changes(recorded.code, recorded.study, goes_on=is_stated),
        *changes(recorded.conditions, conditions, stack=recorded.facts.stack),
        *map(change_on_resume, recorded.notes),
    )
    tolerance = asked.tolerance if asked.tolerance is not None else ROUNDING if found else 0.0
    entries = tuple(sealed(entry, recorded.frozen) for entry in chosen)
    table = table_changes(recorded.folder.results, recorded.entries)
    return Prepared(
        recorded, data, entries, len(there), workers, threads, conditions, found, tolerance, is_stated, table, cluster
    )


def change_on_resume(note: str) -> str:
    """A change that was accepted when the study was resumed, as seen after its end."""
    code = note.removesuffix(f" {SINCE_TRIALS}")
    if code == note:
        return f"when the study was resumed: {note}"
    return f"{code} changed before the study was complete, so its trials ran with different code"


def sealed(entry: Entry, frozen: Preregistration | None) -> Entry:
    """The entry; its spec may read the test set only if the study's preregistration allowed it."""
    may_test = entry.spec.may_test() and frozen is not None and entry.spec.frozen == frozen.digest
    return entry if may_test else replace(entry, spec=replace(entry.spec, test=False, frozen=""))


def _chosen(recorded: Recorded, there: Sequence[Entry], asked: VerifyOptions) -> list[Entry]:
    if asked.names:
        return named(recorded.entries, asked.names)
    return list(there) if asked.every else spread(there, asked.trials)


def trained(entries: Mapping[str, Entry]) -> list[Entry]:
    """The trials that have a result of their own: neither interrupted nor reusing the result of an identical trial.

    A result of another study (same_as "STUDY/TRIAL") counts: its numbers are in this table like any other's.
    """
    return [e for e in entries.values() if e.outcome.state != "killed" and e.outcome.same_as not in entries]


def spread(entries: Sequence[Entry], n: int) -> list[Entry]:
    """Choose `n` trials, or all if there are fewer: a fixed order, of which a larger `n` takes more.

    Phases take turns, and within a phase its variants. Within a variant, trials are ordered by the digest of their
    names, so neither results nor people influence the choice.
    """
    ordered = sorted(entries, key=lambda entry: hashlib.sha256(entry.spec.trial.encode()).hexdigest())
    by_phase = [_in_turns([e for e in ordered if e.spec.label.phase == phase]) for phase in PHASES]
    places = sorted((rank, turn) for turn, some in enumerate(by_phase) for rank in range(len(some)))
    return [by_phase[turn][rank] for rank, turn in places[:n]]


def named(entries: Mapping[str, Entry], names: Sequence[str]) -> list[Entry]:
    """The trials of these names, each once.

    Raises `AblateError` for an unknown trial, or one without its own result.
    """
    there = {entry.spec.trial: entry for entry in trained(entries)}
    for name in names:
        if name not in there:
            raise AblateError(f"--trial {name[:200]!r}: {_missing(name, entries, there)}")
    return [there[name] for name in dict.fromkeys(names)]


def _missing(name: str, entries: Mapping[str, Entry], there: Mapping[str, Entry]) -> str:
    if name not in entries:
        nearest = get_close_matches(name[:200], there, n=3, cutoff=0.0)
        return f"no such trial\n  similar names: {', '.join(nearest)}"
    if entries[name].outcome.state == "killed":
        return "was interrupted, so there is no result to compare with"
    first = entries[name].outcome.same_as
    return f"was not trained, because it reuses the result of an identical trial\n  verify that trial: --trial {first}"


def _in_turns(entries: Sequence[Entry]) -> list[Entry]:
    """The first trial of each variant, then the second of each, and so on."""
    by_variant: dict[str, list[Entry]] = {}
    for entry in entries:
        by_variant.setdefault(entry.spec.label.variant, []).append(entry)
    ranks = range(max(map(len, by_variant.values()), default=0))
    return [some[rank] for rank in ranks for some in by_variant.values() if rank < len(some)]
