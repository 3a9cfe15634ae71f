"""The effects table into a forest plot: a row a variant, a dot a seed, mean and intervals, the verdict in a word."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from ablate.effects import Metric
from ablate.plots.svg import HELPS, HURTS, INK, MUTED, PAPER, SEED, SHADE, WIDTH, figure_style, shorten

MARKS = {  # verdict -> (sign in text, marker, colour): the shape says it where the colour cannot be seen
    "helps": ("▲", "^", HELPS),
    "hurts": ("▼", "v", HURTS),
    "equivalent": ("■", "s", INK),
    "detectable but below margin": ("◆", "D", INK),
    "inconclusive": ("○", "o", MUTED),
    "too few seeds": ("·", ".", MUTED),
}
OUTSIDE_DECIMALS = {"points": 1, "nats": 2}
ROW = 0.3  # inches a row
WORDS = {"detectable but below margin": "below margin"}  # where the full word is too long for a figure


@dataclass(frozen=True, slots=True)
class _Row:
    y: float
    effect: dict[str, Any]  # Any: a row of the effects table
    seeds: "pd.DataFrame"


def draw_effects(
    effects: pd.DataFrame, scores: pd.DataFrame, *, metric: Metric, decimals: int, label: str
) -> Figure | None:
    """The effects (rows in the order given, a group a factor) with the seeds of `scores`; None without a row.

    `scores` has a row a seed of a contrast: variant, mode, difference, state. `decimals` are those of the
    numbers beside the rows; `label` names the axis.
    """
    if effects.empty:
        return None
    rows, headers = _layout(effects, scores)
    bottom = rows[-1].y + 0.75
    with figure_style():
        figure = Figure(figsize=(WIDTH, 0.75 + ROW * (bottom + 0.5)), layout="constrained")
        axes, words = figure.subplots(1, 2, width_ratios=(1.9, 1))
        axes.set_ylim(bottom, -0.5)
        words.set_ylim(bottom, -0.5)
        words.axis("off")
        limits = _limits(effects, scores, metric)
        _draw_frame(axes, metric, limits=limits, label=label)
        for row in rows:
            _draw_row(axes, row, metric, limits=limits)
            _write_row(words, row, metric, decimals)
        _name_rows(axes, rows, headers)
    return figure


def draw_modes(effects: pd.DataFrame, *, metric: Metric, label: str) -> Figure | None:
    """Each variant's mean and interval under every learning-rate mode, one above the other; None below two modes."""
    modes = list(dict.fromkeys(effects["mode"])) if len(effects) else []
    if len(modes) < 2:
        return None
    names = effects.drop_duplicates("variant")[["variant", "factor", "level"]]
    with figure_style():
        figure = Figure(figsize=(WIDTH, 1.0 + ROW * 1.25 * len(names)), layout="constrained")
        axes = figure.subplots(1, 1)
        limits = _limits(effects, effects.iloc[:0].assign(difference=0.0), metric)
        axes.set_ylim(len(names) - 0.4, -0.6)
        _draw_frame(axes, metric, limits=limits, label=label)
        handles = [
            _draw_mode(axes, effects, mode, names["variant"], metric=metric, place=(index, len(modes)))
            for index, mode in enumerate(modes)
        ]
        labels = [
            shorten(f"{factor} = {level}", 42) for factor, level in zip(names["factor"], names["level"], strict=True)
        ]
        axes.set_yticks(range(len(names)), labels)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        figure.legend(handles, [f"learning rate: {mode}" for mode in modes], loc="outside upper left", ncols=4,
                      labelcolor=INK)  # fmt: skip
    return figure


def extremes(effects: pd.DataFrame, scores: pd.DataFrame, *, metric: Metric) -> list[str]:
    """The variants whose mean lies outside the axis of `draw_effects`, drawn as an arrow at its edge."""
    if effects.empty:
        return []
    low, high = _limits(effects, scores, metric)
    means = effects["mean"] * metric.scale
    return [str(name) for name in effects.loc[(means < low) | (means > high), "variant"]]


