"""Find the columns that identify the replicates of a configuration: seed, fold, or both."""

import re
from dataclasses import dataclass

import pandas as pd

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.exports import Export
from ablate.analysis.imports.words import coded, crossed, decides, n_levels, words_of
from ablate.analysis.sources import Runs
from ablate.analysis.sources.runs import to_numbers
from ablate.errors import DataError
from ablate.text import printable

SEED_OF = frozenset(  # words allowed beside "seed" in a seed's name; "n_seeds" and "seed_prompt" are no seeds
    ("id", "idx", "index", "number", "no", "value", "random", "rng", "prng", "global", "model", "init", "train",
     "torch", "np", "numpy", "tf", "keras", "manual", "run", "trial", "base", "main", "master",
     "python", "weight", "weights")
)  # fmt: skip
STATES_OF_GENERATORS = ("random_state", "rng", "rng_state")
SPLITS = ("fold", "cv_fold", "kfold", "k_fold", "fold_id", "fold_idx", "split", "split_id", "split_seed", "data_seed",
          "data_split", "outer_fold", "inner_fold")  # fmt: skip
REPEATS = ("replicate", "repeat", "rep", "replication", "repetition")
PARTS = frozenset(("train", "training", "val", "valid", "validation", "test", "testing", "dev", "eval", "holdout"))
FOLDS = re.compile(r"(.*_)?(k?fold|split)(_.*)?")
MOST_EXACT = 2**53  # larger seeds differ from their neighbours only as text


@dataclass(frozen=True, slots=True)
class Replicates:
    """The columns of the replicate; () if runs have no seeds."""

    columns: tuple[str, ...]
    note: str = ""

    @property
    def name(self) -> str:
        """The columns in words."""
        return " and ".join(self.columns)


def find_replicates(runs: Runs, asked: ImportOptions, export: Export) -> Replicates:
    """The columns stated by the user, otherwise those with a seed's name that vary.

    Raises `DataError` if a column is missing, or a split is a part of the data: "train" and "test".
    A fold and a seed together make a replicate: one block per pair. A column determined by another adds nothing.
    """
    if asked.seed:
        columns = [asked.seed] if asked.seed in runs.table else [name.strip() for name in asked.seed.split(",")]
        for name in columns:
            runs.column(name)
        return Replicates(tuple(dict.fromkeys(columns)), _note(runs, columns))
    found = _called(runs, asked, export)
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


def is_seed(own: str) -> bool:
    """Whether a name, its words joined by "_", is a seed's name."""
    words = own.split("_")
    return own in STATES_OF_GENERATORS or ("seed" in words and set(words) - {"seed"} <= SEED_OF)


def _called(runs: Runs, asked: ImportOptions, export: Export) -> list[str]:
    """The columns of seeds, then of splits, then of repeats, without a tool's bookkeeping."""
    own = {str(name): "_".join(words_of(export.name(str(name)))) for name in runs.table}
    no_seed = ("bookkeeping", "result")
    free = [name for name in own if name not in asked.factors and export.kinds.get(name) not in no_seed]
    seeds = [name for name in free if is_seed(own[name])]
    return seeds + [name for wanted in (*SPLITS, *REPEATS) for name in free if own[name] == wanted]


def _check_parts(runs: Runs, name: str) -> None:
    if len(parts := set(runs.table[name].str.lower()) & PARTS) > 1:
        raise DataError(
            f'{runs.place}: mixes several parts of the data: "{printable(name)}" is {", ".join(sorted(parts))}\n'
            f"  keep the rows of one part; if you varied {printable(name)} on purpose, list it in --factors"
        )


def _note(runs: Runs, columns: list[str]) -> str:
    if len(columns) < 2:
        return ""
    n = len(runs.table[columns].drop_duplicates())
    names = " and ".join(columns)
    share = (
        " Runs of the same fold share data, so the pairs are not independent and intervals may be too narrow."
        if any(FOLDS.fullmatch("_".join(words_of(name))) for name in columns) else ""
    )  # fmt: skip
    return f"A replicate is a pair of {names}: {n:,} blocks.{share}"
