"""The folded table of other ways to look at each comparison; no verdict rests on them."""

from dataclasses import asdict

import pandas as pd

from ablate.analysis.effects import LOST
from ablate.analysis.effects.contrasts import IDENTITY
from ablate.analysis.effects.table import FLIPS_SEED
from ablate.analysis.statistics import MIN_SEEDS
from ablate.analysis.statistics.robustness import robustness
from ablate.report.exploratory import MARKED
from ablate.report.export import with_units
from ablate.report.inputs import Inputs
from ablate.report.numbers import effect_decimals, file_unit, in_unit, interval, number, p_value
from ablate.report.page import MOST_ROWS, Folded, Table
from ablate.report.plots import contrast_name

SENTENCE = (
    "Ranks (Wilcoxon's signed-rank test, not adjusted for other comparisons), a bootstrap of the mean (BCa, from "
    "10 seeds on), the share of seeds in which the variant is ahead (Wilson's interval), and the posterior "
    "probabilities that the true difference is {sizes} (Student's t, no prior knowledge). "
    "Exploratory: they show whether a finding depends on the method, and no verdict rests on them."
)
PERCENTS = ("p_worse", "p_within", "p_above")


def robustness_block(effects: pd.DataFrame, inputs: Inputs) -> list[Folded]:
    """The table for paired comparisons with six seeds or more; nothing without any."""
    told = effects[(effects["n"] >= MIN_SEEDS) & (effects["test"] != "unpaired") & (effects["verdict"] != LOST)]
    if told.empty:
        return []
    metric, decimals = inputs.metric, effect_decimals(told, inputs.metric)
    data, has_margin = _measured(told, inputs), metric.margin > 0
    percents = [name for name in PERCENTS if has_margin or name != "p_within"]
    rows = [
        [*contrast_name(row["factor"], row["level"], against=row["against"]), p_value(row["wilcoxon_p"]),
         interval(row["bootstrap_low"] * metric.scale, row["bootstrap_high"] * metric.scale, decimals),
         interval(row["better_low"], row["better_high"], 2), *(_percent(row[name]) for name in percents)]
        for row in data.head(MOST_ROWS).to_dict("records")
    ]  # fmt: skip
    head = (
        "Factor", "Level", "p (Wilcoxon)", f"Bootstrap, 95 %{in_unit(metric)}", "P(better), 95 %", "Worse",
        *["Within ±δ"] * has_margin, "Better",
    )  # fmt: skip
    units = dict.fromkeys(("bootstrap_low", "bootstrap_high"), file_unit(metric))
    table = Table(
        f"Other ways to look at it {MARKED}", head, rows, frozenset(range(2, len(head))), name="robustness",
        data=with_units(data, units),
    )  # fmt: skip
    sizes = "below, within and above the margin" if has_margin else "below and above 0"
    return [Folded("other-ways", SENTENCE.format(sizes=sizes), table)]


def _measured(told: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    pairs = dict(iter(inputs.scores.groupby(["variant", "mode"])))
    overlap = float(inputs.facts.overlap or 0.0)
    found = [
        asdict(
            robustness(
                pairs[row["variant"], row["mode"]]["difference"].head(row["n"]).to_numpy(dtype=float),
                margin=inputs.metric.margin, seed=FLIPS_SEED, overlap=overlap,
            )
        )
        for row in told.to_dict("records")
    ]  # fmt: skip
    return pd.concat([told[list(IDENTITY)].reset_index(drop=True), pd.DataFrame(found)], axis=1)


def _percent(share: float) -> str:
    if share < 0.01 or share > 0.99:
        return "< 1 %" if share < 0.01 else "> 99 %"
    return f"{number(100 * share, 0)} %"
