"""Which columns were varied on purpose, and why the others were not."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ablate.errors import DataError
from ablate.foreign.asked import Asked
from ablate.foreign.exports import Export
from ablate.foreign.levels import Codes, coded, crossed, decides, n_levels, paired
from ablate.foreign.scores import listed
from ablate.foreign.words import COMMENTS, DEVICES, LEARNING, MACHINES, NAMES, STEPS, reads_as_result, words_of
from ablate.printable import printable
from ablate.sources import Runs
from ablate.sources.runs import to_numbers
from ablate.statistics import MIN_SEEDS

MOST_FACTORS = 200  # that nobody named: so many columns that vary are measurements, and no picture holds them
BALANCED = 0.75  # of the most runs that a level has under one seed, the least mean over all seeds
COMPLETE = 0.8  # of a crossing, the share that has been run
REPEATED = 1.1  # runs for each cell and seed, at most
INDEX = re.compile(r"Unnamed: \d+(_level_\d+)?|column \d+|index|level_0|row|row[ _]?(number|id)|idx", re.IGNORECASE)
SAME, UNIQUE = "the same in every run", "different in every run"
LIKE_RESULT = "reads as a result"


@dataclass(frozen=True, slots=True)
class Factors:
    """The names, and the columns that could have been factors with the reason why they are none."""

    names: tuple[str, ...]
    left_out: Mapping[str, str]
    notes: tuple[str, ...] = ()


def find_factors(
    runs: Runs, asked: Asked, export: Export, *, taken: Mapping[str, str], seeds: Sequence[str]
) -> Factors:
    """The columns asked for, else those that the source or the tool knows, else all that can have been varied.

    `taken` has the columns of other roles, each with the role. Raises `DataError` where nothing was varied, or a
    column tells the steps of runs rather than runs.
    """
    if asked.factors:
        return _asked_for(runs, asked, taken=taken)
    names = [str(name) for name in (runs.factors or runs.table) if str(name) not in taken]
    codes = {name: coded(runs.table[name]) for name in names}
    reasons = {name: _why_not(runs, export, name, codes[name]) for name in names}
    varied = {name: codes[name] for name in names if not reasons[name]}
    reasons |= _commenting(runs, varied)
    varied = {name: codes for name, codes in varied.items() if not reasons[name]}
    blocks = _blocks(runs, seeds)
    varied |= _also_varied(reasons, codes, varied, blocks)
    reasons |= dict.fromkeys(varied, "")
    reasons |= _moving(runs, export, varied, blocks)
    reasons |= _naming(runs, {name: varied[name] for name in varied if not reasons[name]}, blocks)
    factors = tuple(name for name, why in reasons.items() if not why)
    _check(runs, factors, reasons, codes, blocks)
    return Factors(factors, {name: why for name, why in reasons.items() if why}, _together(factors, codes))


def _asked_for(runs: Runs, asked: Asked, *, taken: Mapping[str, str]) -> Factors:
    for name in asked.factors:
        if name in taken or n_levels(coded(runs.column(name))) < 2:
            why = f"is {taken[name]}" if name in taken else "is the same in every run"
            raise DataError(f'{runs.place}: the factor "{printable(name)}" {why}\n  leave it out of --factors')
    return Factors(tuple(dict.fromkeys(asked.factors)), {})


def _why_not(runs: Runs, export: Export, name: str, codes: Codes) -> str:
    """Why a column that nobody named is no factor, by its own name and values; "" where it may be one."""
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
    if is_whole and INDEX.fullmatch(name) and _counts(np.asarray(numbers, dtype=float), name):
        return "a running number"
    if _names_machine(words_of(name)):
        return "names the machine"
    return UNIQUE if is_unique and (numbers is None or is_whole) else ""


def _names_machine(words: Sequence[str]) -> bool:
    last = words[-1:] and words[-1]
    is_numbered = last in ("id", "idx", "index", "number", "name")
    return (bool(set(words) & MACHINES) and (last in MACHINES or is_numbered)) or (
        bool(set(words[:-1]) & DEVICES) and is_numbered
    )


def _counts(numbers: "np.ndarray[tuple[int], np.dtype[np.float64]]", name: str) -> bool:
    """Whether they go up by one from row to row, from 0 or 1 anew now and then; of a nameless column, any numbers."""
    steps = np.diff(numbers)
    return name.startswith(("Unnamed", "column")) or bool(((steps == 1) | np.isin(numbers[1:], (0, 1))).all())


def _commenting(runs: Runs, varied: Mapping[str, Codes]) -> dict[str, str]:
    """Comments in words, where there are other columns."""
    found = [name for name in varied if words_of(name)[-1:] and words_of(name)[-1] in COMMENTS]
    found = [name for name in found if to_numbers(runs.table[name]) is None]
    return dict.fromkeys(found, "a comment") if len(found) < len(varied) else {}


def _blocks(runs: Runs, seeds: Sequence[str]) -> Codes | None:
    return crossed([coded(runs.table[name]) for name in seeds], len(runs.table)) if seeds else None


def _also_varied(
    reasons: Mapping[str, str], codes: Mapping[str, Codes], varied: Mapping[str, Codes], blocks: Codes | None
) -> dict[str, Codes]:
    """Columns called like a result, "n_params", that were varied on purpose: the table is crossed only with them.

    Each of their levels came up under each seed, one run each, and no other factor decides them.
    """
    called = [name for name, why in reasons.items() if why == LIKE_RESULT]
    if blocks is None or n_levels(blocks) < 2 or not called:
        return {}
    cells = crossed(list(varied.values()), len(blocks))
    found = {name: codes[name] for name in called if _is_balanced(codes[name], blocks)}
    return {
        name: column
        for name, column in found.items()
        if n_levels(column) > 1 and not decides(cells, column) and _is_crossed(paired(cells, column), blocks)
    }


def _moving(runs: Runs, export: Export, varied: Mapping[str, Codes], blocks: Codes | None) -> dict[str, str]:
    """Columns that change between the seeds of one configuration, where the others are crossed with the seeds.

    A number that a tool keeps as a parameter, or that is called as one, stays: it was drawn anew for each run.
    """
    if blocks is None or n_levels(blocks) < 2:
        return {}
    design = [codes for codes in varied.values() if _is_balanced(codes, blocks)]
    cells = _crossed_cells(design, blocks)
    if cells is None:
        return {}
    return {
        name: "changes between the seeds of one configuration"
        for name, codes in varied.items()
        if not decides(cells, codes) and not _is_drawn(runs, export, name)
    }


def _crossed_cells(design: list[Codes], blocks: Codes) -> Codes | None:
    """The cells of the columns that are crossed with the seeds, one run each; None where they are not.

    One of the columns may be balanced by chance: it is left out, where that of one alone makes the others crossed.
    """
    for subsets in ([design], [design[:at] + design[at + 1 :] for at in range(len(design))]):
        found = [cells for subset in subsets if subset and _is_crossed(cells := crossed(subset, len(blocks)), blocks)]
        exact = [cells for cells in found if n_levels(cells) * n_levels(blocks) == len(blocks)]
        if found:
            best = exact or found
            return best[0] if len(best) == 1 else None
    return None


def _is_crossed(cells: Codes, blocks: Codes) -> bool:
    n_runs = n_levels(paired(cells, blocks))
    return n_runs >= COMPLETE * n_levels(cells) * n_levels(blocks) and len(blocks) <= REPEATED * n_runs


def _is_drawn(runs: Runs, export: Export, name: str) -> bool:
    is_known = export.kinds.get(name) == "factor" or name in runs.factors or bool(set(words_of(name)) & LEARNING)
    return is_known and to_numbers(runs.table[name]) is not None


def _is_balanced(codes: Codes, blocks: Codes) -> bool:
    """Whether each level came up about as often under every seed."""
    counts = np.zeros((n_levels(codes), n_levels(blocks)))
    if counts.size > 4 * len(codes):
        return False
    np.add.at(counts, (codes, blocks), 1)
    return bool((counts.mean(axis=1) >= BALANCED * counts.max(axis=1)).all())


def _naming(runs: Runs, varied: Mapping[str, Codes], blocks: Codes | None) -> dict[str, str]:
    """Columns of words that name a combination of others, as "sgd-do0.1" names sgd and 0.1; maybe with the seed."""
    left = dict(varied)
    found: dict[str, str] = {}
    of_words = [name for name in varied if to_numbers(runs.table[name]) is None]
    for name in sorted(of_words, key=lambda name: -n_levels(varied[name])):
        named = {other: codes for other, codes in left.items() if other != name and decides(left[name], codes)}
        parts = list(named.values())
        if blocks is not None and decides(left[name], blocks):
            parts.append(blocks)
        is_spelled = _is_called(name) and bool(named) and _spells(runs, name, left[name], list(named))
        if is_spelled or _combines(left[name], parts):
            found[name] = f"names {listed(list(named))}" if named else "names the runs"
            del left[name]
    return found


def _combines(codes: Codes, parts: list[Codes]) -> bool:
    """Whether a column has a value for each combination of at least two others that are (nearly) crossed.

    Of an incomplete crossing nothing is concluded: an optimizer may decide its own rate and momentum.
    """
    if len(parts) < 2:
        return False
    n_crossed = math.prod(map(n_levels, parts))
    return n_levels(codes) >= COMPLETE * n_crossed and decides(crossed(parts, len(codes)), codes)


def _spells(runs: Runs, name: str, codes: Codes, named: Sequence[str]) -> bool:
    """Whether each value has the levels of the columns it names in it, letter by letter."""
    if not decides(crossed([coded(runs.table[other]) for other in named], len(codes)), codes):
        return False
    _, first = np.unique(codes, return_index=True)
    rows = runs.table.iloc[first]
    return all(
        all(level.lower() in cell.lower() or level.removesuffix(".0") in cell for level in levels)
        for cell, *levels in rows[[name, *named]].itertuples(index=False)
    )


def _is_called(name: str) -> bool:
    return words_of(name)[-1:] != () and words_of(name)[-1] in NAMES


def _together(factors: Sequence[str], codes: Mapping[str, Codes]) -> tuple[str, ...]:
    """Factors of several runs a level that always change together: neither is compared alone.

    Codes count levels in the order in which they came up, so that those of such factors are equal.
    """
    return tuple(
        f"{one} and {other} always change together: what they do cannot be told apart; "
        f"--factors with one of them compares both at once."
        for at, one in enumerate(factors)
        for other in factors[at + 1 :]
        if n_levels(codes[one]) == n_levels(codes[other]) < len(codes[one]) and np.array_equal(codes[one], codes[other])
    )


def _check(
    runs: Runs, factors: Sequence[str], reasons: Mapping[str, str], codes: Mapping[str, Codes], blocks: Codes | None
) -> None:
    if len(factors) > MOST_FACTORS:
        raise DataError(
            f"{runs.place}: {len(factors):,} columns vary, more than {MOST_FACTORS} factors\n"
            "  name those that were varied on purpose with --factors"
        )
    if not factors:
        raise _nothing_varies(runs, reasons)
    for name in factors:
        if _is_step(runs, name, [codes[other] for other in factors if other != name], blocks):
            raise DataError(
                f'{runs.place}: is there a row a run, or one for each "{printable(name)}" of a run?\n'
                f"  keep the last row of each run; where {printable(name)} was varied on purpose, list it in --factors"
            )


def _is_step(runs: Runs, name: str, others: list[Codes], blocks: Codes | None) -> bool:
    """Whether a column counts the steps of each run: it is called so, and has whole numbers in a row for each run."""
    if "_".join(words_of(name)) not in STEPS:
        return False
    numbers = to_numbers(runs.table[name])
    if numbers is None or numbers.isna().any():
        return False
    steps = np.unique(numbers)
    run = crossed([*others, *([blocks] if blocks is not None else [])], len(numbers))
    return len(steps) > 2 and bool((np.diff(steps) == 1).all()) and n_levels(run) < len(numbers) / 2


def _nothing_varies(runs: Runs, reasons: Mapping[str, str]) -> DataError:
    unique = [name for name, why in reasons.items() if why == UNIQUE and not _is_called(name)]
    if not unique:
        return DataError(f"{runs.place}: no column varies but the score\n  name the factors with --factors")
    name = printable(unique[0])
    return DataError(
        f"{runs.place}: one run a level of {name}: nothing can be tested\n"
        f'  run each level with at least {MIN_SEEDS} seeds, in a column "seed"; '
        f"--factors {name} describes these runs without a test"
    )
