"""Draw differences to a reference: the axis with its margin, arrows for values outside, gaps, and waterfalls."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from ablate.analysis.effects import Metric
from ablate.report.plots.svg import (
    HELPS,
    HURTS,
    INK,
    MUTED,
    SEED,
    SERIES,
    SHADE,
    WIDTH,
    figure_style,
    name_rows,
    shorten,
)
from ablate.report.wording.phrases import DECIMALS
from ablate.storage.results import Row
from ablate.study.trial import BEST

ROW = 0.3  # inches per row
MOST_DRAWN = 60  # rows of a figure; the table beside it has all
WHOLE = ("configuration", "best of the search")  # used where a comparison is not of a single factor
PANEL_ROOM = 0.12  # of a waterfall's span, left free at either end


def contrast_name(factor: str, level: str, *, against: str = "") -> tuple[str, str]:
    """Factor and level as headings; marks comparisons with the best configuration."""
    if not factor:
        return WHOLE if level in ("", BEST) else (WHOLE[0], level)
    return (f"{factor}, changed in the best" if against == BEST else factor), level


def difference_limits(effects: pd.DataFrame, scores: pd.DataFrame, *, metric: Metric) -> tuple[float, float]:
    """Limits of the axis: include everything, unless variants with lost runs would squeeze all others."""
    calm = effects[effects["diverged"] == 0]
    low, high = least, most = _span(effects, scores, metric)
    if len(calm):
        low, high = _span(calm, scores[scores["variant"].isin(calm["variant"])], metric)
    if most - least <= 3 * (high - low):
        low, high = least, most
    room = 0.04 * (high - low) or 1.0
    return low - room * (1 if low <= least else 6), high + room * (1 if high >= most else 6)


def draw_frame(axes: Axes, metric: Metric, *, limits: tuple[float, float], label: str) -> None:
    """Draw the line of no difference, the margin around it, and the axis."""
    margin = metric.margin * metric.scale
    axes.axvspan(-margin, margin, color=SHADE, linewidth=0, zorder=0)
    axes.axvline(0, color=MUTED, linewidth=1, zorder=1)
    axes.set_xlim(*limits)
    axes.set_xlabel(label)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)


def draw_outside(axes: Axes, y: float, *, text: str, left: bool) -> None:
    """Draw an arrow at the edge, with the value that lies outside above it."""
    place = blended_transform_factory(axes.transAxes, axes.transData)
    axes.plot([0.008 if left else 0.992], [y], marker="<" if left else ">", color=MUTED, markersize=7, transform=place)
    x, align = (0.022, "left") if left else (0.978, "right")
    axes.text(x, y - 0.12, text, transform=place, ha=align, va="bottom", color=MUTED, fontsize=7.5, zorder=5)


def outside_text(means: Sequence[float], metric: Metric) -> str:
    """Means that lie outside the axis, in its unit: "−21.6, off the axis"."""
    decimals = DECIMALS.get(metric.unit, 2)
    return f"{' and '.join(shown_number(mean, decimals, is_signed=True) for mean in means)}, off the axis"


def shown_number(value: float, decimals: int, *, is_signed: bool = False) -> str:
    """With a true minus sign, as "+3.9", "−0.4", "0.0"; a dash if missing."""
    if not np.isfinite(value):
        return "–"
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        return text.lstrip("-")
    return text.replace("-", "−") if text.startswith("-") or not is_signed else f"+{text}"


def _span(effects: pd.DataFrame, scores: pd.DataFrame, metric: Metric) -> tuple[float, float]:
    values = pd.concat([effects[["mean", "low_adjusted", "high_adjusted"]].stack(), scores["difference"]])
    numbers = np.append(values.astype(float), [metric.margin, -metric.margin]) * metric.scale
    numbers = numbers[np.isfinite(numbers)]
    return float(numbers.min()), float(numbers.max())


def draw_gaps(gaps: pd.DataFrame, runs: pd.DataFrame, *, label: str) -> Figure | None:
    """The mean gap of each variant with its interval, the reference as a line, each run as a light dot.

    `gaps` has a row per variant: name ("" for the reference), mean, low, high; `runs` a row per run: name, gap. `label`
    names the axis. Draws the first `MOST_DRAWN` variants. None without a row.
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
        name_rows(axes, [shorten(name, 40) if name else "reference" for name in shown["name"]])
        axes.set_xlabel(label)
    return figure


