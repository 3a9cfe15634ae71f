"""The results table into the runs of a design: a value on the metric, the validation score, and the levels."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from ablate.effects import Metric, metric_values
from ablate.records import REFERENCE, Level
from ablate.results import RATE_SETTING, factor_columns

RATE = "learning_rate"
IDENTITY = ("trial", "design", "variant", "against", "factor", "level", "mode")


def ablation_runs(results: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """One row an ablation run: `IDENTITY`, seed, value, score, then the factors; `learning_rate` is its setting.

    `value` is on the metric and `score` the validation score, both higher is better, at chance level where a run
    diverged, failed or ran out of memory and NaN where it says nothing. A design of "" is "one-factor".
    """
    rows = results[results["phase"] == "ablation"].reset_index(drop=True)
    levels = rows[list(factor_columns(rows))].rename(columns={RATE_SETTING: RATE})
    numbers = {name: pd.to_numeric(rows[name], errors="coerce") for name in {"seed", "score", metric.column}}
    measured = pd.DataFrame(numbers | {"state": rows["state"]})
    runs = rows.reindex(columns=list(IDENTITY)).astype(object).fillna("")
    runs["design"] = runs["design"].replace("", "one-factor")
    runs["seed"] = measured["seed"]
    runs["value"] = metric_values(measured, metric)
    runs["score"] = metric_values(measured, replace(metric, column="score", sign=1))
    return pd.concat([runs, levels], axis=1)[measured["seed"].notna()]


def factor_names(runs: pd.DataFrame) -> Sequence[str]:
    """The factors of `ablation_runs`."""
    known = (*IDENTITY, "seed", "value", "score")
    return [str(name) for name in runs.columns if name not in known]


def configuration(runs: pd.DataFrame, variant: str = REFERENCE) -> dict[str, Level]:
    """The levels of a variant, read from its first run; {} where it has none.

    Runs of a path come last: their rate is the one of that walk.
    """
    runs = runs[runs["variant"] == variant].sort_values("design", key=lambda design: design == "path", kind="stable")
    found = runs[list(factor_names(runs))]
    return {str(name): level for name, level in found.iloc[0].items()} if len(found) else {}
