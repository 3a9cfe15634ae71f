"""What was recorded and what is asked for into what will be retrained: trials, workers, a tolerance."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ablate.conditions import Conditions, of_workers
from ablate.datasets import Dataset
from ablate.errors import AblateError
from ablate.folder.journal import Entry
from ablate.running.freeze import Freeze
from ablate.verifying.choosing import named, spread, trained
from ablate.verifying.conditions import changes, check_data, code_changes, places
from ablate.verifying.recorded import Recorded
from ablate.verifying.tables import table_changes

ROUNDING = 1e-3  # the tolerance where rounding may differ


@dataclass(frozen=True, slots=True)
class Asked:
    """Which trials are to be retrained, and how closely they are compared."""

    trials: int = 3  # so many, spread over the study
    names: tuple[str, ...] = ()  # or these
    every: bool = False  # or all
    tolerance: float | None = None  # None: 0 where all that decides rounding is as recorded, else `ROUNDING`
    workers: int | None = None  # None: as they were, as far as there are trials for them


@dataclass(frozen=True, slots=True)
class Prepared:
    """What will be retrained, and how."""

    recorded: Recorded
    data: Dataset
    entries: tuple[Entry, ...]  # to retrain; their specs read the test set only if its reading was frozen
    of: int  # trials that have a result of their own
    workers: int
    threads: int  # of each
    conditions: Conditions  # here
    changes: tuple[str, ...]  # what is not as recorded
    tolerance: float
    is_stated: bool  # the tolerance was asked for
    table: tuple[str, ...]  # what results.csv says otherwise than it was recorded


def prepare(recorded: Recorded, data: Dataset, asked: Asked) -> Prepared:
    """Choose the trials, and compare data, code and machine with what was recorded.

    Raises `AblateError` where there is nothing to retrain, the data are others, or, without a stated tolerance, the
    model's code is another.
    """
    there = trained(recorded.entries)
    if not there:
        raise AblateError(f"{recorded.folder.path}: no trial of this study has ended yet: nothing to verify")
    chosen = _chosen(recorded, there, asked)
    check_data(chosen, recorded.study, data)
    is_stated = asked.tolerance is not None
    workers, threads = places(recorded.facts, len(chosen), asked=asked.workers)
    conditions = of_workers(recorded.study, workers=workers, threads=threads)
    found = (
        *code_changes(recorded.code, recorded.study, goes_on=is_stated),
        *changes(recorded.conditions, conditions, stack=recorded.facts.get("stack")),
        *(f"while the study ran: {note}" for note in recorded.notes),
    )
    tolerance = asked.tolerance if asked.tolerance is not None else ROUNDING if found else 0.0
    entries = tuple(sealed(entry, recorded.frozen) for entry in chosen)
    table = table_changes(recorded.folder.results, recorded.entries)
    return Prepared(
        recorded, data, entries, len(there), workers, threads, conditions, found, tolerance, is_stated, table
    )


def sealed(entry: Entry, frozen: Freeze | None) -> Entry:
    """The entry, its spec kept from the test set unless the study's frozen list was what let it read that."""
    may_test = entry.spec.may_test() and frozen is not None and entry.spec.frozen == frozen.digest
    return entry if may_test else replace(entry, spec=replace(entry.spec, test=False, frozen=""))


def _chosen(recorded: Recorded, there: Sequence[Entry], asked: Asked) -> list[Entry]:
    if asked.names:
        return named(recorded.entries, asked.names)
    return list(there) if asked.every else spread(there, asked.trials)
