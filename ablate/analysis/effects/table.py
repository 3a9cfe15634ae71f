"""Judge paired runs as the effects table: one row per comparison, adjusted for its family."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd

from ablate.analysis import statistics
from ablate.analysis.effects.contrasts import IDENTITY, Contrast, columns_of_samples, contrasts_of, without_size
from ablate.analysis.effects.lost_runs import FAILURE_COLUMNS, RunStates, failure_rows
from ablate.analysis.effects.metric import Metric, confirmatory_runs
from ablate.analysis.effects.pairing import (
    IDENTICAL,
    LOST,
    UNFINISHED,
    counted_pairs,
    declared_runs,
    identical_comparisons,
    lossy_comparisons,
    lost_comparisons,
    pair_runs,
    unfinished_contrasts,
    unpaired_runs,
)
from ablate.analysis.effects.primary import only_primary
from ablate.analysis.statistics import Judgement, Looks, Verdict
from ablate.study.trial import REFERENCE

EFFECT_COLUMNS = (
    *IDENTITY, "n", "mean", "sd", "low", "high", "p", "p_adjusted", "p_holm", "verdict", "low_adjusted",
    "high_adjusted", "seeds_needed", "mde", "d_z", "p_better", "p_tost", "margin", "diverged", "reference_mean",
    "variant_mean", "metric", "unit", "scale", "score_difference", "learning_rate", "look", *FAILURE_COLUMNS,
    "test", "adjustment",
)  # fmt: skip
UNSURE: dict[Verdict, Verdict] = {  # what is left of a verdict if a lost run may make a difference look small
    "equivalent": "inconclusive", "detectable but below margin": "detectable, size undecided",
}  # fmt: skip
FLIPS_SEED = 0  # fixed, so that a rebuilt report gives the same numbers; used above 20 seeds only


def effects_table(
    results: pd.DataFrame, metric: Metric, *, alpha: float = 0.05, looks: Looks | None = None, overlap: float = 0.0
) -> pd.DataFrame:
    """One row per comparison, the columns `EFFECT_COLUMNS`; a family is all comparisons of a learning-rate mode.

    Differences are variant − what it is `against`, on the metric, higher is better, in the file's unit (times `scale`:
    in `unit`). `low`, `high` hold for the single comparison, `low_adjusted`, `high_adjusted` for the family at once
    (Bonferroni). `p` is that of the single comparison, `p_adjusted` by max-T, `p_holm` by Holm; intervals and p are
    NaN below six seeds. The columns `FAILURE_COLUMNS` compare how often runs were lost; where that happened and the
    score of guessing is unknown, the verdict is "lost runs" and there is no mean. `mde` is the smallest true
    difference detectable with this number of seeds (80 % power, at the observed SD). `reference_mean` and
    `variant_mean` are over the paired seeds. `diverged` counts the variant's runs that diverged, failed or ran out of
    memory. Comparisons of identical runs have a verdict of their own; those of another mode than the primary one are
    "exploratory", see `only_primary`. Factors with the largest effect come first, in each the best level; comparisons
    with the reference before others.

    `looks` is the plan of a study that added seeds to undecided comparisons: then a comparison is judged by the seeds
    of the last look for which it has all seeds, `look`, and p values and intervals hold over all looks, see
    `statistics.judge`. The family consists of the comparisons, not of the looks.

    `test` is "paired" (sign flips), "folds" if seeds are folds that `overlap` (test examples per training example), or
    "unpaired" if the sides share no seed. With either of the latter `p_adjusted` is Holm's, as `adjustment` says.
    """
    return effects_of_runs(confirmatory_runs(results), metric, alpha=alpha, looks=looks, overlap=overlap)


def effects_of_runs(
    runs: pd.DataFrame, metric: Metric, *, alpha: float = 0.05, looks: Looks | None = None, overlap: float = 0.0
) -> pd.DataFrame:
    """The effects table of `confirmatory_runs`."""
    return only_primary(_judged_in_every_mode(runs, metric, alpha=alpha, looks=looks, overlap=overlap))


def _judged_in_every_mode(
    runs: pd.DataFrame, metric: Metric, *, alpha: float, looks: Looks | None, overlap: float = 0.0
) -> pd.DataFrame:
    found = compared_runs(runs, metric, with_apart=looks is None)
    rows: list[dict[str, object]] = []
    for contrasts in found.families.values():
        rows += family_rows(contrasts, metric, alpha=alpha, looks=looks, overlap=overlap)
    return in_order(told_apart(pd.DataFrame(rows, columns=list(EFFECT_COLUMNS)), found))


@dataclass(frozen=True, slots=True)
class ComparedRuns:
    """The runs of all comparisons, and what limits their verdicts."""

    runs: pd.DataFrame
    counted: pd.DataFrame  # the pairs with all lost runs
    lost: frozenset[tuple[str, str]]  # (variant, mode) of comparisons without a size
    families: Mapping[str, Sequence[Contrast]]  # by learning-rate mode


def compared_runs(runs: pd.DataFrame, metric: Metric, *, with_apart: bool = True) -> ComparedRuns:
    """Form the comparisons of `confirmatory_runs`, by families; `with_apart`: those without shared seeds too."""
    pairs, counted = pair_runs(runs, metric), counted_pairs(runs, metric)
    scores = pair_runs(runs, replace(metric, column="score", sign=1))
    apart = unpaired_runs(runs, metric, counted) if with_apart else {}
    lost = lost_comparisons(counted, apart) if math.isnan(metric.chance) else frozenset()
    families = {
        str(mode): [
            without_size(one) if one.key in lost else one for one in contrasts_of(family, pairs, scores, counted, apart)
        ]
        for mode, family in declared_runs(runs).groupby("mode", sort=False)
    }
    return ComparedRuns(runs, counted, lost, families)


def undecided(
    results: pd.DataFrame, metric: Metric, *, looks: Looks, look: int, alpha: float = 0.05
) -> frozenset[tuple[str, str]]:
    """The (variant, mode) that need more seeds after look number `look`, from 1, with the mode of the table's rows.

    Decided: helps, hurts, is equivalent, or is detectable but below the margin; more seeds would hardly change the
    conclusion. A detectable difference of undecided size gets more. Exploratory modes are judged too, each by itself.
    Only the seeds of the first `look` looks are read, so that a resumed study decides the same.
    """
    runs = confirmatory_runs(results)
    effects = _judged_in_every_mode(runs, metric, alpha=alpha, looks=looks.up_to(look))
    needy = effects[~effects["verdict"].isin(statistics.DECIDED)]
    own = set(zip(runs["variant"], runs["mode"], strict=True))
    cells = zip(needy["variant"], needy["mode"], strict=True)
    return frozenset((variant, mode if (variant, mode) in own else "") for variant, mode in cells)


def told_apart(effects: pd.DataFrame, found: ComparedRuns) -> pd.DataFrame:
    """The effects, with verdicts of "equivalent" or "below the margin" withdrawn if the data cannot support them.

    With identical runs, or without a finished run, nothing was compared. If some runs did not finish, the value that
    they count as is an assumption, which may make a difference look small; without such a value, for the lost ones, no
    size is claimed.
    """
    runs, lost = found.runs, found.lost
    same = identical_comparisons(runs) if (effects["mean"] == 0).any() else frozenset()
    cells = pd.Series(list(zip(effects["variant"], effects["mode"], strict=True)), index=effects.index, dtype=object)
    verdicts = effects["verdict"].mask(cells.isin(lossy_comparisons(runs)), effects["verdict"].replace(UNSURE))
    verdicts = verdicts.mask(cells.isin(lost), LOST).mask(cells.isin(unfinished_contrasts(found.counted)), UNFINISHED)
    return effects.assign(verdict=verdicts.mask(cells.isin(same), IDENTICAL))


def family_rows(
    contrasts: Sequence[Contrast], metric: Metric, *, alpha: float, looks: Looks | None = None, overlap: float = 0.0
) -> list[dict[str, object]]:
    """The rows of the effects table for the comparisons of a family, in their order."""
    columns = [contrast.pairs.set_index("seed")["difference"] for contrast in contrasts]
    differences = pd.concat(columns, axis=1).sort_index().to_numpy(dtype=np.float64)
    samples = {at: sides for at, one in enumerate(contrasts) if (sides := one.samples()) is not None}
    judgements = statistics.judge(
        differences, margin=metric.margin, seed=FLIPS_SEED, alpha=alpha, looks=looks, overlap=overlap, unpaired=samples
    )
    adjustment = "Holm" if overlap or samples else "max-T"
    states = [run_states(one, judged, alpha=alpha) for one, judged in zip(contrasts, judgements, strict=True)]
    return [
        contrast.identity
        | _row(contrast, judgement, metric, family=len(contrasts), overlap=overlap)
        | failures
        | {"adjustment": adjustment}
        for contrast, judgement, failures in zip(contrasts, judgements, failure_rows(states, alpha=alpha), strict=True)
    ]


def run_states(contrast: Contrast, judgement: Judgement, *, alpha: float) -> RunStates:
    """The states of the runs that are judged: with looks, those of the seeds of the last complete look."""
    if contrast.apart is not None:
        mine, theirs = contrast.apart
        return RunStates(mine["state"], theirs["state"], is_paired=False)
    seen = contrast.counted.head(judgement.interval.n) if judgement.look else contrast.counted
    return RunStates(seen["state"], seen["reference_state"], share=judgement.level / alpha)


def _row(contrast: Contrast, judgement: Judgement, metric: Metric, *, family: int, overlap: float) -> dict[str, object]:
    interval, n, level = judgement.interval, judgement.interval.n, judgement.level
    pairs = contrast.pairs.head(n)
    d = pairs["difference"].to_numpy(dtype=np.float64)
    is_tested = n >= statistics.MIN_SEEDS  # below, an interval says more of Student's t than of the runs
    is_open = judgement.verdict in ("inconclusive", "detectable, size undecided")
    is_sized = judgement.verdict != "detectable, size undecided"
    count = statistics.seeds_needed if is_sized else statistics.seeds_to_bound
    needed = count(interval, contrasts=family, margin=metric.margin, alpha=level)
    detectable = statistics.minimum_detectable_effect(n, contrasts=family, alpha=level) * interval.sd
    detectable *= math.sqrt(1 + n * overlap)
    return {
        **asdict(interval),
        "low": interval.low if is_tested else math.nan,
        "high": interval.high if is_tested else math.nan,
        "n": n or (len(contrast.counted) if contrast.apart is None else min(map(len, contrast.apart))),
        "p": judgement.p,
        "p_adjusted": judgement.p_adjusted,
        "p_holm": judgement.p_holm,
        "verdict": judgement.verdict,
        "low_adjusted": judgement.simultaneous.low if is_tested else math.nan,
        "high_adjusted": judgement.simultaneous.high if is_tested else math.nan,
        # The exact test can require more seeds than the t test that `seeds_needed` assumes.
        # More folds of the same examples do not make the mean more certain: no number of them is enough.
        "seeds_needed": math.nan if overlap else max(needed, n + 1) if is_open else needed,
        "mde": detectable if is_tested and n >= statistics.least_seeds(alpha=level) else math.nan,
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
        "test": "folds" if overlap else "paired",
    } | columns_of_samples(contrast)


def in_order(effects: pd.DataFrame) -> pd.DataFrame:
    """The largest effects first, by factor; comparisons with the reference before others."""
    size = effects["mean"].abs().groupby([effects["against"], effects["factor"]]).transform("max").fillna(-1.0)
    order = effects.assign(size=size, other=effects["against"] != REFERENCE).sort_values(
        ["other", "against", "size", "factor", "mean", "variant", "mode"],
        ascending=[True, True, False, True, False, True, True],
    )
    return order.drop(columns=["size", "other"]).reset_index(drop=True)
