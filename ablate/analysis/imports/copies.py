"""Find runs of an imported table that are copies of others, and count them once."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ablate.analysis.imports.bystanders import Bystander
from ablate.analysis.imports.columns import Roles
from ablate.analysis.imports.rows import CellRuns
from ablate.analysis.sources import Runs
from ablate.analysis.sources.runs import to_scores
from ablate.text import first_of, number_of

MOST_SHOWN = 4
LEAST_ALIKE = 3  # runs of a configuration with the same score that are no coincidence
COINCIDENCE = 0.01  # seeds are copies if as many would agree by chance less often than this


def without_copies(runs: Runs, roles: Roles, others: Sequence[Bystander]) -> tuple[Runs, list[str]]:
    """The table without rows of the same configuration, seed and score as an earlier row, and a note on them.

    Without seeds, equal scores may be those of different runs, so only a note says that whole rows are equal.
    """
    if not roles.seeds:
        n = int(runs.table.duplicated().sum())
        rule = "without a seed column this may be chance, so each row counts"
        equal = f"{number_of(n, 'row')} {'equals' if n == 1 else 'equal'} another row in every column"
        return runs, [f"{equal}: {rule}."] if n else []
    numbers = to_scores(runs.column(roles.score))
    key = [*roles.factors, *roles.seeds, *filter(None, [roles.state]), *(each.name for each in others)]
    is_copy = runs.table[key].assign(score_=numbers).duplicated()
    is_copy &= (runs.table[list(roles.seeds)] != "").all(axis=1)
    if numbers is None or not (is_copy := is_copy & np.isfinite(numbers.astype(float))).any():
        return runs, []
    n = int(is_copy.sum())
    said = f"{number_of(n, 'row')} {'repeats' if n == 1 else 'repeat'} the configuration, seed and score of another row"
    return replace(runs, table=runs.table[~is_copy].reset_index(drop=True)), [f"{said}: each run counts once."]


def alike_notes(cells: CellRuns) -> list[str]:
    """A note if every configuration has the same score for all its seeds."""
    finished = cells.rows.assign(at=cells.of_row)[(cells.rows["state"] == "finished").to_numpy()]
    groups = finished.groupby("at")["score"].agg(["size", "nunique"])
    several = groups[groups["size"] > 1]
    if several.empty or several["size"].max() < LEAST_ALIKE or (several["nunique"] > 1).any():
        return []
    cause = "the seed does not reach the training, or the rows are copies"
    rule = "so each configuration counts as one run, without a test"
    return [f"All seeds of a configuration have the same score ({cause}), {rule}."]


def once(cells: CellRuns) -> CellRuns:
    """Only the first seed of each configuration, under the same number, since the other seeds repeat its run."""
    rows = cells.rows.assign(at=cells.of_row).sort_values(["at", "seed"], kind="stable")
    rows = rows.drop_duplicates("at").assign(seed=cells.rows["seed"].min())
    return replace(cells, rows=rows.drop(columns="at"), of_row=rows["at"].to_numpy(dtype=np.intp))


def copied_seeds(cells: CellRuns) -> tuple[CellRuns, list[str]]:
    """The runs without seeds whose scores equal those of an earlier seed in every configuration, and a note on them.

    Scores that are rounded coarsely, or of few configurations, may agree by chance; then nothing is a copy.
    """
    finished = cells.rows.assign(at=cells.of_row)[(cells.rows["state"] == "finished").to_numpy()]
    scores = finished.pivot_table(index="seed", columns="at", values="score", aggfunc="last").dropna()
    is_copy = scores.duplicated()
    n = int(is_copy.sum())
    if not n or len(scores) - n < 2:
        return cells, []
    if stats.poisson.sf(n - 1, _expected_agreements(scores.to_numpy(dtype=np.float64))) > COINCIDENCE:
        return cells, []
    copies = scores.index[is_copy]
    is_kept = ~cells.rows["seed"].isin(copies).to_numpy()
    named = first_of([f"{seed:g}" for seed in copies], MOST_SHOWN)
    said = (
        f"{number_of(n, 'seed')} ({named}) {'has' if n == 1 else 'have'} the same score as another seed in every "
        f"configuration: copies, which count once."
    )
    return replace(cells, rows=cells.rows[is_kept], of_row=cells.of_row[is_kept]), [said]


def _expected_agreements(scores: NDArray[np.float64]) -> float:
    """About how many pairs of seeds agree by chance in every column, (n_seeds, m), at the scores' steps and spread."""
    steps = np.diff(np.unique(scores))
    rounding = steps[steps > 0].min() if (steps > 0).any() else np.inf
    spreads = np.ptp(scores, axis=0)
    shares = np.minimum(rounding / np.where(spreads > 0, spreads, rounding), 1.0)
    pairs = len(scores) * (len(scores) - 1) / 2
    return float(pairs * np.prod(shares))
