"""Which columns tell the replicates of a configuration apart: its seed, its fold, or both."""

import re
from dataclasses import dataclass

import pandas as pd

from ablate.errors import DataError
from ablate.foreign.asked import Asked
from ablate.foreign.exports import Export
from ablate.foreign.levels import coded, crossed, decides, n_levels
from ablate.foreign.words import words_of
from ablate.printable import printable
from ablate.sources import Runs
from ablate.sources.runs import to_numbers

SEEDS = ("seed", "random_seed", "random_state", "rng_seed", "trial_seed", "global_seed", "model_seed", "init_seed",
         "manual_seed", "train_seed",
         "torch_seed", "np_seed", "seed_value", "rng", "prng_seed", "run_seed")  # fmt: skip
SPLITS = ("fold", "cv_fold", "kfold", "k_fold", "fold_id", "fold_idx", "split", "split_id", "split_seed", "data_seed",
          "data_split", "outer_fold", "inner_fold")  # fmt: skip
REPEATS = ("replicate", "repeat", "rep", "replication", "repetition")
PARTS = frozenset(("train", "training", "val", "valid", "validation", "test", "testing", "dev", "eval", "holdout"))
FOLDS = re.compile(r"(.*_)?(k?fold|split)(_.*)?")
MOST_EXACT = 2**53  # a seed beyond it is told from its neighbours by its text alone


@dataclass(frozen=True, slots=True)
class Replicates:
    """The columns; () where runs have no seeds."""

    columns: tuple[str, ...]
    note: str = ""

    @property
    def name(self) -> str:
        """The columns in words."""
        return " and ".join(self.columns)


def find_replicates(runs: Runs, asked: Asked, export: Export) -> Replicates:
    """The columns asked for, else those that are called so and vary.

    Raises `DataError` where one is not there, or a split is a part of the data: "train" and "test".
    A fold and a seed make a replicate together: one block a pair. A column that another one decides adds nothing.
    """
    if asked.seed:
        columns = [asked.seed] if asked.seed in runs.table else [name.strip() for name in asked.seed.split(",")]
        for name in columns:
            runs.column(name)
        return Replicates(tuple(dict.fromkeys(columns)), _note(runs, columns))
    found = [name for kinds in (SEEDS, SPLITS, REPEATS) for name in _called(runs, asked, export, kinds)]
    for name in found:
        _check_parts(runs, name)
    varying = [name for name in found if n_levels(coded(runs.table[name])) > 1]
    chosen: list[str] = []
    for name in varying:
        codes = coded(runs.table[name])
        if not chosen or not decides(crossed([coded(runs.table[one]) for one in chosen], len(codes)), codes):
            chosen.append(name)
    return Replicates(tuple(chosen or found[:1]), _note(runs, chosen))


def seeds_of(runs: Runs, columns: tuple[str, ...]) -> "pd.Series[float] | None":
    """Whole numbers, NaN where a run has none; words and pairs are numbered in order. None without columns."""
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


def _called(runs: Runs, asked: Asked, export: Export, names: tuple[str, ...]) -> list[str]:
    """The columns of these names, in their order; a tool's bookkeeping is none of them."""
    own = {str(name): "_".join(words_of(export.name(str(name)))) for name in runs.table}
    free = [
        name for name in own if name not in asked.factors and export.kinds.get(name) not in ("bookkeeping", "result")
    ]
    return [name for wanted in names for name in free if own[name] == wanted]


def _check_parts(runs: Runs, name: str) -> None:
    """Rows of training and of test scores are no replicates."""
    if len(parts := set(runs.table[name].str.lower()) & PARTS) > 1:
        raise DataError(
            f'{runs.place}: has rows of several parts of the data: "{printable(name)}" is {", ".join(sorted(parts))}\n'
            f"  keep the rows of one part; where {printable(name)} was varied on purpose, list it in --factors"
        )


def _note(runs: Runs, columns: list[str]) -> str:
    if len(columns) < 2:
        return ""
    n = len(runs.table[columns].drop_duplicates())
    names = " and ".join(columns)
    share = (
        " Runs of one fold share data, so that the pairs are not independent and intervals may be too narrow."
        if any(FOLDS.fullmatch("_".join(words_of(name))) for name in columns) else ""
    )  # fmt: skip
    return f"A replicate is a pair of {names}: {n:,} blocks.{share}"
