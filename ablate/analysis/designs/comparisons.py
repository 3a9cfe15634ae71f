"""Judge families of paired comparisons: a table of intervals, exact p values and verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd

from ablate.analysis import statistics
from ablate.analysis.effects import Metric, metric_values
from ablate.analysis.effects.table import FLIPS_SEED
from ablate.storage.results import factor_columns
from ablate.study.trial import RATE_SETTING, REFERENCE, Level

STATISTICS = ("n", "mean", "sd", "low", "high", "low_adjusted", "high_adjusted", "p", "p_adjusted", "verdict")
RATE = "learning_rate"
IDENTITY = ("trial", "design", "variant", "against", "factor", "level", "mode")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison and its difference in each seed, in the metric's unit."""

    identity: Mapping[str, object]  # the columns that identify it
    differences: "pd.Series[float]"  # the index is the seed


def comparison_table(comparisons: Sequence[Comparison], *, margin: float, alpha: float = 0.05) -> pd.DataFrame:
    """One row per comparison: its identity, then the columns `STATISTICS`. All comparisons form one family.

    `p` is the exact sign-flip p, `p_adjusted` that of the family (max-T); both are NaN below six seeds. `low` and
    `high` are the 95 % interval of a single comparison, `low_adjusted` and `high_adjusted` hold for all at once.
    """
    if not comparisons:
        return pd.DataFrame(columns=list(STATISTICS))
    differences = pd.concat([one.differences for one in comparisons], axis=1).sort_index()
    judgements = statistics.judge(differences.to_numpy(dtype=np.float64), margin=margin, seed=FLIPS_SEED, alpha=alpha)
    return pd.DataFrame([{**c.identity, **_found(j)} for c, j in zip(comparisons, judgements, strict=True)])


def _found(judgement: statistics.Judgement) -> dict[str, object]:
    ends = {"low_adjusted": judgement.simultaneous.low, "high_adjusted": judgement.simultaneous.high}
    p_values = {"p": judgement.p, "p_adjusted": judgement.p_adjusted}
    found = asdict(judgement.interval) | ends | p_values | {"verdict": judgement.verdict}
    return {name: found[name] for name in STATISTICS}


def ablation_runs(results: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """One row per ablation run: `IDENTITY`, seed, value, score, then the factors; `learning_rate` is its setting.

    `value` is on the metric and `score` the validation score, both higher is better, at chance level if a run
    diverged, failed or ran out of memory, and NaN if there is no result. A design of "" is "one-factor".
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
    """The factor columns of `ablation_runs`."""
    known = (*IDENTITY, "seed", "value", "score")
    return [str(name) for name in runs.columns if name not in known]


def configuration(runs: pd.DataFrame, variant: str = REFERENCE) -> dict[str, Level]:
    """The levels of a variant, from its first run; {} without runs."""
    runs = runs[runs["variant"] == variant].sort_values("design", key=lambda design: design == "path", kind="stable")
    found = runs[list(factor_names(runs))]
    return {str(name): level for name, level in found.iloc[0].items()} if len(found) else {}
