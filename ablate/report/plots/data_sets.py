"""Draw effects on several data sets: a forest with the pooled effects, and mean ranks."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ablate.analysis.effects import DataSetEffects, RankedConfigurations
from ablate.analysis.statistics.mean_ranks import indistinct
from ablate.report.plots.differences import MOST_DRAWN, ROW, contrast_name, difference_limits, draw_frame, shown_number
from ablate.report.plots.forest import MARKS, WORDS
from ablate.report.plots.svg import INK, MUTED, PAPER, RULE, SEED, WIDTH, figure_style, mark, shorten
from ablate.storage.results import Row
from ablate.study.trial import DATA_SET

DIAMOND = 0.28  # half its height, in rows
OF_POOLED = "all data sets"


def draw_data_sets(found: DataSetEffects, mode: str, *, decimals: int, label: str) -> Figure | None:
    """Each comparison of a mode: a row for each data set, its seeds as dots, then the pooled mean as a diamond.

    The thin line through the diamond is the prediction interval. Draws as many comparisons as `MOST_DRAWN` rows hold;
    the marks of row i of the table on each data set have the key "each-i", those of pooled row i "pooled-i".
    """
    on_each, pooled = found.of_mode(mode)
    pooled = pooled.head(max(MOST_DRAWN // (len(found.names) + 1), 1))
    if pooled.empty:
        return None
    on_each = on_each.reset_index(drop=True)
    effects: list[Row] = pooled.to_dict("records")
    groups = [(row, on_each[on_each["variant"] == row["variant"]]) for row in effects]
    n_rows = sum(len(rows) + 2.4 for _, rows in groups)
    with figure_style():
        figure = Figure(figsize=(WIDTH, 0.8 + ROW * n_rows), layout="constrained")
        axes, words = figure.subplots(1, 2, width_ratios=(1.9, 1))
        for part in (axes, words):
            part.set_ylim(n_rows - 0.3, -0.5)
        words.axis("off")
        metric, scale = found.metric, found.metric.scale
        drawn = on_each[on_each["variant"].isin(pooled["variant"])]
        seeds = found.pairs[(found.pairs["mode"] == mode) & found.pairs["variant"].isin(pooled["variant"])]
        limits = _limits(drawn, pooled, seeds, found)
        draw_frame(axes, metric, limits=limits, label=label)
        ticks, y = [], 0.0
        for at, (effect, rows) in enumerate(groups):
            name = " = ".join(
                contrast_name(str(effect["factor"]), str(effect["level"]), against=str(effect["against"]))
            )
            ticks.append((y, shorten(name, 36), True, ""))
            for number, row in zip(rows.index, rows.to_dict("records"), strict=True):
                y += 1.0
                own = seeds[(seeds["variant"] == row["variant"]) & (seeds[DATA_SET] == row[DATA_SET])]
                _draw_one(axes, words, y, row, own["difference"] * scale, decimals=decimals, key=f"each-{number}")
                ticks.append((y, shorten(str(row[DATA_SET]), 24), False, f"each-{number}"))
            y += 1.0
            _draw_pooled(axes, words, y, effect, decimals=decimals, key=f"pooled-{at}")
            ticks.append((y, OF_POOLED, False, f"pooled-{at}"))
            y += 1.4
        _name(axes, ticks)
    return figure


def draw_ranks(ranked: RankedConfigurations) -> Figure:
    """The mean ranks on one axis, the best left; a bar joins configurations within the critical difference."""
    test, n = ranked.test, len(ranked.names)
    with figure_style():
        figure = Figure(figsize=(WIDTH, 1.1 + ROW * 0.8 * (n + 2)), layout="constrained")
        axes = figure.subplots()
        axes.set_xlim(min(1.0, float(test.ranks[0])) - 0.3, n + 0.3 + 0.35 * n)
        axes.set_ylim(n + 0.6, -1.6)
        for at, (name, rank) in enumerate(zip(ranked.names, test.ranks, strict=True)):
            axes.plot([rank, rank], [0, at + 1], color=RULE, linewidth=1, zorder=1)
            axes.plot([rank], [at + 1], marker="o", color=INK, markersize=5, zorder=3)
            axes.annotate(f"{shown_number(float(rank), 2)}  {shorten(name, 40)}", (rank, at + 1), xytext=(8, 0),
                          textcoords="offset points", va="center", color=INK, fontsize=8.5)  # fmt: skip
        for first, last in indistinct(test.ranks, test.critical_difference):
            _join(axes, float(test.ranks[first]), float(test.ranks[last]), y=last + 1.45)
        axes.plot([1, 1 + test.critical_difference], [-1, -1], color=MUTED, linewidth=2, marker="|", markersize=8)
        axes.annotate(f"critical difference {shown_number(test.critical_difference, 2)}",
                      (1 + test.critical_difference, -1), xytext=(8, 0), textcoords="offset points", va="center",
                      color=MUTED, fontsize=8.5)  # fmt: skip
        axes.xaxis.tick_top()
        axes.set_xticks(range(1, n + 1))
        axes.set_yticks([])
        axes.set_xlabel("mean rank (1 is best)")
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
    return figure


def _limits(
    drawn: pd.DataFrame, pooled: pd.DataFrame, seeds: pd.DataFrame, found: DataSetEffects
) -> tuple[float, float]:
    """All seeds and means, the intervals as far as they do not squeeze these: three data sets leave wide ones."""
    low, high = difference_limits(
        drawn.assign(low_adjusted=drawn["low"], high_adjusted=drawn["high"]), seeds, metric=found.metric
    )
    room = (high - low) / 2
    ends = (pooled[["low", "high", "predicted_low", "predicted_high"]] * found.metric.scale).to_numpy(dtype=float)
    ends = ends[np.isfinite(ends)]
    return (max(min([low, *ends]), low - room), min(max([high, *ends]), high + room))


def _draw_one(
    axes: Axes, words: Axes, y: float, row: Row, seeds: "pd.Series[float]", *, decimals: int, key: str
) -> None:
    scale, (sign, marker, colour) = row["scale"], MARKS.get(row["verdict"], MARKS["too few seeds"])
    if len(seeds):
        mark(axes.plot(seeds, [y + 0.3] * len(seeds), linestyle="none", marker="o", color=SEED, markersize=3.2,
                       markeredgewidth=0, zorder=2)[0], key)  # fmt: skip
    for low, high, width in ((row["low_adjusted"], row["high_adjusted"], 1.0), (row["low"], row["high"], 3.0)):
        if np.isfinite([low, high]).all():
            ends = np.array([low, high]) * scale
            mark(axes.plot(ends, [y, y], color=colour, linewidth=width, solid_capstyle="butt", zorder=3)[0], key)
    if np.isfinite(row["mean"]):
        face = PAPER if row["verdict"] == "inconclusive" else colour
        mark(axes.plot([row["mean"] * scale], [y], marker=marker if marker != "." else "o", markersize=5.5, color=face,
                       markeredgecolor=colour, zorder=4)[0], key)  # fmt: skip
    _write(words, y, row, sign, colour, decimals=decimals, is_bold=False)


def _draw_pooled(axes: Axes, words: Axes, y: float, row: Row, *, decimals: int, key: str) -> None:
    scale, (sign, _, colour) = row["scale"], MARKS.get(row["verdict"], MARKS["too few seeds"])
    predicted = np.array([row["predicted_low"], row["predicted_high"]], dtype=float) * scale
    if np.isfinite(predicted).all():
        mark(axes.plot(predicted, [y, y], color=INK, linewidth=1.0, marker="|", markersize=7, zorder=3)[0], key)
    low, mean, high = (row[name] * scale for name in ("low", "mean", "high"))
    if np.isfinite([low, mean, high]).all():
        corners = ([low, mean, high, mean], [y, y - DIAMOND, y, y + DIAMOND])
        mark(axes.fill(*corners, facecolor=INK, edgecolor=INK, linewidth=0.8, zorder=4)[0], key)
    elif np.isfinite(mean):
        mark(axes.plot([mean], [y], marker="D", markersize=5.5, color=INK, zorder=4)[0], key)
    _write(words, y, row, sign, colour, decimals=decimals, is_bold=True)


def _write(words: Axes, y: float, row: Row, sign: str, colour: str, *, decimals: int, is_bold: bool) -> None:
    mean = shown_number(row["mean"] * row["scale"], decimals, is_signed=True)
    low, high = (shown_number(row[name] * row["scale"], decimals) for name in ("low", "high"))
    held = f" [{low}, {high}]" if np.isfinite(row["low"]) else ""
    words.text(
        0.0, y, f"{mean}{held}", va="center", color=INK, fontsize=8.5, fontweight="bold" if is_bold else "normal"
    )
    words.text(0.59, y, sign, va="center", color=colour, fontsize=8.5)
    words.text(0.645, y, str(WORDS.get(row["verdict"], row["verdict"])), va="center", color=INK, fontsize=8.5)


def _name(axes: Axes, ticks: Sequence[tuple[float, str, bool, str]]) -> None:
    axes.set_yticks([y for y, *_ in ticks], [text for _, text, _, _ in ticks])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    for tick, (_, _, is_head, key) in zip(axes.get_yticklabels(), ticks, strict=True):
        if is_head:
            tick.set_fontweight("bold")
        if key:
            mark(tick, key)


def _join(axes: Axes, low: float, high: float, *, y: float) -> None:
    axes.plot([low - 0.04, high + 0.04], [y, y], color=INK, linewidth=3, solid_capstyle="butt", zorder=2)
