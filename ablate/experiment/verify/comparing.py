"""Compare a recorded trial with its retraining: list the differences, and judge them by a tolerance."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ablate.storage.journal import Entry
from ablate.storage.results import read_results
from ablate.storage.verified import Agreement, Difference, RetrainedTrial, Value
from ablate.study.trial import FAILED, SCORED, Epoch, Outcome, is_metric

NUMBERS = ("score", "predictive_sd", "learning_rate")  # besides the metrics
CURVE = "epochs of the curve"
# Compared for equality only: where rounding changes which epoch is best, the scores show how much that matters.
COUNTS = ("best_epoch", "epochs", "parameters", CURVE)
COLUMNS = ("state", *NUMBERS, "best_epoch", "epochs")
ROUNDED = 1e-12  # relative: rounding of a number that is read from text


class _Pair(NamedTuple):
    name: str
    what: str  # its name, with the epoch number for epoch metrics
    recorded: Value
    retrained: Value


def compare(
    entry: Entry, outcome: Outcome, epochs: Sequence[Epoch], *, tolerance: float, tested: bool
) -> RetrainedTrial:
    """Check one trial; its test scores are compared if `tested`.

    With a tolerance of 0 every number must be equal to the bit. With a larger one, the scores, losses and the rate of a
    scored trial must be within it, and a diverged trial must diverge again. For a trial that failed or ran out of
    memory, only the state is compared.
    """
    states, compared = (entry.outcome.state, outcome.state), dict[str, float | None]()
    unequal: list[tuple[str, Difference]] = []
    pairs = () if states[0] in FAILED else _pairs(entry, outcome, epochs, tested=tested)
    for pair in pairs:
        size = _size(pair)
        before = compared.get(pair.name, 0.0)
        compared[pair.name] = None if before is None or size is None else max(before, size)
        if size != 0:
            unequal.append((pair.name, Difference(pair.what, pair.recorded, pair.retrained, size)))
    return RetrainedTrial(
        trial=entry.spec.trial,
        verdict=_verdict(states, unequal, tolerance=tolerance),
        tolerance=tolerance,
        state=states,
        score=(entry.outcome.score, outcome.score),
        compared=compared,
        largest=max((difference for _, difference in unequal), key=_weight, default=None),
        reason=outcome.reason if len(set(states)) > 1 else "",
    )


def _pairs(entry: Entry, outcome: Outcome, epochs: Sequence[Epoch], *, tested: bool) -> Iterator[_Pair]:
    for name in (*NUMBERS, "best_epoch", "epochs", "parameters"):
        if tested or not name.startswith("test_"):
            yield _Pair(name, name, getattr(entry.outcome, name), getattr(outcome, name))
    for name in _names(entry.outcome.metrics, outcome.metrics):
        if tested or not name.startswith("test_"):
            yield _Pair(name, name, entry.outcome.metrics.get(name), outcome.metrics.get(name))
    yield _Pair(CURVE, CURVE, len(entry.epochs), len(epochs))
    for before, now in zip(entry.epochs, epochs, strict=False):
        for name in _names(before.metrics, now.metrics):
            what = f"{name} of epoch {before.epoch}"
            yield _Pair(f"{name} of the epochs", what, before.metrics.get(name), now.metrics.get(name))


def _names(*metrics: Mapping[str, float]) -> list[str]:
    """The columns of both, in the order of the first."""
    return list(dict.fromkeys(name for some in metrics for name in some))


def _size(pair: _Pair) -> float | None:
    """Distance between two numbers, as `Difference.size` defines it; 0 where they are equal to the bit."""
    before, now = pair.recorded, pair.retrained
    if before == now:
        return 0.0
    if pair.name in COUNTS or not isinstance(before, int | float) or not isinstance(now, int | float):
        return None
    scale = abs(before) if pair.name == "learning_rate" else max(1.0, abs(before))
    size = abs(before - now) / (scale or 1.0)
    return size if math.isfinite(size) else None


def _verdict(states: tuple[str, str], unequal: Sequence[tuple[str, Difference]], *, tolerance: float) -> Agreement:
    if states[0] != states[1]:
        return "differs"
    if not unequal:
        return "equal"
    judged = [difference.size for name, difference in unequal if name not in COUNTS and states[0] in SCORED]
    is_within = tolerance > 0 and all(size is not None and size <= tolerance for size in judged)
    return "within" if is_within else "differs"


def _weight(difference: Difference) -> float:
    """Key of the largest difference: a number missing on one side outweighs any size, and a size any count."""
    if difference.size is not None:
        return difference.size
    return -1.0 if difference.what in COUNTS else math.inf


def table_changes(path: Path, entries: Mapping[str, Entry]) -> tuple[str, ...]:
    """Differences between the table at `path` and the record, one line per number; none if the file is missing."""
    rows = read_results(path).to_dict("records") if path.exists() else []
    found = []
    for row in rows:
        entry = entries.get(str(row["trial"]))
        for name in (*COLUMNS, *filter(is_metric, map(str, row))):
            if entry is None or name not in row:
                continue
            recorded = entry.outcome.metrics.get(name) if is_metric(name) else getattr(entry.outcome, name)
            if not _is_same(row[name], recorded):
                found.append(f"{entry.spec.trial}: {name} {_shown(row[name])}, but recorded was {_shown(recorded)}")
    return tuple(found)


def _is_same(value: object, recorded: object) -> bool:
    if isinstance(value, int | float) and isinstance(recorded, int | float):
        return math.isclose(value, recorded, rel_tol=ROUNDED)
    return value == recorded or (recorded is None and value != value)  # an empty field is NaN


def _shown(value: object) -> str:
    return "nothing" if value is None or value != value else str(value)