def _layout(effects: pd.DataFrame, scores: pd.DataFrame) -> tuple[list[_Row], list[tuple[float, str]]]:
    """Rows of variants, and the heading above each factor's first row."""
    rows: list[_Row] = []
    headers: list[tuple[float, str]] = []
    y, factor = -0.4, None
    for effect in effects.to_dict("records"):
        if effect["factor"] != factor:
            factor = effect["factor"]
            y += 0.4 + (0.25 if rows else 0.0)
            headers.append((y, str(factor)))
            y += 0.9
        chosen = (scores["variant"] == effect["variant"]) & (scores["mode"] == effect["mode"])
        rows.append(_Row(y, {str(k): v for k, v in effect.items()}, scores[chosen]))
        y += 1.0
    return rows, headers


def _limits(effects: pd.DataFrame, scores: pd.DataFrame, metric: Metric) -> tuple[float, float]:
    """Limits of the axis: everything, unless variants with lost runs would squeeze all others into a corner."""
    calm = effects[effects["diverged"] == 0]
    low, high = least, most = _span(effects, scores, metric)
    if len(calm):
        low, high = _span(calm, scores[scores["variant"].isin(calm["variant"])], metric)
    if most - least <= 3 * (high - low):
        low, high = least, most
    room = 0.04 * (high - low) or 1.0
    return low - room * (1 if low <= least else 6), high + room * (1 if high >= most else 6)


def _span(effects: pd.DataFrame, scores: pd.DataFrame, metric: Metric) -> tuple[float, float]:
    """The least and the largest that is to be drawn, the margin among it."""
    values = pd.concat([effects[["mean", "low_adjusted", "high_adjusted"]].stack(), scores["difference"]])
    numbers = np.append(values.astype(float), [metric.margin, -metric.margin]) * metric.scale
    numbers = numbers[np.isfinite(numbers)]
    return float(numbers.min()), float(numbers.max())


def _draw_frame(axes: Axes, metric: Metric, *, limits: tuple[float, float], label: str) -> None:
    margin = metric.margin * metric.scale
    axes.axvspan(-margin, margin, color=SHADE, linewidth=0, zorder=0)
    axes.axvline(0, color=MUTED, linewidth=1, zorder=1)
    axes.set_xlim(*limits)
    axes.set_xlabel(label)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)


def _draw_row(axes: Axes, row: _Row, metric: Metric, *, limits: tuple[float, float]) -> None:
    effect, scale = row.effect, metric.scale
    _, marker, colour = MARKS.get(effect["verdict"], MARKS["too few seeds"])
    _draw_seeds(axes, row, scale)
    axes.set_ylabel("")  # seaborn names it
    for low, high, width in (("low_adjusted", "high_adjusted", 1.0), ("low", "high", 3.0)):
        ends = np.array([effect[low], effect[high]], dtype=float) * scale
        if np.isfinite(ends).all():
            axes.plot(ends, [row.y, row.y], color=colour, linewidth=width, solid_capstyle="butt", zorder=3)
    mean = effect["mean"] * scale
    if limits[0] <= mean <= limits[1]:
        size = 9 if marker == "." else 6.5
        face, edge = (PAPER, colour) if effect["verdict"] == "inconclusive" else (colour, PAPER)
        axes.plot([mean], [row.y], marker=marker, markersize=size, color=face, markeredgecolor=edge, zorder=4)
    elif np.isfinite(mean):
        _draw_outside(axes, row.y, mean, metric, left=bool(mean < limits[0]))


def _draw_seeds(axes: Axes, row: _Row, scale: float) -> None:
    seeds = row.seeds.assign(x=row.seeds["difference"].astype(float) * scale, y=row.y + 0.3)
    for states, marker, size in ((["finished"], "o", 13), (None, "X", 20)):
        chosen = seeds["state"].isin(states) if states else seeds["state"] != "finished"
        if chosen.any():
            sns.scatterplot(seeds[chosen], x="x", y="y", ax=axes, marker=marker, s=size, color=SEED, linewidth=0,
                            legend=False, zorder=2)  # fmt: skip


