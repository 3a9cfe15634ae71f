"""Record the results of retraining trials (`ablate verify`) beside a study's results, and summarize them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from pydantic import TypeAdapter

from ablate.errors import DataError
from ablate.storage.files.atomic import saving, write_aside
from ablate.study.trial import SCORED, State
from ablate.text import first_of

FILE = "verified.json"
MOST_NAMED = 3  # differing trials named in a sentence
Agreement: TypeAlias = Literal["equal", "within", "differs"]
Value: TypeAlias = int | float | str | None  # whole numbers stay whole in the file


@dataclass(frozen=True, slots=True)
class Difference:
    """One number of a trial, as recorded and as retrained."""

    what: str  # "score", "val_accuracy of epoch 3"
    recorded: Value
    retrained: Value
    # Accuracies as fractions; losses absolute up to 1 and relative above; rates relative. None: cannot be
    # measured, for instance if a value is missing.
    size: float | None


@dataclass(frozen=True, slots=True)
class RetrainedTrial:
    """One trial, recorded and retrained."""

    trial: str
    verdict: Agreement
    tolerance: float  # differences up to it are "within"; 0: all must be equal to the bit
    state: tuple[State, State]  # recorded, retrained
    score: tuple[float | None, float | None]
    compared: Mapping[str, float | None]  # by number: the largest difference, over all epochs for an epoch's number
    largest: Difference | None  # largest of all; None if there is none
    reason: str = ""  # why the retrained trial ended in another state


@dataclass(frozen=True, slots=True)
class Round:
    """What one run of `ablate verify` showed."""

    at: str  # ISO time
    trials: int  # trials of the study that could have been retrained
    conditions: Mapping[str, str]  # versions, device and threads of the retraining
    changes: tuple[str, ...]  # how these differ from the record, in words
    checks: tuple[RetrainedTrial, ...]
    table: tuple[str, ...] = ()  # numbers in results.csv that differ from the record, a line each


_ROUNDS = TypeAdapter(list[Round])


def read_rounds(folder: Path) -> list[Round]:
    """The rounds of the study in `folder`, oldest first; none without the file. Raises `DataError` if it is broken."""
    path = folder / FILE
    try:
        return _ROUNDS.validate_json(path.read_bytes(), strict=True)
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as err:
        raise DataError(f"{path}: is not a list of verified trials\n  delete the file to leave them out") from err


def write_rounds(folder: Path, rounds: Sequence[Round]) -> None:
    """Write all rounds anew. Raises `StorageError` if the disk refuses."""
    with saving(folder / FILE, "the list of verified trials"):
        write_aside(folder / FILE, json.dumps([asdict(one) for one in rounds], indent=1, ensure_ascii=False) + "\n")


def in_a_sentence(rounds: Iterable[Round]) -> str:
    """The last checks of all trials, in a sentence; "" if none was verified."""
    held = [one for one in rounds if one.checks]
    if not held:
        return ""
    checks = list({check.trial: check for one in held for check in one.checks}.values())
    days = sorted({one.at[:10] for one in held})
    when = f"on {days[0]}" if len(days) == 1 else f"from {days[0]} to {days[-1]}"
    n, of, table = len(checks), held[-1].trials, held[-1].table
    were = f"trial{'s' if of > 1 else ''} {'were' if n > 1 else 'was'}"
    changed = f"; results.csv differs from the record ({first_of(table, 1)})" if table else ""
    return f"{n:,} of {of:,} {were} retrained {when}: {_summed(checks)}{changed}"


def in_words(check: RetrainedTrial) -> str:
    """The verdict: "equal to the bit", "within 0.001: differs by 2e-07", "DIFFERS by 0.013: score 0.42 → 0.43"."""
    before, now = check.state
    if before != now:
        because = f" ({' '.join(check.reason.split())[:120]})" if check.reason else ""
        return f"DIFFERS: {_state(before)} → {_state(now)}{because}"
    largest = check.largest
    again = "" if before in SCORED else f"{_state(before)} again"
    if check.verdict == "equal" or largest is None:
        return ", ".join(part for part in ("equal to the bit" if check.compared else "", again) if part)
    if check.verdict == "within":
        return again or f"within {check.tolerance:g}{_by(largest)}"
    by = "" if largest.size is None else f" by {largest.size:.2g}"
    return f"DIFFERS{by}: {largest.what} {_pair(largest.recorded, largest.retrained)}"


def _by(largest: Difference) -> str:
    return "" if largest.size is None else f": differs by {largest.size:.1g}"


def _summed(checks: Sequence[RetrainedTrial]) -> str:
    n = {verdict: sum(check.verdict == verdict for check in checks) for verdict in get_args(Agreement)}
    if n["equal"] == len(checks):
        return "all equal to the bit" if len(checks) > 1 else "equal to the bit"
    parts = [f"{n['equal']:,} equal to the bit"] if n["equal"] else []
    if n["within"]:
        near = [check for check in checks if check.verdict == "within"]
        sizes = [c.largest.size for c in near if c.largest and c.largest.size and c.state[0] in SCORED]
        by = f" (by up to {max(sizes):.1g})" if sizes else ""
        parts.append(f"{len(near):,} within {max(check.tolerance for check in near):g}{by}")
    if n["differs"]:
        names = [check.trial for check in checks if check.verdict == "differs"]
        parts.append(f"{len(names):,} DIFFER{'S' if len(names) == 1 else ''} ({first_of(names, MOST_NAMED)})")
    return "; ".join(parts)


def _state(state: State) -> str:
    return state.replace("_", " ")


def _pair(before: Value, now: Value) -> str:
    if isinstance(before, str) or isinstance(now, str) or before is None or now is None:
        return f"{_shown(before)} → {_shown(now)}"
    for digits in range(3, 17):
        texts = f"{before:.{digits}g}", f"{now:.{digits}g}"
        if texts[0] != texts[1]:
            return " → ".join(texts)
    return f"{before!r} → {now!r}"


def _shown(value: Value) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else f"{value:.6g}"
