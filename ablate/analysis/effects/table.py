"""Judge paired runs as the effects table: one row per comparison, adjusted for its family."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd

from ablate.analysis import statistics
from ablate.analysis.effects.metric import COUNTED_AT_CHANCE, Metric, confirmatory_runs
from ablate.analysis.effects.pairing import (
    IDENTICAL,
    UNFINISHED,
    declared_runs,
    identical_comparisons,
    lossy_comparisons,
    pair_runs,
    unfinished_contrasts,
)
from ablate.analysis.statistics import Judgement, Looks
from ablate.study.trial import REFERENCE

IDENTITY = ("factor", "level", "variant", "mode", "against")
EFFECT_COLUMNS = (
    *IDENTITY, "n", "mean", "sd", "low", "high", "p", "p_adjusted", "p_holm", "verdict", "low_adjusted",
    "high_adjusted", "seeds_needed", "mde", "d_z", "p_better", "p_tost", "margin", "diverged", "reference_mean",
    "variant_mean", "metric", "unit", "scale", "score_difference", "learning_rate", "look",
)  # fmt: skip
FLIPS_SEED = 0  # fixed, so that a rebuilt report gives the same numbers; used above 20 seeds only


def effects_table(
    results: pd.DataFrame, metric: Metric, *, alpha: float = 0.05, looks: Looks | None = None
) -> pd.DataFrame:
    """One row per comparison, the columns `EFFECT_COLUMNS`; a family is all comparisons of a learning-rate mode.

    Differences are variant − what it is `against`, on the metric, higher is better, in the file's unit (times `scale`:
    in `unit`). `low`, `high` hold for the single comparison, `low_adjusted`, `high_adjusted` for the family at once
    (Bonferroni). `p` is that of the single comparison, `p_adjusted` by max-T, `p_holm` by Holm; NaN below six seeds.
    `mde` is the smallest true difference detectable with this number of seeds (80 % power, at the observed SD).
    `reference_mean` and `variant_mean` are over the paired seeds. `diverged` counts the variant's runs that diverged,
    failed or ran out of memory. Comparisons of identical runs have a verdict of their own. Factors with the largest
    effect come first, in each the best level; comparisons with the reference before others.

    `looks` is the plan of a study that added seeds to undecided comparisons: then a comparison is judged by the seeds
    of the last look for which it has all seeds, `look`, and p values and intervals hold over all looks, see
    `statistics.judge`. The family consists of the comparisons, not of the looks.
    """
    return effects_of_runs(confirmatory_runs(results), metric, alpha=alpha, looks=looks)


def effects_of_runs(
    runs: pd.DataFrame, metric: Metric, *, alpha: float = 0.05, looks: Looks | None = None
) -> pd.DataFrame:
    """The effects table of `confirmatory_runs`."""
    pairs = pair_runs(runs, metric)
    scores = pair_runs(runs, replace(metric, column="score", sign=1))
    rows: list[dict[str, object]] = []
    for _, family in declared_runs(runs).groupby("mode", sort=False):
        contrasts = _contrasts(family, pairs, scores)
        rows += _family_rows(contrasts, metric, alpha=alpha, looks=looks)
    return _sorted(_told_apart(pd.DataFrame(rows, columns=list(EFFECT_COLUMNS)), runs, pairs))


def undecided(
    results: pd.DataFrame, metric: Metric, *, looks: Looks, look: int, alpha: float = 0.05
) -> frozenset[tuple[str, str]]:
    """The (variant, mode) that need more seeds after look number `look`, from 1, with the mode of the table's rows.

    Decided: helps, hurts, is equivalent, or is detectable but below the margin; more seeds would hardly
    change the conclusion. Only the seeds of the first `look` looks are read, so that a resumed study decides the same.
    """
    effects = effects_table(results, metric, alpha=alpha, looks=looks.up_to(look))
    needy = effects[~effects["verdict"].isin(statistics.DECIDED)]
    runs = confirmatory_runs(results)
    own = set(zip(runs["variant"], runs["mode"], strict=True))
    cells = zip(needy["variant"], needy["mode"], strict=True)
    return frozenset((variant, mode if (variant, mode) in own else "") for variant, mode in cells)


def _told_apart(effects: pd.DataFrame, runs: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """The effects, with verdicts of "equivalent" or "below the margin" withdrawn if the data cannot support them.

    With identical runs, or without a finished run, nothing was compared. If some runs did not finish, the value that
    they count as is an assumption, which may make a difference look small.
    """
    same = identical_comparisons(runs) if (effects["mean"] == 0).any() else frozenset()
    cells = pd.Series(list(zip(effects["variant"], effects["mode"], strict=True)), index=effects.index, dtype=object)
    is_small = effects["verdict"].isin(("equivalent", "detectable but below margin"))
    verdicts = effects["verdict"].mask(is_small & cells.isin(lossy_comparisons(runs)), "inconclusive")
    verdicts = verdicts.mask(cells.isin(unfinished_contrasts(pairs)), UNFINISHED)
    return effects.assign(verdict=verdicts.mask(cells.isin(same), IDENTICAL))


@dataclass(frozen=True, slots=True)
class _Contrast:
    identity: dict[str, str]  # factor, level, variant, mode, against
    pairs: pd.DataFrame  # rows of `paired_scores`, on the metric, sorted by seed
    scores: pd.DataFrame  # the same pairs on `score`
    diverged: int
    learning_rate: float


def _contrasts(family: pd.DataFrame, pairs: pd.DataFrame, scores: pd.DataFrame) -> list[_Contrast]:
    mode = family["mode"].iloc[0]
    paired, scored = (dict(list(table[table["mode"] == mode].groupby("variant"))) for table in (pairs, scores))
    return [
        _Contrast(
            identity={name: str(runs[name].iloc[0]) for name in IDENTITY},
            pairs=paired.get(variant, pairs.iloc[:0]),
            scores=scored.get(variant, scores.iloc[:0]),
            diverged=int(runs["state"].isin(COUNTED_AT_CHANCE).sum()),
            learning_rate=float(runs["learning_rate"].dropna().median()),
        )
        for variant, runs in family.groupby("variant", sort=False)
    ]


def _family_rows(
    contrasts: Sequence[_Contrast], metric: Metric, *, alpha: float, looks: Looks | None
) -> list[dict[str, object]]:
    columns = [contrast.pairs.set_index("seed")["difference"] for contrast in contrasts]
    differences = pd.concat(columns, axis=1).sort_index().to_numpy(dtype=np.float64)
    judgements = statistics.judge(differences, margin=metric.margin, seed=FLIPS_SEED, alpha=alpha, looks=looks)
    return [
        contrast.identity | _row(contrast, judgement, metric, family=len(contrasts))
        for contrast, judgement in zip(contrasts, judgements, strict=True)
    ]


def _row(contrast: _Contrast, judgement: Judgement, metric: Metric, *, family: int) -> dict[str, object]:
    interval, n, level = judgement.interval, judgement.interval.n, judgement.level
    pairs = contrast.pairs.head(n)
    d = pairs["difference"].to_numpy(dtype=np.float64)
    needed = statistics.seeds_needed(interval, contrasts=family, margin=metric.margin, alpha=level)
    detectable = statistics.minimum_detectable_effect(n, contrasts=family, alpha=level) * interval.sd
    return {
        **asdict(interval),
        "p": judgement.p,
        "p_adjusted": judgement.p_adjusted,
        "p_holm": judgement.p_holm,
        "verdict": judgement.verdict,
        "low_adjusted": judgement.simultaneous.low,
        "high_adjusted": judgement.simultaneous.high,
        # The exact test can require more seeds than the t test that `seeds_needed` assumes.
        "seeds_needed": max(needed, n + 1) if judgement.verdict == "inconclusive" else needed,
        "mde": detectable if n >= statistics.least_seeds(alpha=level) else math.nan,
        "d_z": statistics.standardized_effect(d),
        "p_better": statistics.probability_better(d),
        "p_tost": judgement.p_tost,
        "margin": metric.margin,
        "diverged": contrast.diverged,
        "reference_mean": float(pairs["reference_value"].mean()),
        "variant_mean": float(pairs["value"].mean()),
        "metric": metric.name,
        "unit": metric.unit,
        "scale": metric.scale,
        "score_difference": float(contrast.scores.head(n)["difference"].mean()),
        "learning_rate": contrast.learning_rate,
        "look": judgement.look,
    }


def _sorted(effects: pd.DataFrame) -> pd.DataFrame:
    size = effects["mean"].abs().groupby([effects["against"], effects["factor"]]).transform("max").fillna(-1.0)
    order = effects.assign(size=size, other=effects["against"] != REFERENCE).sort_values(
        ["other", "against", "size", "factor", "mean", "variant", "mode"],
        ascending=[True, True, False, True, False, True, True],
    )
    return order.drop(columns=["size", "other"]).reset_index(drop=True)
