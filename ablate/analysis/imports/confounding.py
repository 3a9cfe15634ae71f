"""Find columns that differ systematically between the compared configurations, so that no difference is a factor's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from ablate.analysis.imports.bystanders import Bystander
from ablate.analysis.imports.words import Codes
from ablate.analysis.sources import Runs
from ablate.study.trial import CUT_SHORT
from ablate.text import first_of, listed, printable

ALPHA = 0.05  # of the test whether a circumstance is distributed as by chance
MOST_NAMED, MOST_LISTED = 4, 20  # configurations and columns named in a sentence


@dataclass(frozen=True, slots=True)
class Confounding:
    """The comparisons that other columns spoil, and the columns over which the others average."""

    # configuration -> columns that differ between it and the reference
    spoilt: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()  # a sentence per spoiling column
    averaged: tuple[str, ...] = ()  # settings that vary in the same mix in all comparisons
    ignored: tuple[str, ...] = ()  # a sentence per column that differs, and that the user said cannot matter
    notes: tuple[str, ...] = ()


def joined(parts: Sequence[Confounding]) -> Confounding:
    """What several checks of the same comparisons found."""
    spoilt: dict[int, tuple[str, ...]] = {}
    for part in parts:
        spoilt |= {at: (*spoilt.get(at, ()), *names) for at, names in part.spoilt.items()}
    return Confounding(
        spoilt, tuple(reason for part in parts for reason in part.reasons),
        tuple(name for part in parts for name in part.averaged), tuple(said for part in parts for said in part.ignored),
        tuple(note for part in parts for note in part.notes),
    )  # fmt: skip


def find_confounding(
    runs: Runs,
    bystanders: Sequence[Bystander],
    counted: pd.DataFrame,
    *,
    reference: int,
    compared: Sequence[int],
    names: Mapping[int, str],
    asked: tuple[Sequence[str], Sequence[str]],
) -> Confounding:
    """Compare the mix of each column between the reference and every other compared configuration.

    `counted` are the runs with their `configuration` and `seed`. A setting must have the same mix for each seed that
    both have; a circumstance must not depend on the configuration (exact tests at 5 %). `names` are the configurations
    in words; `asked` are the factors, and the columns that the user says may differ.
    """
    factors, ignored = asked
    runs_of = _runs_of(counted[counted["configuration"].isin((reference, *compared))])
    spoilt: dict[int, tuple[str, ...]] = {}
    reasons, trusted, averaged = [], [], []
    for each in bystanders:
        wrong = [at for at in compared if _differs(each, runs_of.get(reference, {}), runs_of.get(at, {}))]
        if len(wrong) < len(compared):
            averaged += [each.name] * each.is_setting
        if not wrong:
            continue
        differs = _differing(runs, each, runs_of, [reference, *wrong], names)
        if each.name in ignored:
            trusted.append(f"{differs} and is ignored as you asked (--ignore): a difference may come from it")
            continue
        spoilt |= {at: (*spoilt.get(at, ()), each.name) for at in wrong}
        reasons.append(f"{differs}: {_way_out(each, factors)}")
    notes = [*_notes(bystanders, averaged, is_compared=len(compared) > 0), *(f"{said}." for said in trusted)]
    return Confounding(spoilt, tuple(reasons), tuple(averaged), tuple(trusted), tuple(notes))


def _runs_of(counted: pd.DataFrame) -> dict[int, dict[float, Codes]]:
    """Configuration -> seed -> positions of its runs, without those that were cut short."""
    rows = counted[~counted["state"].isin(CUT_SHORT)]
    found: dict[int, dict[float, Codes]] = {}
    for _, some in rows.groupby(["configuration", "seed"]):
        configuration, seed = int(some["configuration"].iloc[0]), float(some["seed"].iloc[0])
        found.setdefault(configuration, {})[seed] = some.index.to_numpy(dtype=np.intp)
    return found


def _differs(column: Bystander, one: Mapping[float, Codes], other: Mapping[float, Codes]) -> bool:
    """Whether a column differs systematically between the runs of two configurations, given by their seeds."""
    if not one or not other:
        return False
    mine, theirs = (np.concatenate(list(side.values())) for side in (one, other))
    if column.numbers is not None:
        return _is_shifted(column.numbers[mine], column.numbers[theirs])
    if not column.is_setting:
        return _depends(column.codes[mine], column.codes[theirs])
    shared = one.keys() & other.keys()
    if not shared:
        return _mix(column.codes[mine]) != _mix(column.codes[theirs])
    return any(_mix(column.codes[one[seed]]) != _mix(column.codes[other[seed]]) for seed in shared)


def _mix(codes: Codes) -> dict[int, Fraction]:
    levels, counts = np.unique(codes, return_counts=True)
    return {int(level): Fraction(int(n), len(codes)) for level, n in zip(levels, counts, strict=True)}


def _is_shifted(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    one, other = one[np.isfinite(one)], other[np.isfinite(other)]
    if len(one) < 2 or len(other) < 2:
        return False
    is_apart = bool(one.max() < other.min() or other.max() < one.min())
    return is_apart or bool(stats.mannwhitneyu(one, other).pvalue <= ALPHA)


def _depends(one: Codes, other: Codes) -> bool:
    """Whether levels are shared by no run, though they repeat; or one of them is more common on a side than chance."""
    levels = np.union1d(one, other)
    if len(levels) < 2 or min(len(one), len(other)) < 2:
        return False
    if not len(np.intersect1d(one, other)) and len(levels) * 2 <= len(one) + len(other):
        return True
    counts = [np.array([[(side == level).sum(), (side != level).sum()] for side in (one, other)]) for level in levels]
    return min(float(stats.fisher_exact(table).pvalue) for table in counts) * len(levels) <= ALPHA


def _differing(
    runs: Runs,
    column: Bystander,
    runs_of: Mapping[int, Mapping[float, Codes]],
    places: Sequence[int],
    names: Mapping[int, str],
) -> str:
    """ "data_size differs between optimizer=adam (mostly 1000) and optimizer=sgd (mostly 50000)"."""
    reference, first, *more = (f"{names[at]} ({_mostly(runs, column, runs_of[at])})" for at in places)
    also = f", and between {names[places[0]]} and {first_of(more, MOST_NAMED)}" if more else ""
    return f"{printable(column.name)} differs between {reference} and {first}{also}"


def _way_out(column: Bystander, factors: Sequence[str]) -> str:
    name = printable(column.name)
    cannot = f"add --ignore {name} if it cannot change the score"
    return f"name it too, --factors {','.join([*factors, name])}, or {cannot}" if column.is_setting else cannot


def _mostly(runs: Runs, column: Bystander, seeds: Mapping[float, Codes]) -> str:
    rows = np.concatenate(list(seeds.values()))
    if column.numbers is not None:
        return f"median {np.nanmedian(column.numbers[rows]):.4g}"
    levels, counts = np.unique(column.codes[rows], return_counts=True)
    text = printable(column.levels(runs.table[column.name])[levels[counts.argmax()]], 30) or "empty"
    return text if len(levels) == 1 else f"mostly {text}" if counts.max() * 2 > len(rows) else f"often {text}"


def _notes(bystanders: Sequence[Bystander], averaged: Sequence[str], *, is_compared: bool) -> list[str]:
    settings = [printable(each.name) for each in bystanders if each.is_setting]
    notes = [f"Varies too, not a factor: {first_of(settings, MOST_LISTED)}."] if settings else []
    if averaged and is_compared:
        same = listed([printable(name) for name in averaged[:MOST_LISTED]])
        notes.append(f"Both sides of a comparison have the same mix of {same}, which it averages over.")
    return notes
