"""A table of runs and what was asked into roles: which column is the score, which the seed, which are factors."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from ablate.errors import DataError, known_names
from ablate.printable import printable
from ablate.results import ADDED, COLUMNS, RATE_SETTING
from ablate.sources import Runs
from ablate.sources.runs import STATES, to_numbers

MAXIMIZE, MINIMIZE = "maximize", "minimize"
LOWER_IS_BETTER = frozenset(
    ("loss", "error", "err", "rmse", "mse", "mae", "nll", "perplexity", "ppl", "regret", "cost", "wer", "cer", "fid")
)
HIGHER_IS_BETTER = frozenset(
    ("acc", "accuracy", "auc", "auroc", "f1", "r2", "reward", "bleu", "map", "iou", "psnr", "ssim", "score")
)
MEASURED = frozenset(  # besides scores, what a run came to rather than what it was given
    ("time", "seconds", "duration", "runtime", "elapsed", "timestamp", "date", "memory", "parameters", "params", "best")
)
OBJECTIVES = frozenset(("value", "objective", "metric", "target"))
SEEDS = ("seed", "random_seed", "random_state", "rng_seed", "trial_seed", "replicate", "repeat", "rep", "fold")
STATE_COLUMNS = ("state", "status")
RATE = "learning_rate"
MOST_FACTORS = 200  # that nobody named: so many columns that vary are measurements, and no picture holds them
MOST_NAMED = 20  # of a list in a note or a message


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user said of the table; "" and () where nothing."""

    factors: tuple[str, ...] = ()
    score: str = ""
    seed: str = ""
    direction: str = ""  # MAXIMIZE or MINIMIZE
    reference: str = ""  # "a=1,b=x"
    target: str = ""
    margin: float | None = None  # in the score column's own unit
    unit: str = ""

    def __post_init__(self) -> None:
        if self.direction not in ("", MAXIMIZE, MINIMIZE):
            said = printable(self.direction)
            raise DataError(f'--direction: must be "{MAXIMIZE}" or "{MINIMIZE}", got "{said}"')
        if self.margin is not None and not 0 <= self.margin < math.inf:
            raise DataError(f"--margin: must be 0 or more, got {self.margin}")


@dataclass(frozen=True, slots=True)
class Roles:
    """What each column is; `seed` and `state` are "" where the table has none."""

    factors: tuple[str, ...]
    score: str
    direction: str
    seed: str
    state: str
    notes: tuple[str, ...]  # what was taken without being asked, as sentences


def find_roles(runs: Runs, asked: Asked) -> Roles:
    """The roles asked for, else those that the source knows, else those that names and values suggest; it is said.

    Raises `DataError` where a column is not there, or nothing tells the score or its direction.
    """
    score = asked.score or runs.score or _guess_score(runs)
    if to_numbers(runs.column(score)) is None:
        raise _no_score(runs, score)
    direction = asked.direction or runs.direction or _guess_direction(runs, score)
    seed = asked.seed or next((str(name) for name in runs.table if str(name).lower() in SEEDS), "")
    if seed:
        runs.column(seed)
    state = runs.state or next((str(name) for name in runs.table if _tells_states(runs.table[name])), "")
    taken = {score, seed, state, runs.run_id}
    factors, left_out = _factors(runs, asked, taken=taken)
    _check_names(runs, factors)
    better = "higher" if direction == MAXIMIZE else "lower"
    notes = [f"Score: {score}, {better} is better.", f"Factors: {_listed(factors)}."]
    if left_out:
        notes.append(f"Not factors: {_listed(left_out)}; --factors says otherwise.")
    notes.append(
        f"Seeds: {seed}; runs of one seed are taken as paired." if seed
        else "No seeds are given (--seed): runs cannot be paired, so nothing is tested and only descriptions are made."
    )  # fmt: skip
    return Roles(factors, score, direction, seed, state, tuple(notes))


def column_of(factor: str) -> str:
    """The factor's column in the results table, which has meanings of its own for some names: "epochs_setting"."""
    return RATE_SETTING if factor == RATE else f"{factor}_setting" if factor in (*COLUMNS, *ADDED) else factor


