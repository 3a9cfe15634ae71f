"""Find the columns that identify the replicates of a configuration: seed, fold, or both."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.exports import Export
from ablate.analysis.imports.folds import differ, differ_by_setting, is_fold, is_inner, is_nested, n_folds, overlap
from ablate.analysis.imports.replicate_names import (
    DATA_SET,
    REPEAT,
    SUBJECT,
    divides,
    is_block,
    is_replicate,
    is_seed,
    own_words,
)
from ablate.analysis.imports.words import Codes, coded, crossed, decides, n_levels
from ablate.analysis.sources import Runs
from ablate.analysis.sources.runs import to_numbers, to_scores
from ablate.errors import DataError
from ablate.text import number_of, printable

PARTS = frozenset(("train", "training", "val", "valid", "validation", "test", "testing", "dev", "eval", "holdout"))
MOST_LEVELS = 20  # of a column that may be a setting
MOST_EXACT = 2**53  # larger seeds differ from their neighbours only as text


@dataclass(frozen=True, slots=True)
class Replicates:
    """The columns of the replicate; () if runs have no seeds."""

    columns: tuple[str, ...]
    note: str = ""
    averaged: tuple[str, ...] = ()  # columns over whose values the runs of a replicate are averaged
    others: tuple[str, ...] = ()  # columns with the name of a replicate that are not used
    overlap: float | None = None  # n_test / n_train, if replicates are folds whose training sets overlap

    @property
    def name(self) -> str:
        """The columns in words."""
        return " and ".join(self.columns)


def find_replicates(runs: Runs, asked: ImportOptions, export: Export, *, score: str = "") -> Replicates:
    """The columns stated by the user, otherwise those with a seed's name that vary.

    Raises `DataError` if a column is missing, or a split is a part of the data: "train" and "test".
    A fold and a seed together make a replicate: one block per pair. Where the scores show that the seeds
    share the folds, a fold is the replicate and its runs are averaged. A column determined by another adds nothing.
    """
    called = [name for name in _called(runs, asked, export) if name != asked.block]
    found = _found(runs, asked, export, called=called, score=score)
    return _within(runs, found, asked.block) if asked.block else found


def _within(runs: Runs, found: Replicates, block: str) -> Replicates:
    """The replicates, each on its own block: runs are paired on the same one, with the same seed."""
    n = n_levels(coded(runs.column(block)))
    said = f"{printable(block)} is the block: runs are compared within each of its {n:,} values, then over all."
    return replace(found, columns=(block, *found.columns), note=" ".join(filter(None, (found.note, said))))


def _found(runs: Runs, asked: ImportOptions, export: Export, *, called: list[str], score: str) -> Replicates:
    if asked.seed:
        columns = [asked.seed] if asked.seed in runs.table else [name.strip() for name in asked.seed.split(",")]
        for name in columns:
            runs.column(name)
        columns = [name for name in columns if name != asked.block]
        return _arranged(runs, export, list(dict.fromkeys(columns)), called=called, score=score)
    for name in called:
        _check_parts(runs, name)
    varying = [name for name in called if n_levels(coded(runs.table[name])) > 1]
    return _arranged(runs, export, _adding(runs, varying) or called[:1], called=called, score=score)


def _adding(runs: Runs, varying: list[str]) -> list[str]:
    """The columns that those before them do not determine."""
    chosen: list[str] = []
    for name in varying:
        if not chosen or not decides(_crossed(runs, chosen), coded(runs.table[name])):
            chosen.append(name)
    return chosen


def _arranged(runs: Runs, export: Export, chosen: list[str], *, called: list[str], score: str) -> Replicates:
    """The replicate of the chosen columns, given all columns that are called like one."""
    own = {name: own_words(export, name) for name in {*chosen, *called}}
    candidates = list(dict.fromkeys([*chosen, *(name for name in called if _decided(runs, chosen, name))]))
    varying = [name for name in candidates if n_levels(coded(runs.table[name])) > 1]
    folds = [name for name in varying if is_fold(own[name])]
    outer = [name for name in folds if not is_inner(own[name])] or folds
    divisions = [name for name in varying if name in outer or divides(own[name])]
    divisions += [name for name in chosen if outer and REPEAT.fullmatch(own[name])]
    divisions += [name for name in chosen if SUBJECT.fullmatch(own[name])]
    columns, averaged = chosen, [name for name in chosen if name in folds and name not in outer]
    repeats = [name for name in chosen if REPEAT.fullmatch(own[name]) and not divisions]
    if repeats and len(repeats) < len(chosen):  # repeats of the same seed are no further seeds
        columns, averaged = [name for name in chosen if name not in repeats], repeats
    elif averaged or (divisions and _is_shared(runs, divisions, chosen, score)):
        columns = _adding(runs, divisions)
        averaged = [name for name in chosen if name not in columns]
    k = n_folds(runs.table[outer[0]], own[outer[0]]) if outer else 0
    others = tuple(name for name in called if name not in (*columns, *averaged))
    found = Replicates(tuple(columns), "", tuple(averaged), others, overlap(k) if k > 1 else None)
    return replace(found, note=_note(runs, found, own, outer, k=k))


def _decided(runs: Runs, chosen: list[str], name: str) -> bool:
    return bool(chosen) and decides(_crossed(runs, chosen), coded(runs.table[name]))


def _is_shared(runs: Runs, divisions: list[str], chosen: list[str], score: str) -> bool:
    """Whether several runs have the same division of the data, and their scores depend on it."""
    if score not in runs.table:
        return False
    scores = to_scores(runs.table[score])
    folds, blocks = _crossed(runs, divisions), _crossed(runs, [*divisions, *chosen])
    if scores is None or not is_nested(folds, blocks):
        return False
    values = np.asarray(scores, dtype=np.float64)
    return differ(folds, blocks, values) or differ_by_setting(folds, blocks, _settings(runs, blocks, score), values)


def _settings(runs: Runs, blocks: Codes, score: str) -> Codes:
    """What differs between the runs of a replicate in few levels, whatever it is."""
    others = [coded(runs.table[name]) for name in runs.table if name != score]
    few = [codes for codes in others if 1 < n_levels(codes) <= MOST_LEVELS and not decides(blocks, codes)]
    return crossed(few, len(runs.table))


def _crossed(runs: Runs, names: list[str]) -> Codes:
    return crossed([coded(runs.table[name]) for name in names], len(runs.table))


def seeds_of(runs: Runs, columns: tuple[str, ...]) -> "pd.Series[float] | None":
    """Whole numbers, NaN if a run has none; words and pairs are numbered in order. None without columns."""
    if not columns:
        return None
    if len(columns) == 1:
        return _numbered(runs.column(columns[0]))
    parts = [_numbered(runs.column(name)) for name in columns]
    table = pd.DataFrame(dict(enumerate(parts)))
    codes = table.groupby(list(table), sort=True, dropna=True).ngroup()
    return codes.astype(float).where(codes >= 0)


def _numbered(column: "pd.Series[str]") -> "pd.Series[float]":
    numbers = to_numbers(column)
    given = None if numbers is None else numbers.dropna()
    if numbers is not None and given is not None and bool(((given % 1 == 0) & (given.abs() <= MOST_EXACT)).all()):
        return numbers
    codes, _ = pd.factorize(column.where(column != ""), sort=True)
    return pd.Series(codes, index=column.index).astype(float).where(codes >= 0)


def _has_lost_digits(column: "pd.Series[str]") -> bool:
    """Whether whole numbers too large for a float were written as one, "1.2345678901234568e+17"."""
    as_floats = column[~column.str.fullmatch(r"\s*[+-]?\d*\s*")]
    numbers = to_numbers(as_floats) if len(as_floats) else None
    return numbers is not None and bool((numbers.abs() > MOST_EXACT).any())


def _has_another(runs: Runs, export: Export, block: str, own: Mapping[str, str]) -> bool:
    """Whether another column may be a factor: with data sets alone, they are what is compared."""
    others = [name for name in own if name != block and not is_replicate(export, name) and not is_block(own[name])]
    others = [name for name in others if export.kinds.get(name) not in ("result", "bookkeeping", "attribute")]
    return any(1 < n_levels(coded(runs.table[name])) <= len(runs.table) / 2 for name in others)


def _called(runs: Runs, asked: ImportOptions, export: Export) -> list[str]:
    """The columns of seeds, then of splits, then of repeats, without a tool's bookkeeping."""
    own = {str(name): own_words(export, str(name)) for name in runs.table}
    no_seed = ("bookkeeping", "result")
    free = [name for name in own if name not in asked.factors and export.kinds.get(name) not in no_seed]
    seeds = [name for name in free if is_seed(own[name])]
    return [
        *(name for name in seeds if not divides(own[name])), *(name for name in free if is_fold(own[name])),
        *(name for name in seeds if divides(own[name])), *(name for name in free if REPEAT.fullmatch(own[name])),
        *(name for name in free if is_block(own[name]) and _has_another(runs, export, name, own)),
    ]  # fmt: skip


