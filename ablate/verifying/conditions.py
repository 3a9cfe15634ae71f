"""What a study recorded of its machine, and the machine at hand, into what is not the same: where rounding may differ.

A trial's numbers are the same to the bit with equal versions, device, threads and processors of a worker, and as one
trial in its program. What differs is said before anything trains, and decides how closely numbers are compared.
"""

from collections.abc import Mapping
from typing import Any

from ablate import provenance, seeds
from ablate.datasets import Dataset, split_dataset
from ablate.errors import AblateError, DataError
from ablate.folder.claim import LIBRARIES
from ablate.folder.journal import Entry
from ablate.schedule.choice import count_workers
from ablate.source import code_digest, package_digest
from ablate.study import Study

Facts = Mapping[str, Any]  # Any: JSON, as in provenance.json


def present(*, workers: int, threads: int) -> Facts:
    """What a provenance.json written now, on this machine, would hold of what decides rounding."""
    return {
        "package_code": package_digest(),
        "versions": provenance.versions(),
        "hardware": provenance.hardware(),
        "workers": workers,
        "threads": threads,
        "stack": 1,
    }


def conditions(facts: Facts) -> dict[str, str]:
    """What decides rounding, in words, of a study's provenance; what is not recorded is left out."""
    versions, hardware = facts.get("versions") or {}, facts.get("hardware") or {}
    gpus = ", ".join(hardware.get("gpus") or [])
    named = {
        "ablate's code": (facts.get("package_code") or "")[:12],
        **{name: versions.get(name) for name in LIBRARIES},
        "device": gpus or hardware.get("cpu"),
        "threads of a worker": facts.get("threads"),
        "processors of a worker": None if gpus else _processors(facts),
        # Without a number, stacks are as large as suits the device: 1 on a processor.
        "trials in a program": facts.get("stack") or ("several" if gpus else 1),
    }
    return {name: str(value) for name, value in named.items() if value}


def changes(recorded: Facts, now: Facts) -> tuple[str, ...]:
    """What is not as it was, a line each: "keras: 3.14.0 was recorded, here it is 3.15.0"."""
    before, here = conditions(recorded), conditions(now)
    unknown = [name for name in here if name not in before]
    other = [name for name in here if name in before and before[name] != here[name]]
    lines = [f"{name}: {before[name]} was recorded, here it is {here[name]}" for name in other]
    return (*lines, *([f"not recorded: {', '.join(unknown)}"] if unknown else []))


def places(recorded: Facts, n_trials: int, *, asked: int | None) -> tuple[int, int]:
    """How many workers, and how many threads each has: as many threads as were recorded.

    Where workers had processors of their own, they get such again; where they shared all of them, so many workers that
    they do again: XLA divides its loops by the processors that it sees.
    """
    cores, threads = provenance.usable_cores(), recorded.get("threads") or 0
    usual = count_workers(cores, gpus=provenance.count_gpus(), memory=provenance.memory_bytes())
    if not threads:
        workers = asked or usual
        return min(workers, n_trials), max(1, cores // workers)
    before = recorded.get("workers") or 1
    shared = before * threads > ((recorded.get("hardware") or {}).get("cores") or cores)
    return asked or (before if shared else max(1, min(n_trials, cores // threads, usual))), threads


def check_data(entries: list[Entry], study: Study, data: Dataset) -> None:
    """Raise `DataError` where the data or their splits are not those on which the trials were trained."""
    first = {entry.spec.seed: entry for entry in reversed(entries) if entry.outcome.data}
    for seed, entry in first.items():
        here = split_dataset(
            data,
            n_train=study.data.train,
            n_validation=study.data.validation,
            scaling="none",  # no part of the fingerprint
            seed=seeds.stream(study.seed, seed, "split"),
        ).fingerprint
        if here != entry.outcome.data:
            raise DataError(
                f"{data.source}: not the data of the study: the split of {entry.spec.trial} has the fingerprint "
                f"{entry.outcome.data[:12]}…, here it is {here[:12]}…\n"
                "  --data-dir names the folder of the data that the study ran on"
            )


def code_changes(before: str, study: Study, *, goes_on: bool) -> tuple[str, ...]:
    """Whether the user's own model is still what it was, by its digest `before`; as `changes` says it.

    Raises `AblateError` where it is not, unless it `goes_on`: other code may be another network.
    """
    try:
        here = code_digest(study.model.name, base=study.base)
    except OSError as err:
        raise AblateError(f"model.name: {err.filename} cannot be read: {err.strerror}") from err
    if here == before:
        return ()
    if not before:
        return (f"not recorded: the code of {study.model.name}",)
    change = f"{study.model.name}: {before[:12]}… was recorded as its digest, here it is {here[:12]}…"
    if not goes_on:
        raise AblateError(
            f"{change}\n  restore the file, or have its numbers compared all the same with --tolerance 0.01"
        )
    return (change,)


def _processors(facts: Facts) -> int | None:
    """How many processors a worker sees: as many as it has threads where there are enough for all workers."""
    workers, threads = facts.get("workers"), facts.get("threads")
    cores = (facts.get("hardware") or {}).get("cores")
    if not (workers and threads and cores):
        return None
    return int(threads if workers * threads <= cores else cores)
