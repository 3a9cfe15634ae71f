"""Paired differences, one a seed, into a table of intervals, exact p values and verdicts: one family at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from ablate import statistics
from ablate.effects.table import FLIPS_SEED

STATISTICS = ("n", "mean", "sd", "low", "high", "low_adjusted", "high_adjusted", "p", "p_adjusted", "verdict")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared, and by how much it differs in each seed, in the metric's unit."""

    identity: Mapping[str, object]  # the columns that name it
    differences: "pd.Series[float]"  # the index is the seed


def comparison_table(comparisons: Sequence[Comparison], *, margin: float, alpha: float = 0.05) -> pd.DataFrame:
    """One row a comparison: its identity, then the columns `STATISTICS`. All of them are one family.

    `p` is the exact sign-flip p, `p_adjusted` that of the family (max-T); both are NaN below six seeds. `low` and
    `high` are the 95 % interval of a comparison alone, `low_adjusted` and `high_adjusted` hold for all at once.
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
