"""The runs of each comparison of a family: its pairs, its lost runs, and the samples of both sides if unpaired."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ablate.analysis import statistics
from ablate.analysis.effects.metric import COUNTED_AT_CHANCE
from ablate.analysis.statistics.paired import Floats

IDENTITY = ("factor", "level", "variant", "mode", "against")


@dataclass(frozen=True, slots=True)
class Contrast:
    """One comparison with all runs that judge it."""

    identity: dict[str, str]  # factor, level, variant, mode, against
    pairs: pd.DataFrame  # rows of `paired_scores`, on the metric, sorted by seed
    scores: pd.DataFrame  # the same pairs on `score`
    counted: pd.DataFrame  # the pairs with all lost runs
    diverged: int
    learning_rate: float
    apart: tuple[pd.DataFrame, pd.DataFrame] | None  # the runs of both sides, if they share no seed
    has_size: bool = True  # False: lost runs whose score is unknown

    @property
    def key(self) -> tuple[str, str]:
        """Variant and mode."""
        return self.identity["variant"], self.identity["mode"]

    def samples(self) -> tuple[Floats, Floats] | None:
        """The values of both sides, if they share no seed."""
        if self.apart is None or not self.has_size:
            return None
        mine, theirs = (side["value"].to_numpy(dtype=np.float64) for side in self.apart)
        return mine, theirs


def contrasts_of(
    family: pd.DataFrame,
    pairs: pd.DataFrame,
    scores: pd.DataFrame,
    counted: pd.DataFrame,
    apart: Mapping[tuple[str, str], tuple[pd.DataFrame, pd.DataFrame]],
) -> list[Contrast]:
    """The comparisons of a family, the declared runs of one mode; the other tables are of all modes.

    `apart` has the runs of both sides of the comparisons without a shared seed, by variant and mode.
    """
    mode = family["mode"].iloc[0]
    tables = (pairs, scores, counted)
    paired, scored, whole = (dict(list(table[table["mode"] == mode].groupby("variant"))) for table in tables)
    return [
        Contrast(
            identity={name: str(runs[name].iloc[0]) for name in IDENTITY},
            pairs=paired.get(variant, pairs.iloc[:0]),
            scores=scored.get(variant, scores.iloc[:0]),
            counted=whole.get(variant, counted.iloc[:0]),
            diverged=int(runs["state"].isin(COUNTED_AT_CHANCE).sum()),
            learning_rate=float(runs["learning_rate"].dropna().median()),
            apart=apart.get((str(variant), str(mode))),
        )
        for variant, runs in family.groupby("variant", sort=False)
    ]


def without_size(contrast: Contrast) -> Contrast:
    """The comparison with its failures alone: what its finished runs scored says nothing of those that were lost."""
    return replace(contrast, pairs=contrast.pairs.iloc[:0], scores=contrast.scores.iloc[:0], has_size=False)


def columns_of_samples(contrast: Contrast) -> dict[str, object]:
    """The columns that have other values if the sides share no seed."""
    samples = contrast.samples()
    if contrast.apart is None or samples is None:
        return {} if contrast.apart is None else {"test": "unpaired"}
    mine, theirs = contrast.apart
    return {
        "test": "unpaired",
        "p_better": statistics.superiority(*samples),
        "reference_mean": float(samples[1].mean()),
        "variant_mean": float(samples[0].mean()),
        "score_difference": float(mine["score"].mean() - theirs["score"].mean()),
    }