def _draw_row(axes: Axes, at: int, mean: float, ends: tuple[float, float], seeds: "pd.Series[float]") -> None:
    axes.plot(seeds, [at + 0.24] * len(seeds), linestyle="none", marker="o", color=SEED, markersize=3.2,
              markeredgewidth=0, zorder=2)  # fmt: skip
    if np.isfinite(ends).all():
        axes.plot(ends, [at, at], color=SERIES[0], linewidth=2.6, solid_capstyle="butt", zorder=3)
    axes.plot([mean], [at], marker="o", color=SERIES[0], markersize=6, zorder=4)


def draw_path(path: pd.DataFrame, *, scale: float, decimals: int, label: str) -> Figure | None:
    """One waterfall per direction: each step from the previous score to its own, with the interval of its gain.

    `path` has the chosen rows of `analysis.designs.paths`, of one mode; `label` names the axis of the score. None if no
    step was made.
    """
    walks = [walk for _, walk in path.groupby("direction", sort=False) if len(walk) > 1] if len(path) else []
    if not walks:
        return None
    longest = max(map(len, walks))
    with figure_style():
        figure = Figure(figsize=(WIDTH, len(walks) * (0.75 + ROW * longest)), layout="constrained")
        panels = figure.subplots(len(walks), 1, sharex=True, squeeze=False)[:, 0]
        span = _score_span(path, scale)
        for axes, walk in zip(panels, walks, strict=True):
            axes.set_xlim(*span)
            _draw_walk(axes, walk.to_dict("records"), scale=scale, decimals=decimals)
        panels[-1].set_xlabel(label)
    return figure


def _score_span(path: pd.DataFrame, scale: float) -> tuple[float, float]:
    before = path.groupby("direction", sort=False)["score"].shift()
    ends = [path["score"], before + path["low"], before + path["high"]]
    values = np.concatenate([end.to_numpy(dtype=float) for end in ends]) * scale
    values = values[np.isfinite(values)]
    low, high = float(values.min()), float(values.max())
    room = PANEL_ROOM * (high - low) or 1.0
    return low - room, high + room


def _draw_walk(axes: Axes, steps: list[Row], *, scale: float, decimals: int) -> None:
    for at, step in enumerate(steps):
        score = step["score"] * scale
        if at:
            before = steps[at - 1]["score"] * scale
            _draw_step(axes, at, step, before, scale=scale, decimals=decimals)
        else:
            axes.plot([score], [at], marker="o", color=INK, markersize=6.5, zorder=4)
            axes.annotate(shown_number(score, decimals), (score, at), xytext=(8, 0), textcoords="offset points",
                          va="center", color=INK, fontsize=8.5)  # fmt: skip
        if at + 1 < len(steps):
            axes.plot([score, score], [at, at + 1], color=MUTED, linewidth=0.8, zorder=1)
    is_forward = steps[0]["direction"] == "forward"
    start = "the reference" if is_forward else "the best configuration"
    names = [start, *(shorten(f"{step['factor']} = {step['level']}", 38) for step in steps[1:])]
    name_rows(axes, names)
    axes.set_title(
        "From the reference to the best configuration" if is_forward else "From the best back to the reference"
    )


def _draw_step(axes: Axes, at: int, step: Row, before: float, *, scale: float, decimals: int) -> None:
    score, gain = step["score"] * scale, step["gain"] * scale
    colour = HELPS if score >= before else HURTS  # the triangle beside it shows the same without colour
    axes.barh([at], [score - before], left=before, height=0.5, color=colour, zorder=2)
    ends = before + np.array([step["low"], step["high"]], dtype=float) * scale
    if np.isfinite(ends).all():
        axes.plot(ends, [at, at], color=INK, linewidth=1.2, marker="|", markersize=7, zorder=3)
    edge = float(np.nanmax([score, before, *ends]))
    axes.annotate(f"{'▲' if gain >= 0 else '▼'} {shown_number(gain, decimals, is_signed=True)}", (edge, at),
                  xytext=(8, 0), textcoords="offset points", va="center", color=INK, fontsize=8.5)  # fmt: skip
