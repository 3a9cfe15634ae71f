"""What a study recorded of its machine, and the machine at hand, into what is not the same: where rounding may differ.

A trial's numbers are the same to the bit with equal versions, device, threads and processors of a worker, and as one
trial in its program. What differs is said before anything trains, and decides how closely numbers are compared.
"""

from collections.abc import Mapping
from typing import Any

import ablate
from ablate import provenance, seeds
from ablate.datasets import Dataset, split_dataset
from ablate.errors import AblateError, DataError
from ablate.journal import Entry
from ablate.schedule.choice import count_workers
from ablate.source import code_digest, package_digest
from ablate.study import Study
from ablate.trial_cache import LIBRARIES

Facts = Mapping[str, Any]  # Any: JSON, as in provenance.json


def present(*, workers: int, threads: int) -> Facts:
    """What a provenance.json written now, on this machine, would hold of what decides rounding."""
    return {
        "ablate_version": ablate.__version__,
        "package_code": package_digest(),
        "versions": provenance.versions(),
        "hardware": provenance.hardware(),
        "workers": workers,
        "threads": threads,
        "stack": 1,
    }


def conditions(facts: Facts) -> dict[str, str]:
    """What decides rounding, in words, of a study's provenance; what is not recorded is left out."""
    versions, hardware = _table(facts.get("versions")), _table(facts.get("hardware"))
    gpus = ", ".join(map(str, hardware.get("gpus") or []))
    named = {
        "ablate": facts.get("ablate_version"),
        "ablate's code": str(facts.get("package_code") or "")[:12],
        **{name: versions.get(name) for name in LIBRARIES},
        "device": gpus or hardware.get("cpu"),
        "threads of a worker": _count(facts, "threads"),
        "processors of a worker": None if gpus else _processors(facts),
        # Without a number, stacks are as large as suits the device: 1 on a processor.
        "trials in a program": _count(facts, "stack") or ("several" if gpus else 1),
    }
    return {name: str(value) for name, value in named.items() if value}


def changes(recorded: Facts, now: Facts) -> tuple[str, ...]:
    """What is not as it was, a line each: "keras: 3.14.0 was recorded, here it is 3.15.0"."""
    if not recorded:
        return ("nothing was recorded of the machine: the study was ended before it could",)
    before, here = conditions(recorded), conditions(now)
    return tuple(
        f"{name}: {before[name]} was recorded, here it is {value}" if name in before else f"{name}: was not recorded"
        for name, value in here.items()
        if before.get(name) != value
    )


def places(recorded: Facts, n_trials: int, *, asked: int | None) -> tuple[int, int]:
    """How many workers, and how many threads each has: as many threads as were recorded.

    Where workers had processors of their own, they get such again; where they shared all of them, so many workers that
    they do again: XLA divides its loops by the processors that it sees.
    """
    cores, threads = provenance.usable_cores(), _count(recorded, "threads")
    usual = count_workers(cores, gpus=provenance.count_gpus(), memory=provenance.memory_bytes())
    if threads is None:
        workers = asked or usual
        return min(workers, n_trials), max(1, cores // workers)
    before = _count(recorded, "workers") or 1
    shared = before * threads > (_count(_table(recorded.get("hardware")), "cores") or cores)
    return asked or (before if shared else max(1, min(n_trials, cores // threads, usual))), threads


def check_data(entries: list[Entry], study: Study, data: Dataset) -> None:
    """Raise `DataError` where the data or their splits are not those on which the trials were trained."""
    first = {entry.spec.seed: entry for entry in reversed(entries) if entry.outcome.data}
    for seed, entry in first.items():
        settings = study.data
        here = split_dataset(
            data,
            n_train=settings.train,
            n_validation=settings.validation,
            scaling="none",  # no part of the fingerprint
            seed=seeds.stream(study.seed, seed, "split"),
        ).fingerprint
        if here != entry.outcome.data:
            raise DataError(
                f"{data.source}: not the data of the study: the split of {entry.spec.trial} has the fingerprint "
                f"{entry.outcome.data[:12]}…, here it is {here[:12]}…\n"
                "  --data-dir names the folder of the data that the study ran on"
            )


def code_changes(recorded: Facts, study: Study, *, goes_on: bool) -> tuple[str, ...]:
    """Whether the user's own model is still what it was, as `changes` says it.

    Raises `AblateError` where it is not, unless it `goes_on`: other code may be another network.
    """
    try:
        here = code_digest(study.model.name, base=study.base)
    except OSError as err:
        raise AblateError(f"model.name: {err.filename} cannot be read: {err.strerror}") from err
    before = str(_table(recorded.get("model")).get("code") or "")
    if here == before:
        return ()
    if not before:
        return (f"{study.model.name}: its code was not recorded",)
    change = f"{study.model.name}: {before[:12]}… was recorded as its digest, here it is {here[:12]}…"
    if not goes_on:
        raise AblateError(
            f"{change}\n  restore the file, or have its numbers compared all the same with --tolerance 0.01"
        )
    return (change,)


def _processors(facts: Facts) -> int | None:
    """How many processors a worker sees: as many as it has threads where there are enough for all workers."""
    workers, threads = _count(facts, "workers"), _count(facts, "threads")
    cores = _count(_table(facts.get("hardware")), "cores")
    if workers is None or threads is None or cores is None:
        return None
    return threads if workers * threads <= cores else cores


def _count(facts: Facts, name: str) -> int | None:
    value = facts.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _table(value: object) -> Facts:
    return value if isinstance(value, dict) else {}
