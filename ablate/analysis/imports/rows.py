"""Convert imported runs, with their roles and configurations, to rows of the results table."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ablate.analysis.effects import COUNTED_AT_CHANCE
from ablate.analysis.imports.asked import MINIMIZE
from ablate.analysis.imports.columns import RATE, Roles
from ablate.analysis.imports.configurations import Configurations, labels_of
from ablate.analysis.imports.replicates import seeds_of
from ablate.analysis.imports.words import coded
from ablate.analysis.sources import Runs
from ablate.analysis.sources.runs import has_no_score, to_scores
from ablate.errors import DataError
from ablate.storage.results import LARGEST, NUMBERS, coerced, column_of
from ablate.study.trial import COLUMNS, CUT_SHORT, DATA_SET, RATE_SETTING, REFERENCE
from ablate.text import printable

NO_SCORE, NO_STATE = "no score is recorded", "no state is recorded"
LEFT_OUT = "left out"  # how a run ended that the user drops: nobody knows more
OWN_SEED = "own_seed"  # within a block; "seed" tells the blocks apart, too
NOT_FINITE = "the score is not finite"


def measured_runs(runs: Runs, roles: Roles, *, counts_missing: bool = True) -> pd.DataFrame:
    """One row per run, in order: `trial`, `run_id`, `seed`, `score` (higher is better), `state`, `reason`;
    before them `data_set`, and `own_seed` as the table numbers it, if the runs are blocked.

    A run without a score is lost: tools write NaN as an empty cell. Unless `counts_missing`, it is left out, as is one
    without a state.
    """
    raw = runs.column(roles.score)
    numbers = to_scores(raw)
    sign = -1 if roles.direction == MINIMIZE else 1
    score = sign * (pd.Series(np.nan, index=raw.index) if numbers is None else numbers.astype(float))
    state = runs.table[roles.state].map(dict(roles.states)) if roles.state else pd.Series("finished", index=raw.index)
    is_known = np.isfinite(score) & (score.abs() <= LARGEST)
    is_lost = (state == "finished") & ~is_known
    is_empty = is_lost & has_no_score(raw)
    state = state.mask(is_lost, "diverged").mask(is_empty, "failed" if counts_missing else "killed")
    reason = pd.Series("", index=raw.index).mask(is_lost, NOT_FINITE).mask(is_empty, NO_SCORE)
    if roles.state and not counts_missing:
        reason = reason.mask((state == "killed") & (runs.table[roles.state].str.strip() == ""), NO_STATE)
    seeds = seeds_of(runs, roles.seeds)
    width = len(str(len(raw)))
    block = {DATA_SET: _one_spelling(runs.table[roles.block]), **_own_seed(runs, roles)} if roles.block else {}
    return pd.DataFrame(
        block
        | {
            "trial": [f"row-{number:0{width}}" for number in range(1, len(raw) + 1)],
            "run_id": runs.table[runs.run_id] if runs.run_id else "",
            "seed": np.nan if seeds is None else seeds,
            "score": score.where(is_known),
            "state": state,
            "reason": reason,
        }
    )


def _own_seed(runs: Runs, roles: Roles) -> "dict[str, pd.Series[float]]":
    """The seed within a block, where the block is the first of the columns that make a replicate."""
    own = seeds_of(runs, tuple(name for name in roles.seeds if name != roles.block))
    return {} if own is None else {OWN_SEED: own}


def _one_spelling(column: "pd.Series[str]") -> "pd.Series[str]":
    """The names of blocks, numbers as first written: "1" and "1.0" are one."""
    return column.groupby(coded(column)).transform("first")


def end_words(runs: pd.DataFrame) -> "pd.Series[str]":
    """The states of the runs, and `LEFT_OUT` for those that the user drops, since nothing says how they ended."""
    is_dropped = (runs["state"] == "killed") & runs["reason"].isin((NO_SCORE, NO_STATE))
    return runs["state"].mask(is_dropped, LEFT_OUT)


@dataclass(frozen=True, slots=True)
class CellRuns:
    """One row per configuration and seed, ready for pairing."""

    rows: pd.DataFrame  # columns of `measured_runs`, and `same_as`
    of_row: NDArray[np.intp]  # index of each row's configuration
    counted: pd.DataFrame  # the runs behind them: columns of `measured_runs`, and `configuration`
    n_repeated: int  # runs with the same configuration and seed as another run
    n_retried: int = 0  # failed runs left out because a run of their configuration and seed finished
    n_lost_beside: int = 0  # lost runs beside a finished run of their configuration and seed
    n_unseeded: int = 0  # runs left out because they have no seed
    is_seeded: bool = True


def cells_of(measured: pd.DataFrame, found: Configurations, *, seeded: bool, chance: float | None = None) -> CellRuns:
    """Average the runs of each configuration and seed.

    A run that failed by its state does not count beside a finished run: it was retried. Another lost run counts as the
    worse of `chance` (higher is better) and the worst finished run; without `chance` it makes the whole cell a lost
    run, since the mean of the others would be that of survivors. Without seeds every run has the seed 0, and none is
    a retry: unrelated runs must not be paired by their order.
    """
    rows = measured.assign(configuration=np.asarray(found.of_run), same_as=measured["trial"])
    rows = rows[rows["seed"].notna()] if seeded else rows.assign(seed=0.0)
    n_unseeded, n_runs = len(measured) - len(rows), len(rows)
    rows = _without_retried(rows) if seeded else rows
    n_retried = n_runs - len(rows)
    counted = rows.drop(columns="same_as")
    is_finished, is_lost = rows["state"] == "finished", rows["state"].isin(COUNTED_AT_CHANCE)
    place = [rows["configuration"], rows["seed"]]
    is_mixed = is_finished.groupby(place).transform("any") & is_lost.groupby(place).transform("any")
    # The row that represents the others comes last: a finished run, or a lost run that decides for all.
    rank = is_finished + 2 * (is_mixed & is_lost if chance is None else False)
    last = rows[rank == rank.groupby(place).transform("max")].drop_duplicates(["configuration", "seed"], keep="last")
    if len(last) < len(rows):
        finished = rows.loc[is_finished, "score"]
        worst = np.nan if chance is None else finished.min() if finished.empty else min(chance, finished.min())
        groups = rows["score"].where(is_finished).mask(is_lost, worst).groupby(place)
        is_mean = (groups.transform("size") > 1)[last.index] & (last["state"] == "finished")
        means = groups.transform("mean")[last.index]
        last = last.assign(
            score=last["score"].mask(is_mean, means), same_as=last["same_as"].mask(is_mean, ""),
        )  # fmt: skip
    decided = is_mixed if chance is None else is_mixed & False  # a lost run decides for these
    is_averaged = ~decided & ~rows["state"].isin(CUT_SHORT)
    n_repeated = int(is_averaged.sum()) - len(rows.loc[is_averaged, ["configuration", "seed"]].drop_duplicates())
    kept = last[[*measured.columns, "same_as"]]
    return CellRuns(
        kept, last["configuration"].to_numpy(dtype=np.intp), counted, n_repeated, n_retried,
        int((is_mixed & is_lost).sum()), n_unseeded, seeded,
    )  # fmt: skip


def _without_retried(rows: pd.DataFrame) -> pd.DataFrame:
    has_finished = (rows["state"] == "finished").groupby([rows["configuration"], rows["seed"]]).transform("any")
    is_lost = (rows["state"] != "finished") & rows["reason"].isin(("", NO_STATE))  # according to a column of states
    return rows[~(has_finished & is_lost)]


def search_rows(measured: pd.DataFrame, found: Configurations) -> pd.DataFrame:
    """Every run as a search trial: data for the importances and the history."""
    return _table(measured.assign(phase="search"), found, np.asarray(found.of_run))


def factorial_rows(cells: CellRuns, found: Configurations) -> pd.DataFrame:
    """Every cell of a complete factorial. Raises `DataError` if two cells have the same name."""
    labels = pd.Series(labels_of(found))
    if labels.duplicated().any():  # a level may contain ", b=2", like a level of another factor
        alike = printable(str(labels[labels.duplicated()].iloc[0]))
        raise DataError(f'two configurations have the same name: "{alike}"\n  rename the level that contains commas')
    rows = cells.rows.assign(phase="ablation", design="factorial", variant=labels.to_numpy()[cells.of_row])
    return _table(rows, found, cells.of_row)


def compared_with(cells: CellRuns, found: Configurations, reference: int) -> NDArray[np.intp]:
    """The configurations with a run that differ from the reference in only one factor."""
    return np.intersect1d(np.flatnonzero(found.differing(reference) >= 0), cells.of_row)


def one_factor_rows(
    cells: CellRuns, found: Configurations, reference: int, *, without: Collection[int] = ()
) -> pd.DataFrame:
    """The reference, and every configuration that differs in only one factor, except those `without`; empty if none."""
    differing = found.differing(reference)
    differing[list(without)] = -2
    column = differing[cells.of_row]
    kept = column >= -1
    if not (column >= 0).any():
        return _table(cells.rows.iloc[:0], found, cells.of_row[:0])
    of_row, column = cells.of_row[kept], column[kept]
    is_reference = column == -1
    names = np.array(found.factors, dtype=object)[column]
    of_differing = [
        str(found.levels[name][found.codes[at, c]]) for name, at, c in zip(names, of_row, column, strict=True)
    ]
    names = np.where(is_reference, "", names)
    levels = np.where(is_reference, "", np.array(of_differing, dtype=object))
    variant = np.where(is_reference, REFERENCE, names + "=" + levels)
    rows = cells.rows[kept].assign(
        phase="ablation", design="one-factor", variant=variant, factor=names, level=levels,
        against=np.where(is_reference, "", REFERENCE),
    )  # fmt: skip
    seeds, place = (rows[OWN_SEED], rows[DATA_SET] + "/") if OWN_SEED in rows else (rows["seed"], "")
    rows["trial"] = place + "one-factor-" + rows["variant"] + "-s" + seeds.astype(int).astype(str)
    return _table(rows, found, of_row)


def _table(rows: pd.DataFrame, found: Configurations, of_row: NDArray[np.intp]) -> pd.DataFrame:
    known = {name: rows[name].to_numpy() if name in rows else np.nan if name in NUMBERS else "" for name in COLUMNS}
    table = pd.DataFrame(known, index=range(len(rows)), columns=list(COLUMNS))
    if DATA_SET in rows:
        table[DATA_SET] = rows[DATA_SET].to_numpy()
    levels = {}
    for column, (name, of_factor) in enumerate(found.levels.items()):
        levels[column_of(name)] = pd.Series(list(of_factor)).take(found.codes[of_row, column]).to_numpy()
        if name == RATE:
            table[RATE] = coerced(pd.Series(levels[RATE_SETTING]))
    table["seed"] = table["seed"].astype("Int64")
    return pd.concat([table, pd.DataFrame(levels, index=table.index)], axis=1)