def _check_parts(runs: Runs, name: str) -> None:
    if len(parts := set(runs.table[name].str.lower()) & PARTS) > 1:
        raise DataError(
            f'{runs.place}: mixes several parts of the data: "{printable(name)}" is {", ".join(sorted(parts))}\n'
            f"  keep the rows of one part; if you varied {printable(name)} on purpose, list it in --factors"
        )


def _note(runs: Runs, found: Replicates, own: Mapping[str, str], outer: list[str], *, k: int) -> str:
    columns = list(found.columns)
    n = len(runs.table[columns].drop_duplicates()) if columns else 0
    said = [f"A replicate is a pair of {' and '.join(columns)}: {n:,} blocks."] if len(columns) > 1 else []
    if found.averaged:
        over, each = " and ".join(found.averaged), " and ".join(columns)
        said.append(
            f"Runs that share the same {each} are no independent replicates: they are averaged over {over}, which "
            f"leaves {number_of(n, 'replicate')}."
        )
    if found.overlap is not None:
        said.append(
            f"{outer[0]} counts the {k:,} folds of a cross-validation: their training sets overlap, so intervals and p "
            "use the corrected variance of Nadeau and Bengio (2003)."
        )
        repeats = [name for name in columns if REPEAT.fullmatch(own[name])]
        said += [f"Each {name} is taken for a new division into folds." for name in repeats]
    elif any(is_fold(own[name]) for name in columns):
        said.append("Splits share data, so replicates are not independent and intervals may be too narrow.")
    said += [
        f"{name} has values above 2^53 that are written with an exponent: those that differ in their last digits only "
        "cannot be told apart; write whole numbers, or text."
        for name in columns
        if _has_lost_digits(runs.table[name])
    ]
    blocks = [name for name in columns if is_block(own[name])]
    scopes = [
        ", averaged over them, and hold for these alone" if DATA_SET.fullmatch(own[name]) else "" for name in blocks
    ]
    said += [
        f"{name} is taken for a block, not for a factor: comparisons are made within each{scope}; if you varied it on "
        "purpose, name it with --factors."
        for name, scope in zip(blocks, scopes, strict=True)
    ]
    return " ".join(said)
