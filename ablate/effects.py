"""The results table into effects: each variant against the reference, paired by seed, on the primary metric."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd

from ablate import statistics
from ablate.errors import DataError
from ablate.records import REFERENCE
from ablate.results import COLUMNS, NUMBERS

COUNTED_AT_CHANCE = ("diverged", "out_of_memory", "failed")  # results; "killed" and "pruned" say nothing of the variant
PAIR_COLUMNS = (
    "variant", "mode", "factor", "level", "seed", "difference", "value", "reference_value", "state",
    "reference_state", "learning_rate", "run_id", "trial",
)  # fmt: skip
EFFECT_COLUMNS = (
    "factor", "level", "variant", "mode", "n", "mean", "sd", "low", "high", "p", "p_adjusted", "verdict",
    "low_adjusted", "high_adjusted", "seeds_needed", "d_z", "p_better", "p_tost", "margin", "diverged",
    "reference_mean", "variant_mean", "metric", "score_difference", "learning_rate",
)  # fmt: skip
LEAST_MARGIN = {"accuracy": 0.005, "loss": 0.01}  # a fraction; nats
FLIPS_SEED = 0  # fixed, so that a report rebuilt from its table says the same; used above 20 seeds only


@dataclass(frozen=True, slots=True)
class Metric:
    """What the variants are compared on, as sign · column: higher is better."""

    name: str  # "test_accuracy", "val_accuracy", "test_loss" or "val_loss"
    column: str  # of the results table; "score" holds the monitored validation metric with its sign settled
    sign: int  # −1 for a column in which lower is better
    scale: float  # from the file's unit to the shown one: 100 for accuracies
    unit: str  # "points" or "nats"
    chance: float  # what a run that did not finish counts as: a fraction, or minus nats
    margin: float  # differences within ± this do not matter: a fraction, or nats

    @property
    def label(self) -> str:
        """The name in words: "test accuracy"."""
        return self.name.replace("val_", "validation ").replace("_", " ")


def metric_unit(name: str) -> tuple[float, str]:
    """Scale and unit in which a metric of this name is shown to people."""
    return (1.0, "nats") if name.endswith("loss") else (100.0, "points")


def primary_metric(
    results: pd.DataFrame, *, monitor: str, n_classes: int | None, n_test: int | None, margin: float | None = None
) -> Metric:
    """The test metric of the monitored kind where every finished ablation run has it, else `score`.

    `monitor` is "val_accuracy" or "val_loss". Unless given, the margin of an accuracy is 0.5 points or the binomial
    standard error of `n_test` images at the reference's mean, whichever is larger; of a loss, 0.01 nats. Chance is
    1 / `n_classes`, for a loss −ln(n_classes); the worst finished run where the number of classes is not known.
    """
    kind = monitor.removeprefix("val_")
    if kind not in LEAST_MARGIN:
        raise DataError(f'monitor: must be "val_accuracy" or "val_loss", got "{monitor}"')
    runs = confirmatory_runs(results)
    finished = runs[runs["state"] == "finished"]
    tested = len(finished) > 0 and bool(finished[f"test_{kind}"].notna().all())
    column, sign = (f"test_{kind}", -1 if kind == "loss" else 1) if tested else ("score", 1)
    values = sign * finished[column]
    at_reference = float(values[finished["variant"] == REFERENCE].mean())
    chance = _chance(kind, n_classes) if n_classes else float(values.min())
    if margin is None:
        margin = LEAST_MARGIN[kind]
        if tested and n_test and kind == "accuracy" and 0 <= at_reference <= 1:
            margin = max(margin, statistics.binomial_error(at_reference, n=n_test))
    name = f"test_{kind}" if tested else monitor
    scale, unit = metric_unit(name)
    return Metric(name, column, sign, scale, unit, chance, margin)


def confirmatory_runs(results: pd.DataFrame) -> pd.DataFrame:
    """The rows of phase "ablation", all `COLUMNS` there, numbers numeric, one row a (variant, mode, seed).

    Of several the last one wins: it is the one that was run again. The reference has the mode "".
    """
    runs = results[results["phase"] == "ablation"].reindex(columns=list(COLUMNS))
    for name in COLUMNS:
        column = runs[name]
        runs[name] = pd.to_numeric(column, errors="coerce") if name in NUMBERS else column.astype(object).fillna("")
    runs.loc[runs["variant"] == REFERENCE, "mode"] = ""
    return runs[runs["seed"].notna()].drop_duplicates(["variant", "mode", "seed"], keep="last").reset_index(drop=True)


def metric_values(runs: pd.DataFrame, metric: Metric) -> "pd.Series[float]":
    """The metric of each run, higher is better; NaN where a run says nothing."""
    finished = (metric.sign * runs[metric.column]).where(runs["state"] == "finished")
    return finished.mask(runs["state"].isin(COUNTED_AT_CHANCE), metric.chance)


def paired_scores(results: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """One row a pair: a variant's run and the reference's of the same seed; what the effects are computed from.

    `value` and `reference_value` are on the metric (higher is better, a fraction or minus nats), `difference` is the
    first less the second. A run that diverged, ran out of memory or failed counts at chance level; one that was
    interrupted, pruned, or has no value is left out, and so is a seed without its partner.
    """
    runs = confirmatory_runs(results)
    runs = runs.assign(value=metric_values(runs, metric), seed=runs["seed"].astype(int)).dropna(subset="value")
    is_reference = runs["variant"] == REFERENCE
    reference = runs.loc[is_reference, ["seed", "value", "state"]].add_prefix("reference_")
    pairs = runs[~is_reference].merge(reference, left_on="seed", right_on="reference_seed")
    pairs["difference"] = pairs["value"] - pairs["reference_value"]
    return pairs[list(PAIR_COLUMNS)].sort_values(["variant", "mode", "seed"], ignore_index=True)


def effects_table(
    results: pd.DataFrame, metric: Metric, *, confidence: float = 0.95, alpha: float = 0.05
) -> pd.DataFrame:
    """One row a contrast, the columns `EFFECT_COLUMNS`; a family is all the contrasts of one learning-rate mode.

    Differences are variant − reference on the metric, higher is better, in the file's unit. `low`, `high` hold for the
    contrast by itself, `low_adjusted`, `high_adjusted` for the family at once (Bonferroni). p values are NaN below six
    seeds. `reference_mean` and `variant_mean` are over the paired seeds. `diverged` counts the variant's runs that
    diverged, failed or ran out of memory. Factors with the largest effect come first, in each the best level.
    """
    runs = confirmatory_runs(results)
    pairs = paired_scores(results, metric)
    scores = paired_scores(results, replace(metric, column="score", sign=1))
    declared = runs[runs["variant"] != REFERENCE].drop_duplicates(["variant", "mode"])
    rows: list[dict[str, object]] = []
    for _, family in declared.groupby("mode", sort=False):
        contrasts = [_Contrast.of(row, runs, pairs, scores) for row in family.to_dict("records")]
        rows += _family_rows(contrasts, metric, confidence=confidence, alpha=alpha)
    return _sorted(pd.DataFrame(rows, columns=list(EFFECT_COLUMNS)))


@dataclass(frozen=True, slots=True)
class _Contrast:
    """All rows of one variant in one mode."""

    identity: dict[str, str]  # factor, level, variant, mode
    pairs: pd.DataFrame  # of `paired_scores`, on the metric
    scores: pd.DataFrame  # the same on `score`
    diverged: int
    learning_rate: float

    @classmethod
    def of(
        cls, row: Mapping[Hashable, object], runs: pd.DataFrame, pairs: pd.DataFrame, scores: pd.DataFrame
    ) -> "_Contrast":
        runs, pairs, scores = (
            table[(table["variant"] == row["variant"]) & (table["mode"] == row["mode"])]
            for table in (runs, pairs, scores)
        )
        return cls(
            identity={name: str(row[name]) for name in ("factor", "level", "variant", "mode")},
            pairs=pairs,
            scores=scores,
            diverged=int(runs["state"].isin(COUNTED_AT_CHANCE).sum()),
            learning_rate=float(runs["learning_rate"].dropna().median()),
        )

    def p(self) -> float:
        enough = len(self.pairs) >= statistics.MIN_SEEDS
        return statistics.sign_flip_p(self.pairs["difference"], seed=FLIPS_SEED) if enough else math.nan


def _family_rows(
    contrasts: Sequence[_Contrast], metric: Metric, *, confidence: float, alpha: float
) -> list[dict[str, object]]:
    p_values = [contrast.p() for contrast in contrasts]
    p_adjusted = statistics.holm(p_values)
    return [
        contrast.identity
        | {"p": p, "p_adjusted": float(adjusted)}
        | _statistics(contrast, float(adjusted), metric, family=len(contrasts), confidence=confidence, alpha=alpha)
        for contrast, p, adjusted in zip(contrasts, p_values, p_adjusted, strict=True)
    ]


def _statistics(
    contrast: _Contrast, p_adjusted: float, metric: Metric, *, family: int, confidence: float, alpha: float
) -> dict[str, object]:
    pairs, d = contrast.pairs, contrast.pairs["difference"].to_numpy(dtype=np.float64)
    interval = statistics.paired_interval(d, confidence=confidence)
    simultaneous = statistics.paired_interval(d, confidence=1 - alpha / family)
    p_tost = statistics.tost_p(d, margin=metric.margin) if d.size >= statistics.MIN_SEEDS else math.nan
    verdict = statistics.verdict(
        interval, simultaneous=simultaneous, p_adjusted=p_adjusted, p_tost=p_tost, margin=metric.margin, alpha=alpha
    )
    needed = statistics.seeds_needed(interval, contrasts=family, margin=metric.margin, alpha=alpha)
    return {
        **asdict(interval),
        "verdict": verdict,
        "low_adjusted": simultaneous.low,
        "high_adjusted": simultaneous.high,
        # The exact test can ask for more than the t test that `seeds_needed` reckons with.
        "seeds_needed": max(needed, d.size + 1) if verdict == "inconclusive" else needed,
        "d_z": statistics.standardized_effect(d),
        "p_better": statistics.probability_better(d),
        "p_tost": p_tost,
        "margin": metric.margin,
        "diverged": contrast.diverged,
        "reference_mean": float(pairs["reference_value"].mean()),
        "variant_mean": float(pairs["value"].mean()),
        "metric": metric.name,
        "score_difference": float(contrast.scores["difference"].mean()),
        "learning_rate": contrast.learning_rate,
    }


def _chance(kind: str, n_classes: int) -> float:
    return 1 / n_classes if kind == "accuracy" else -math.log(n_classes)


def _sorted(effects: pd.DataFrame) -> pd.DataFrame:
    size = effects["mean"].abs().groupby(effects["factor"]).transform("max").fillna(-1.0)
    order = effects.assign(size=size).sort_values(
        ["size", "factor", "mean", "variant", "mode"], ascending=[False, True, False, True, True]
    )
    return order.drop(columns="size").reset_index(drop=True)
