"""Draw the results of factorial and two-sided designs: variance shares, effects from both ends, interactions."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import blended_transform_factory

from ablate.analysis.effects import Metric
from ablate.report.plots.differences import MOST_DRAWN, ROW, draw_frame
from ablate.report.plots.svg import INK, MUTED, PAPER, SERIES, SHADE, WIDTH, figure_style, name_rows, shorten
from ablate.storage.results import Row

MEASURE_LOOKS = {  # measure -> (words, marker, colour)
    "add_one_in": ("add-one-in", "o", SERIES[0]),
    "shapley": ("Shapley value", "D", SERIES[2]),
    "leave_one_out": ("leave-one-out", "s", SERIES[1]),
}
DISAGREEMENTS = {"sign": "≠ signs differ (exploratory)"}
LINES = (("o", "-"), ("s", "--"), ("^", "-."), ("D", ":"), ("v", "-"), ("P", "--"))  # marker, dash of a level
MOST_TERMS = 14  # bars of shares; the remaining pairs share one more bar
MOST_PANELS = 6  # interactions drawn; the table has all
NAME_GAP = 0.06  # of a panel's height, between the names of two lines


def draw_shares(shares: pd.DataFrame) -> Figure | None:
    """One bar per term, the largest first, the unexplained rest last; None without a share.

    `shares` has term, kind, share_of_runs and noise_of_runs, shares of 1; the latter is the share expected from noise
    alone, drawn as a tick. The bar of the seeds is dashed: no factor explains it.
    """
    bars = _bars(shares)
    if bars.empty:
        return None
    with figure_style():
        figure = Figure(figsize=(WIDTH, 0.75 + ROW * len(bars)), layout="constrained")
        axes = figure.subplots()
        for at, bar in enumerate(bars.to_dict("records")):
            _draw_bar(axes, at, bar)
        name_rows(axes, [shorten(str(term), 44) for term in bars["term"]])
        axes.set_xlim(0, 115 * float(bars["share_of_runs"].max()))
        axes.set_xlabel("share of the variance, %")
    return figure


def draw_directions(directions: pd.DataFrame, *, metric: Metric, label: str) -> Figure | None:
    """One row per factor: its effect alone, on average and on top of all others, with 95 % intervals; None without one.

    `directions` has the columns of `analysis.designs.both_directions`, of one mode; draws the first `MOST_DRAWN`.
    """
    rows = directions.head(MOST_DRAWN).to_dict("records")
    measures = [name for name in MEASURE_LOOKS if len(directions) and directions[name].notna().any()]
    if not measures:
        return None
    with figure_style():
        figure = Figure(figsize=(WIDTH, 1.05 + 0.17 * (len(measures) + 1) * len(rows)), layout="constrained")
        axes = figure.subplots()
        draw_frame(axes, metric, limits=_worth_limits(directions, measures, metric), label=label)
        for at, row in enumerate(rows):
            _draw_worth(axes, at, row, measures, scale=metric.scale)
        names = [shorten(f"{row['factor']}: {row['reference_level']} → {row['level']}", 42) for row in rows]
        name_rows(axes, names)
        _legend(figure, [MEASURE_LOOKS[name] for name in measures])
    return figure


def draw_interactions(cells: pd.DataFrame, *, metric: Metric, label: str) -> Figure | None:
    """One panel per pair of factors, a line for each level of the second factor; None without a pair.

    `cells` has factor, level, factor_2, level_2, mean, low, high: the difference to the cell of both references,
    averaged over all other factors. The levels of the first factor are on the horizontal axis. Draws at most
    `MOST_PANELS` pairs.
    """
    pairs = list(cells.groupby(["factor", "factor_2"], sort=False))[:MOST_PANELS] if len(cells) else []
    if not pairs:
        return None
    n_columns = min(2, len(pairs))
    n_rows = math.ceil(len(pairs) / n_columns)
    with figure_style():
        figure = Figure(figsize=(WIDTH, 3.1 * n_rows), layout="constrained")
        grid = figure.subplots(n_rows, n_columns, sharey=True, squeeze=False).ravel()
        for number, (axes, (_, pair)) in enumerate(zip(grid, pairs, strict=False)):
            _draw_pair(axes, pair, metric.scale)
            axes.set_ylabel(label if number % n_columns == 0 else "")
        for axes in grid[len(pairs) :]:
            axes.set_visible(False)
    return figure


def _bars(shares: pd.DataFrame) -> pd.DataFrame:
    """The largest terms in order, then the other pairs as one bar, then the share that no pair explains."""
    shares = shares[shares["share_of_runs"].notna()]
    is_term = shares["kind"].isin(("main", "interaction"))
    ordered = shares[is_term].sort_values("share_of_runs", ascending=False, kind="stable")
    shown, others = ordered.head(MOST_TERMS), ordered.iloc[MOST_TERMS:]
    rest = shares[~is_term].assign(term=shares["kind"].map(_rest_name))
    if others.empty:
        return pd.concat([shown, rest])
    summed = {
        "term": f"{len(others)} smaller terms",
        "kind": "other",
        **others[["share_of_runs", "noise_of_runs"]].sum(),
    }
    return pd.concat([shown, pd.DataFrame([summed]), rest])


def _rest_name(kind: str) -> str:
    names = {
        "higher": "three or more factors together",
        "seed": "seed variance, shared by all cells",
        "noise": "noise between runs",
    }
    return names.get(kind, kind)


def _draw_bar(axes: Axes, at: int, bar: Row) -> None:
    share, noise = 100 * bar["share_of_runs"], 100 * bar["noise_of_runs"]
    if bar["kind"] in ("seed", "noise"):
        axes.barh([at], [share], height=0.62, facecolor=SHADE, edgecolor=MUTED, linestyle="--")
    else:
        axes.barh([at], [share], height=0.62, color=SERIES[0] if bar["kind"] == "main" else SERIES[5])
        if np.isfinite(noise) and noise > 0:
            axes.plot([noise, noise], [at - 0.4, at + 0.4], color=INK, linewidth=1.4)
    axes.annotate(f"{share:.1f}", (max(share, noise if np.isfinite(noise) else 0), at), xytext=(4, 0),
                  textcoords="offset points", va="center", color=INK, fontsize=8.5)  # fmt: skip


def _worth_limits(directions: pd.DataFrame, measures: list[str], metric: Metric) -> tuple[float, float]:
    columns = [f"{name}{part}" for name in measures for part in ("", "_low", "_high")]
    values = np.append(directions[columns].to_numpy(dtype=float).ravel(), [metric.margin, -metric.margin])
    values = values[np.isfinite(values)] * metric.scale
    low, high = float(values.min()), float(values.max())
    room = 0.04 * (high - low) or 1.0
    return low - room, high + 9 * room  # space for the word that marks a disagreement


def _draw_worth(axes: Axes, at: int, row: Row, measures: list[str], *, scale: float) -> None:
    for index, name in enumerate(measures):
        _, marker, colour = MEASURE_LOOKS[name]
        y = at + (index - (len(measures) - 1) / 2) * 0.24
        ends = np.array([row[f"{name}_low"], row[f"{name}_high"]], dtype=float) * scale
        if np.isfinite(ends).all():
            axes.plot(ends, [y, y], color=colour, linewidth=2.0, zorder=3)
        axes.plot(
            [row[name] * scale], [y], marker=marker, color=colour, markeredgecolor=PAPER, markersize=6.5, zorder=4
        )
    if word := DISAGREEMENTS.get(row["disagreement"], ""):
        place = blended_transform_factory(axes.transAxes, axes.transData)
        axes.text(0.995, at, word, transform=place, ha="right", va="center", color=INK, fontsize=8.5)


def _legend(figure: Figure, looks: list[tuple[str, str, str]]) -> None:
    handles = [
        Line2D([], [], color=colour, marker=marker, linewidth=2.0, markeredgecolor=PAPER, markersize=6.5)
        for _, marker, colour in looks
    ]
    names = [words for words, _, _ in looks]
    figure.legend(handles, names, loc="outside upper left", ncols=len(names), labelcolor=INK)


def _draw_pair(axes: Axes, pair: pd.DataFrame, scale: float) -> None:
    places = {level: at for at, level in enumerate(dict.fromkeys(pair["level"]))}
    lines = list(pair.groupby("level_2", sort=False))
    ends: dict[str, tuple[float, float]] = {}
    for index, (_, line) in enumerate(lines):
        marker, dash = LINES[index % len(LINES)]
        colour = SERIES[index % len(SERIES)]
        x = line["level"].map(places).to_numpy(dtype=float) + (index - (len(lines) - 1) / 2) * 0.06
        mean, low, high = (line[name].to_numpy(dtype=float) * scale for name in ("mean", "low", "high"))
        axes.vlines(x, low, high, color=colour, linewidth=1.6, zorder=3)
        axes.plot(x, mean, color=colour, marker=marker, linestyle=dash, linewidth=1.6, markersize=6,
                  markeredgecolor=PAPER, zorder=4)  # fmt: skip
        ends[shorten(str(line["level_2"].iloc[0]), 16)] = (float(x[-1]), float(mean[-1]))
    _name_lines(axes, ends)
    factor, factor_2 = (str(pair[name].iloc[0]) for name in ("factor", "factor_2"))
    axes.axhline(0, color=MUTED, linewidth=1, zorder=1)
    axes.set_title(shorten(f"{factor} × {factor_2}", 46))
    axes.set_xlabel(f"{shorten(factor, 30)}; a line is a level of {shorten(factor_2, 30)}")
    axes.set_xticks(range(len(places)), [shorten(str(level), 16) for level in places])
    axes.set_xlim(-0.4, len(places) - 0.3)
    axes.grid(axis="y")


def _name_lines(axes: Axes, ends: dict[str, tuple[float, float]]) -> None:
    """Write each line's level at its end, moved up if too close to the name below."""
    low, high = axes.get_ylim()
    gap, floor = NAME_GAP * (high - low), -math.inf
    x = max(at for at, _ in ends.values())
    for name, (_, y) in sorted(ends.items(), key=lambda end: end[1][1]):
        floor = max(y, floor + gap)
        axes.annotate(name, (x, floor), xytext=(8, 0), textcoords="offset points", va="center", color=INK,
                      fontsize=8.5, annotation_clip=False)  # fmt: skip
