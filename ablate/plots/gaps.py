"""Gaps between training and validation into a dot plot: a row a variant, a dot a seed, mean and interval."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ablate.plots.differences import MOST_DRAWN, ROW
from ablate.plots.svg import INK, MUTED, SEED, SERIES, WIDTH, figure_style, shorten


def draw_gaps(gaps: pd.DataFrame, runs: pd.DataFrame) -> Figure | None:
    """The mean gap of each variant with its interval, the reference as a line, each run as a light dot; in points.

    `gaps` has a row a variant: name ("" for the reference), mean, low, high; `runs` a row a run: name, gap. The first
    `MOST_DRAWN` are drawn. None without a row.
    """
    if gaps.empty:
        return None
    shown = gaps.head(MOST_DRAWN)
    with figure_style():
        figure = Figure(figsize=(WIDTH, 0.7 + ROW * 0.85 * len(shown)), layout="constrained")
        axes = figure.subplots()
        for at, row in enumerate(shown.to_dict("records")):
            _draw_row(axes, at, row["mean"], (row["low"], row["high"]), runs.loc[runs["name"] == row["name"], "gap"])
            if not row["name"]:
                axes.axvline(row["mean"], color=MUTED, linewidth=1, zorder=1)
        axes.set_yticks(range(len(shown)), [shorten(name, 40) if name else "reference" for name in shown["name"]])
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.set_xlabel("training accuracy less validation accuracy, points; right is a wider gap")
        axes.grid(axis="x")
        axes.spines["left"].set_visible(False)
    return figure


def _draw_row(axes: Axes, at: int, mean: float, ends: tuple[float, float], seeds: "pd.Series[float]") -> None:
    axes.plot(seeds, [at + 0.24] * len(seeds), linestyle="none", marker="o", color=SEED, markersize=3.2,
              markeredgewidth=0, zorder=2)  # fmt: skip
    if np.isfinite(ends).all():
        axes.plot(ends, [at, at], color=SERIES[0], linewidth=2.6, solid_capstyle="butt", zorder=3)
    axes.plot([mean], [at], marker="o", color=SERIES[0], markersize=6, zorder=4)
