"""Find the columns that were varied on purpose, and say why the others are no factors."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.exports import Export
from ablate.analysis.imports.naming import also_varied, is_called, moving, naming, together
from ablate.analysis.imports.replicate_names import own_words
from ablate.analysis.imports.replicates import Replicates
from ablate.analysis.imports.scores import listed
from ablate.analysis.imports.words import (
    COMMENTS,
    DEVICES,
    MACHINES,
    Codes,
    coded,
    crossed,
    decides,
    has_spread,
    n_levels,
    paired,
    reads_as_result,
)
from ablate.analysis.sources import Runs
from ablate.analysis.sources.runs import has_no_score, to_numbers
from ablate.analysis.statistics import MIN_SEEDS
from ablate.errors import DataError
from ablate.storage.results import coerced
from ablate.study.score_words import words_of
from ablate.text import printable

MOST_FACTORS = 200  # unless the user names them: more varying columns are measurements
INDEX = re.compile(r"Unnamed: \d+(_level_\d+)?|column \d+|index|level_0|row|row[ _]?(number|id)|idx", re.IGNORECASE)
TRY = re.compile(r"(?:attempt|try|retry)(?:_(?:id|no|nr|num|number|idx|index))?")
SAME, UNIQUE = "the same in every run", "different in every run"
IGNORED = "as you asked, --ignore"
TRIES = "counts the tries of a run"
LIKE_RESULT, ANOTHER_SEED = "looks like a result", "a seed or fold that is not used"


@dataclass(frozen=True, slots=True)
class FoundFactors:
    """The factors, and the rejected columns with the reason."""

    names: tuple[str, ...]
    left_out: Mapping[str, str]
    together: tuple[tuple[str, str], ...] = ()  # pairs that always change together


def find_factors(
    runs: Runs, asked: ImportOptions, export: Export, *, taken: Mapping[str, str], replicates: Replicates
) -> FoundFactors:
    """The factors stated by the user, else those known from the source or tool, else all that may have been varied.

    `taken` maps columns of other roles to the role. Raises `DataError` if nothing was varied.
    """
    if asked.factors:
        return _asked_for(runs, asked, taken=taken)
    names = [str(name) for name in (runs.factors or runs.table) if str(name) not in taken]
    codes = {name: coded(runs.table[name]) for name in names}
    reasons = {name: IGNORED if name in asked.ignore else _why_not(runs, export, name, codes[name]) for name in names}
    seeds = (*replicates.columns, *replicates.averaged)
    blocks = crossed([coded(runs.table[name]) for name in seeds], len(runs.table)) if seeds else None
    reasons |= {
        name: f"goes with {replicates.name}" if decides(blocks, codes[name]) else ANOTHER_SEED
        for name in replicates.others
        if blocks is not None and not reasons.get(name, SAME)
    }
    if seeds:
        reasons |= {name: TRIES for name in names if not reasons[name] and TRY.fullmatch(own_words(export, name))}
    varied = {name: codes[name] for name in names if not reasons[name]}
    reasons |= _commenting(runs, varied)
    varied = {name: codes for name, codes in varied.items() if not reasons[name]}
    called = {name: codes[name] for name, why in reasons.items() if why == LIKE_RESULT}
    varied |= also_varied(called, varied, blocks)
    reasons |= dict.fromkeys(varied, "")
    reasons |= moving(runs, export, varied, blocks)
    reasons |= naming(runs, {name: varied[name] for name in varied if not reasons[name]}, blocks)
    factors = tuple(name for name, why in reasons.items() if not why)
    if not factors:
        raise _nothing_varies(runs, reasons, taken)
    _check(runs, factors, codes, blocks)
    return FoundFactors(factors, {name: why for name, why in reasons.items() if why}, together(factors, codes))


def _asked_for(runs: Runs, asked: ImportOptions, *, taken: Mapping[str, str]) -> FoundFactors:
    for name in asked.factors:
        if name in taken or n_levels(coded(runs.column(name))) < 2:
            why = f"is {taken[name]}" if name in taken else "is the same in every run"
            raise DataError(f'{runs.place}: the factor "{printable(name)}" {why}\n  leave it out of --factors')
    names = tuple(dict.fromkeys(asked.factors))
    return FoundFactors(names, {}, together(names, {name: coded(runs.table[name]) for name in names}))


def _why_not(runs: Runs, export: Export, name: str, codes: Codes) -> str:
    """Why a column that the user did not name is no factor, by its name and values; "" if it may be a factor."""
    kind, maker = export.kinds.get(name), export.makers.get(name)
    if n_levels(codes) < 2:
        return SAME
    if kind == "bookkeeping":
        return f"bookkeeping of {maker}"
    if kind == "attribute":
        return "an attribute of the runs"
    if kind == "result":
        return "a result"
    numbers = to_numbers(runs.table[name])
    is_whole = numbers is not None and bool((numbers.dropna() % 1 == 0).all())
    is_unique = n_levels(codes) == len(codes)
    if kind == "factor" or name in runs.factors:
        return UNIQUE if is_unique and numbers is None and len(codes) > 2 else ""
    if numbers is not None and reads_as_result(name):
        return LIKE_RESULT
    cells = runs.table[name][~has_no_score(runs.table[name])]
    if numbers is None and len(cells) and cells.map(has_spread).all():
        return "means with their spread"
    if is_whole and INDEX.fullmatch(name) and _counts(coerced(runs.table[name]).to_numpy(), name):
        return "a row number"
    if _names_machine(words_of(name)):
        return "names the machine"
    return UNIQUE if is_unique and (numbers is None or is_whole) else ""


def _names_machine(words: Sequence[str]) -> bool:
    last = words[-1:] and words[-1]
    is_numbered = last in ("id", "idx", "index", "number", "name")
    return (bool(set(words) & MACHINES) and (last in MACHINES or is_numbered)) or (
        bool(set(words[:-1]) & DEVICES) and is_numbered
    )


def _counts(numbers: NDArray[np.floating[Any]], name: str) -> bool:  # Any: precision
    """Whether values go up by one from row to row, restarting at 0 or 1; for a nameless column, any numbers."""
    steps = np.diff(numbers)
    return name.startswith(("Unnamed", "column")) or bool(((steps == 1) | np.isin(numbers[1:], (0, 1))).all())


def _commenting(runs: Runs, varied: Mapping[str, Codes]) -> dict[str, str]:
    found = [name for name in varied if words_of(name)[-1:] and words_of(name)[-1] in COMMENTS]
    found = [name for name in found if to_numbers(runs.table[name]) is None]
    return dict.fromkeys(found, "a comment") if len(found) < len(varied) else {}


def _check(runs: Runs, factors: Sequence[str], codes: Mapping[str, Codes], blocks: Codes | None) -> None:
    if len(factors) > MOST_FACTORS:
        raise DataError(
            f"{runs.place}: {len(factors):,} columns vary, more than {MOST_FACTORS} factors\n"
            "  name the factors that you varied on purpose with --factors"
        )
    if blocks is None and (repeats := [name for name in factors if _counts_repeats(runs, name, factors, codes)]):
        raise DataError(
            f'{runs.place}: does "{printable(repeats[0])}" count the repeats of each configuration, as a seed does?\n'
            f"  if so, add --seed {printable(repeats[0])}; if you varied it on purpose, list it in --factors"
        )


def _counts_repeats(runs: Runs, name: str, factors: Sequence[str], codes: Mapping[str, Codes]) -> bool:
    """Whether a column named like a run counts from 0 or 1 and is crossed with the other configurations."""
    numbers = to_numbers(runs.table[name])
    if not (is_called(name) or words_of(name)[-1:] in (("try",), ("attempt",))) or numbers is None:
        return False
    counted = np.unique(numbers.dropna())
    others = crossed([codes[other] for other in factors if other != name], len(numbers))
    is_counting = counted[0] in (0, 1) and bool((np.diff(counted) == 1).all())
    return is_counting and n_levels(others) * len(counted) == n_levels(paired(others, codes[name])) == len(numbers)


def _nothing_varies(runs: Runs, reasons: Mapping[str, str], taken: Mapping[str, str]) -> DataError:
    unique = [name for name, why in reasons.items() if why == UNIQUE]
    levels = [name for name in unique if not is_called(name)]
    levels += [name for name in unique if is_called(name) and to_numbers(runs.table[name]) is None]
    if levels:
        name = printable(levels[0])
        return DataError(
            f"{runs.place}: only one run per level of {name}, so there is no test\n"
            f'  run each level with at least {MIN_SEEDS} seeds, in a column "seed"; '
            f"--factors {name} describes these runs without tests"
        )
    vary = [f"{name} ({why})" for name, why in reasons.items() if why not in ("", SAME)]
    if vary:
        return DataError(f"{runs.place}: no factor was found: {listed(vary)}\n  name the factors with --factors")
    roles = dict.fromkeys(
        role for name, role in taken.items() if name in runs.table and n_levels(coded(runs.table[name])) > 1
    )
    said = " and ".join(roles or ["the score"])
    return DataError(f"{runs.place}: no column varies except {said}\n  name the factors with --factors")
