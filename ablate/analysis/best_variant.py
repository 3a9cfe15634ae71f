"""Choose the variant with the best mean, and the runs of both sides of its comparison, to describe them."""

from collections.abc import Container, Sequence
from dataclasses import dataclass

import pandas as pd

from ablate.analysis.effects.pairing import IDENTICAL, LOST, UNFINISHED
from ablate.study.trial import REFERENCE

_UNCOMPARED = (IDENTICAL, UNFINISHED, LOST)


@dataclass(frozen=True, slots=True)
class BestVariant:
    """The variant with the best mean among those compared with the reference: a description, not a finding."""

    factor: str
    level: str
    variant: str
    mean: float  # on the metric, higher is better; NaN if there is no variant
    reference_mean: float  # of the reference's runs with the same seeds
    among: int  # variants with a mean
    trials: Sequence[str]  # its finished runs, by seed
    reference_trials: Sequence[str]  # the reference's runs of the same seeds


def best_variant(effects: pd.DataFrame, pairs: pd.DataFrame, *, having: Container[str]) -> BestVariant | None:
    """The best of one mode's `effects`, with its runs in `pairs` that finished and are among `having`, on both sides.

    None without a variant with such a pair. Of equal means the first counts.
    """
    known = effects[(effects["against"] == REFERENCE) & ~effects["verdict"].isin(_UNCOMPARED)]
    for row in known.dropna(subset="variant_mean").sort_values("variant_mean", ascending=False).to_dict("records"):
        own = pairs[(pairs["variant"] == row["variant"]) & (pairs["mode"] == row["mode"])]
        own = own[(own["state"] == "finished") & (own["reference_state"] == "finished")]
        both = list(zip(own["trial"], own["reference_trial"], strict=True))
        if kept := [pair for pair in both if pair[0] in having and pair[1] in having]:
            return BestVariant(
                factor=str(row["factor"]),
                level=str(row["level"]),
                variant=str(row["variant"]),
                mean=float(row["variant_mean"]),
                reference_mean=float(row["reference_mean"]),
                among=int(known["variant_mean"].notna().sum()),
                trials=[one for one, _ in kept],
                reference_trials=[other for _, other in kept],
            )
    return None
