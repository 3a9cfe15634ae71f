"""The figure and table of the factorial's variance shares: what main effects, interactions and noise hold."""

import pandas as pd

from ablate.analysis import designs
from ablate.analysis.designs import Factorial
from ablate.report.exploratory import MARKED
from ablate.report.numbers import number
from ablate.report.page import Block, Table, to_figure
from ablate.report.plots.designs import draw_shares

HOW_TO_READ = (
    "A name with × is an interaction: the joint effect beyond the separate effects. Dashed bars are seed variance."
)
HOW_TO_READ_TICKS = " The tick is the average bar under noise alone: a bar that ends at its tick is no evidence."


def variance_blocks(one: Factorial) -> list[Block]:
    """Each term's share of the variance beside the share that noise alone would give it; [] without a share."""
    shares = designs.variance_shares([one])
    between = shares["share_of_runs"].where(shares["share"].notna()).sum()
    shares["noise_of_runs"] = shares["share_by_noise"] * between
    figure = draw_shares(shares)
    if figure is None:
        return []
    sentence, title = _shares_in_words(shares), f"Where the variance comes from {MARKED}"
    rows = [
        [str(row["term"]), str(row["kind"]),
         *(number(100 * row[name], 2) for name in ("share_of_runs", "noise_of_runs", "share"))]
        for row in shares.to_dict("records")
    ]  # fmt: skip
    head = ("Term", "Kind", "Share of the variance, %", "Expected from noise, %", "Share between cell means, %")
    caption = f"Functional ANOVA of the factorial {MARKED}"
    table = Table(caption, head, rows, frozenset((2, 3, 4)), name="anova", data=shares)
    ticks = HOW_TO_READ_TICKS if shares["noise_of_runs"].notna().any() else ""
    return [to_figure(figure, "shares", title, sentence, table, HOW_TO_READ + ticks)]


def _shares_in_words(shares: pd.DataFrame) -> str:
    kinds = shares.groupby("kind")["share_of_runs"].sum() * 100
    single, pairs, higher, seeds, noise = (
        float(kinds.get(kind, 0.0)) for kind in ("main", "interaction", "higher", "seed", "noise")
    )
    said = f"Exploratory: main effects hold {number(single, 0)} % of the variance of these runs"
    said += f", two-factor interactions {number(pairs, 0)} %"
    if (shares["kind"] == "higher").any():
        said += f", interactions of three or more {number(higher, 0)} %"
    rest = f"; the remaining {number(seeds + noise, 0)} % are seed variance and noise" if seeds + noise else ""
    return f"{said}{rest}; {_noise_in_words(shares)}."


def _noise_in_words(shares: pd.DataFrame) -> str:
    """What noise alone gives the terms together: without it a share reads as an effect."""
    by_noise = shares["noise_of_runs"]
    if not by_noise.notna().any():
        return "with one run a cell, noise is in every share and cannot be told from an effect"
    return f"noise alone would give all these terms together about {number(100 * by_noise.sum(), 0)} %"