def _draw_outside(axes: Axes, y: float, mean: float, metric: Metric, *, left: bool) -> None:
    """An arrow at the edge, and the mean that lies beyond it."""
    place = blended_transform_factory(axes.transAxes, axes.transData)
    axes.plot([0.008 if left else 0.992], [y], marker="<" if left else ">", color=MUTED, markersize=7, transform=place)
    x, align = (0.022, "left") if left else (0.978, "right")
    text = f"{_number(mean, OUTSIDE_DECIMALS[metric.unit], is_signed=True)}, off the axis"
    axes.text(x, y - 0.12, text, transform=place, ha=align, va="bottom", color=MUTED, fontsize=7.5, zorder=5)


def _write_row(words: Axes, row: _Row, metric: Metric, decimals: int) -> None:
    effect = row.effect
    sign, _, colour = MARKS.get(effect["verdict"], MARKS["too few seeds"])
    low, high = (_number(effect[name] * metric.scale, decimals) for name in ("low", "high"))
    mean = _number(effect["mean"] * metric.scale, decimals, is_signed=True)
    interval = f" [{low}, {high}]" if np.isfinite(effect["low"]) else ""
    words.text(0.0, row.y, f"{mean}{interval}", va="center", color=INK, fontsize=8.5)
    words.text(0.59, row.y, sign, va="center", color=colour, fontsize=8.5)
    word = WORDS.get(effect["verdict"], effect["verdict"])
    words.text(0.645, row.y, word, va="center", color=INK, fontsize=8.5)
    if lost := int(effect["diverged"]):
        said = f"✕ {lost} of {max(int(effect['n']), lost)} did not finish"
        words.text(0.59, row.y + 0.5, said, va="center", color=MUTED, fontsize=7.5)


def _number(value: float, decimals: int, *, is_signed: bool = False) -> str:
    """With a true minus sign, as "+3.9", "−0.4", "0.0"; a dash where there is none."""
    if not np.isfinite(value):
        return "–"
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        return text.lstrip("-")
    return text.replace("-", "−") if text.startswith("-") or not is_signed else f"+{text}"


def _name_rows(axes: Axes, rows: Sequence[_Row], headers: Sequence[tuple[float, str]]) -> None:
    names = [(row.y, shorten(str(row.effect["level"])), False) for row in rows]
    heads = [(y, shorten(text, 34), True) for y, text in headers]
    ticks = sorted([*names, *heads])
    axes.set_yticks([y for y, _, _ in ticks], [text for _, text, _ in ticks])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    for tick, (_, _, is_head) in zip(axes.get_yticklabels(), ticks, strict=True):
        tick.set_fontweight("bold" if is_head else "normal")


def _draw_mode(
    axes: Axes, effects: pd.DataFrame, mode: str, variants: "pd.Series[str]", *, metric: Metric, place: tuple[int, int]
) -> mpl.lines.Line2D:
    index, count = place
    marker, colour = (("o", HELPS), ("s", HURTS), ("D", INK))[index % 3]
    rows = effects[effects["mode"] == mode].set_index("variant").reindex(variants)
    y = np.arange(len(rows)) + (index - (count - 1) / 2) * 0.3
    low, high = axes.get_xlim()
    for at, row in zip(y, rows.to_dict("records"), strict=True):
        ends = np.array([row["low"], row["high"]]) * metric.scale
        axes.plot(ends, [at, at], color=colour, linewidth=2, zorder=3)
        mean = row["mean"] * metric.scale
        if mean < low or mean > high:
            _draw_outside(axes, at, mean, metric, left=bool(mean < low))
    line = axes.plot(rows["mean"] * metric.scale, y, marker=marker, color=colour, linestyle="none", markersize=6,
                     markeredgecolor=PAPER, zorder=4)  # fmt: skip
    return line[0]
