"""Tables of a report on search trials and failures: history, best trials, expected best score, underlying runs."""

import math

import numpy as np
import pandas as pd

from ablate.analysis.effects import COUNTED_AT_CHANCE, confirmatory_runs
from ablate.analysis.statistics import expected_best, expected_normal_maximum
from ablate.storage.results import factor_columns, trial_numbers
from ablate.study.trial import DATA_SET, REFERENCE, SCORED

FAILURE_COLUMNS = (
    "trial", "phase", "variant", "mode", "seed", "state", "epochs", "learning_rate", "reason", "run_id",
)  # fmt: skip
BEHIND_COLUMNS = (
    "factor", "level", "variant", "against", "mode", "seed", "difference", "value", "reference_value", "state",
    "reference_state", "trial", "reference_trial", "run_id", "reference_run_id", "same_as",
)  # fmt: skip
LEAST_REPLICATES = 3  # seeds required for an SD


def search_history(results: pd.DataFrame) -> pd.DataFrame:
    """One row per search trial, in order: `number`, `trial`, `score`, `best` (of the finished so far), `state`.

    The number is that at the end of the trial's name ("search-0014"), or its position if names have none.
    """
    rows = _search_rows(results)
    finished = rows["score"].where(rows["state"] == "finished")
    best = finished.cummax().ffill()
    return rows.assign(best=best)[["number", "trial", "score", "best", "state"]]


def best_of_search(results: pd.DataFrame, *, k: int = 5) -> pd.DataFrame:
    """The `k` best finished search trials, best first: `trial`, `score`, `optimism`, `learning_rate`, then the factors.

    `optimism` is the gain of a trial of this rank by luck alone, if all trials were equally good: the expected value
    of that rank among as many normals as there are finished trials, times the SD of the reference's score over its
    ablation seeds. NaN with fewer than three of these seeds.
    """
    rows = _search_rows(results)
    finished = rows[(rows["state"] == "finished") & rows["score"].notna()]
    best = finished.sort_values("score", ascending=False, kind="stable").head(k)
    sd = _replicate_sd(results)
    ranks = range(1, len(best) + 1) if math.isfinite(sd) else ()
    optimism = [sd * expected_normal_maximum(len(finished), rank=rank) for rank in ranks] or [math.nan] * len(best)
    columns = ["trial", "score", "optimism", "learning_rate", *factor_columns(results)]
    return best.assign(optimism=np.array(optimism, dtype=np.float64)).reindex(columns=columns).reset_index(drop=True)


def expected_search(results: pd.DataFrame) -> pd.DataFrame:
    """One row per number of `trials`, 1, 2, 5, 10 … and all: the `expected` best score of a random search of that size.

    The first trial, number 0, is the study's baseline and was not drawn. Pruned trials count with the score at which
    they were stopped: they lay behind, so this hardly moves the best. Trials that
    diverged, failed or ran out of memory count with the worst score of all, others without a score do not count. Empty
    without two trials that count.
    """
    rows = _search_rows(results)
    rows = rows[rows["number"] > 0]
    scores = rows["score"].mask(rows["state"].isin(COUNTED_AT_CHANCE), rows["score"].min()).dropna()
    if len(scores) < 2:
        return pd.DataFrame(columns=["trials", "expected"])
    rounded = [digit * 10**power for power in range(len(str(len(scores)))) for digit in (1, 2, 5)]
    trials = [*(n for n in rounded if n < len(scores)), len(scores)]
    return pd.DataFrame({"trials": trials, "expected": expected_best(scores.to_numpy(), trials=trials)})


def failures(results: pd.DataFrame) -> pd.DataFrame:
    """Every trial that was neither finished nor pruned, with its reason, in the table's order."""
    rows = results[~results["state"].isin(SCORED)]
    return rows.reindex(columns=list(FAILURE_COLUMNS)).reset_index(drop=True)


def underlying_runs(pairs: pd.DataFrame, effects: pd.DataFrame) -> pd.DataFrame:
    """One row per pair of `paired_scores`, in the order of `effects`: the two runs behind each difference."""
    places = {cell: place for place, cell in enumerate(zip(effects["variant"], effects["mode"], strict=True))}
    place = [places.get(cell, len(places)) for cell in zip(pairs["variant"], pairs["mode"], strict=True)]
    ordered = pairs.assign(place=place).sort_values(["place", "seed"], kind="stable", ignore_index=True)
    return ordered[[*BEHIND_COLUMNS, *[DATA_SET] * (DATA_SET in pairs)]]


def _search_rows(results: pd.DataFrame) -> pd.DataFrame:
    rows = results[results["phase"] == "search"].copy()
    rows["score"] = pd.to_numeric(rows["score"], errors="coerce")
    numbers = trial_numbers(rows["trial"], "search")
    places = np.arange(1, len(rows) + 1)
    rows["number"] = places if numbers.isna().any() else numbers.astype(int)
    return rows.sort_values("number", kind="stable", ignore_index=True)


def _replicate_sd(results: pd.DataFrame) -> float:
    runs = confirmatory_runs(results[results["variant"] == REFERENCE])
    scores = runs.loc[runs["state"] == "finished", "score"].dropna()
    return float(scores.std()) if len(scores) >= LEAST_REPLICATES else math.nan