def _check_names(runs: Runs, factors: Sequence[str]) -> None:
    """Factors must stay apart in "factor=level", and in the columns of our table."""
    if wrong := [name for name in factors if "=" in name]:
        rule = f'a factor\'s name has no "=", got "{printable(wrong[0])}"'
        raise DataError(f"{runs.place}: {rule}\n  rename the column")
    columns = Counter(map(column_of, factors))
    if twice := [name for name in factors if columns[column_of(name)] > 1]:
        both = f'"{printable(twice[0])}" and "{printable(twice[1])}"'
        raise DataError(f"{runs.place}: {both} would have one column in the results\n  rename one of them")


def _no_score(runs: Runs, name: str) -> DataError:
    """What the first cell of a column is that keeps it from being a score."""
    cells = [cell for cell in runs.column(name) if to_numbers(pd.Series([cell])) is None and cell.strip()]
    got = f', got "{printable(cells[0], 40)}"' if cells else ", and it is empty"
    way_out = "write numbers as 1234.5, or choose another column with --score"
    return DataError(f'{runs.place}: the score "{printable(name)}" must hold numbers{got}\n  {way_out}')


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _guess_score(runs: Runs) -> str:
    telling = LOWER_IS_BETTER | HIGHER_IS_BETTER | OBJECTIVES
    named = [str(name) for name in runs.table if _words(name) & telling]
    found = [name for name in named if to_numbers(runs.table[name]) is not None]
    if len(found) == 1:
        return found[0]
    if len(named) == 1:
        raise _no_score(runs, named[0])
    which = f"it could be {_listed(found)}" if found else known_names("score", map(str, runs.table))
    raise DataError(f"{runs.place}: which column is the score?\n  say it with --score; {which}")


def _guess_direction(runs: Runs, score: str) -> str:
    lower, higher = (bool(_words(score) & words) for words in (LOWER_IS_BETTER, HIGHER_IS_BETTER))
    if lower == higher:
        raise DataError(
            f'{runs.place}: is more "{printable(score)}" better?\n  say it: --direction {MAXIMIZE} or {MINIMIZE}'
        )
    return MINIMIZE if lower else MAXIMIZE


def _factors(runs: Runs, asked: Asked, *, taken: set[str]) -> tuple[tuple[str, ...], list[str]]:
    """The factors, and the columns that could have been ones with the reason why they are not."""
    if asked.factors:
        for name in asked.factors:
            if name in taken or _n_levels(runs.column(name)) < 2:
                why = "is the score or the seed" if name in taken else "is the same in every run"
                raise DataError(f'{runs.place}: the factor "{printable(name)}" {why}\n  leave it out of --factors')
        return tuple(dict.fromkeys(asked.factors)), []
    candidates = [str(name) for name in (runs.factors or runs.table) if name not in taken]
    reasons = {name: _why_not(runs, name) for name in candidates}
    factors = tuple(name for name, why in reasons.items() if not why)
    if len(factors) > MOST_FACTORS:
        raise DataError(
            f"{runs.place}: {len(factors):,} columns vary, more than {MOST_FACTORS} factors\n"
            "  name those that were varied on purpose with --factors"
        )
    if not factors:
        raise DataError(f"{runs.place}: no column varies but the score\n  name the factors with --factors")
    return factors, [f"{name} ({why})" for name, why in reasons.items() if why]


def _why_not(runs: Runs, name: str) -> str:
    """Why a column that nobody named is no factor; "" where it is one."""
    column = runs.table[name]
    n_levels = _n_levels(column)
    if n_levels < 2:
        return "the same in every run"
    if name in runs.factors:
        return ""
    numbers = to_numbers(column)
    if numbers is not None and _words(name) & (LOWER_IS_BETTER | HIGHER_IS_BETTER | MEASURED):
        return "reads as a result"
    is_whole = numbers is None or bool((numbers.dropna() % 1 == 0).all())
    return "different in every run" if n_levels == len(column) and is_whole else ""


def _n_levels(column: "pd.Series[str]") -> int:
    """How many levels there are; of numbers, however they are written."""
    numbers = to_numbers(column)
    return int((column if numbers is None else numbers).nunique(dropna=False))


def _tells_states(column: "pd.Series[str]") -> bool:
    return str(column.name).lower() in STATE_COLUMNS and set(column.str.lower()) <= set(STATES)


def _words(name: object) -> frozenset[str]:
    """ "valAcc_top1" → val, acc, top1."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name))
    return frozenset(_lower(re.split(r"[^A-Za-z0-9]+", parted)))


def _lower(words: Iterable[str]) -> Iterable[str]:
    return (word.lower() for word in words)
