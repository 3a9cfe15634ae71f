"""Draw the effects as a forest plot: one row per variant, one dot per seed, mean, intervals and verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ablate.analysis.effects import Metric
from ablate.report.plots.differences import (
    MOST_DRAWN,
    ROW,
    contrast_name,
    difference_limits,
    draw_frame,
    draw_outside,
    outside_text,
    shown_number,
)
from ablate.report.plots.svg import HELPS, HURTS, INK, MUTED, PAPER, SEED, WIDTH, figure_style, mark, shorten

MARKS = {  # verdict -> (sign in text, marker, colour): the shape is readable without colour
    "helps": ("▲", "^", HELPS),
    "hurts": ("▼", "v", HURTS),
    "equivalent": ("■", "s", INK),
    "detectable but below margin": ("◆", "D", INK),
    "detectable, size undecided": ("◇", "d", INK),
    "inconclusive": ("○", "o", MUTED),
    "identical runs": ("✚", "P", MUTED),
    "no run finished": ("✕", "X", MUTED),
    "lost runs": ("✖", "X", MUTED),
    "too few seeds": ("·", ".", MUTED),
    "exploratory": ("·", "o", MUTED),
    "differs": ("≠", "*", INK),
}
WORDS = {  # short forms where the full verdict is too long for a figure
    "detectable but below margin": "below margin",
    "detectable, size undecided": "size undecided",
}


@dataclass(frozen=True, slots=True)
class _Row:
    y: float
    key: str  # links the row's marks to the page
    label: str
    effect: dict[str, Any]  # Any: a row of the effects table
    seeds: "pd.DataFrame"


def draw_effects(
    effects: pd.DataFrame, scores: pd.DataFrame, *, metric: Metric, decimals: int, label: str
) -> Figure | None:
    """Draw the effects (rows in the given order, grouped by factor) with the seeds of `scores`; None without a row.

    `scores` has a row per seed of a comparison: variant, mode, difference, state, and `said`, the hover text.
    `decimals` are those of the numbers beside the rows; `label` names the axis. Draws the first `MOST_DRAWN` effects;
    the marks of effect i have the key "effects-i".
    """
    if effects.empty:
        return None
    effects = effects.head(MOST_DRAWN)
    rows, headers = _layout(effects, scores)
    bottom = rows[-1].y + 0.75
    with figure_style():
        figure = Figure(figsize=(WIDTH, 0.75 + ROW * (bottom + 0.5)), layout="constrained")
        axes, words = figure.subplots(1, 2, width_ratios=(1.9, 1))
        axes.set_ylim(bottom, -0.5)
        words.set_ylim(bottom, -0.5)
        words.axis("off")
        limits = difference_limits(effects, scores, metric=metric)
        draw_frame(axes, metric, limits=limits, label=label)
        for row in rows:
            _draw_seeds(axes, row, metric.scale, limits=limits)
            for artist in [*_draw_row(axes, row, metric, limits=limits), *_write_row(words, row, metric, decimals)]:
                mark(artist, row.key)
        _name_rows(axes, rows, headers)
    return figure


def extremes(effects: pd.DataFrame, scores: pd.DataFrame, *, metric: Metric) -> list[str]:
    """The variants whose mean lies outside the axis of `draw_effects`, where an arrow at the edge stands for it."""
    if effects.empty:
        return []
    low, high = difference_limits(effects, scores, metric=metric)
    means = effects["mean"] * metric.scale
    return [str(name) for name in effects.loc[(means < low) | (means > high), "variant"]]


def _layout(effects: pd.DataFrame, scores: pd.DataFrame) -> tuple[list[_Row], list[tuple[float, str]]]:
    rows: list[_Row] = []
    headers: list[tuple[float, str]] = []
    seeds = dict(iter(scores.groupby(["variant", "mode"]))) if len(scores) else {}
    y = -0.4
    for number, effect in enumerate(effects.to_dict("records")):
        factor, level = contrast_name(
            str(effect["factor"]), str(effect["level"]), against=str(effect.get("against", ""))
        )
        if not headers or factor != headers[-1][1]:
            y += 0.4 + (0.25 if rows else 0.0)
            headers.append((y, factor))
            y += 0.9
        chosen = seeds.get((effect["variant"], effect["mode"]), scores.iloc[:0])
        rows.append(_Row(y, f"effects-{number}", level, {str(k): v for k, v in effect.items()}, chosen))
        y += 1.0
    return rows, headers


def _draw_row(axes: Axes, row: _Row, metric: Metric, *, limits: tuple[float, float]) -> list[Artist]:
    effect, drawn = row.effect, list[Artist]()
    _, marker, colour = MARKS.get(effect["verdict"], MARKS["too few seeds"])
    for low, high, width in (("low_adjusted", "high_adjusted", 1.0), ("low", "high", 3.0)):
        ends = np.array([effect[low], effect[high]], dtype=float) * metric.scale
        if np.isfinite(ends).all():
            drawn += axes.plot(ends, [row.y, row.y], color=colour, linewidth=width, solid_capstyle="butt", zorder=3)
    mean = effect["mean"] * metric.scale
    if limits[0] <= mean <= limits[1]:
        size = 9 if marker == "." else 6.5
        face, edge = (PAPER, colour) if effect["verdict"] == "inconclusive" else (colour, PAPER)
        drawn += axes.plot([mean], [row.y], marker=marker, markersize=size, color=face, markeredgecolor=edge, zorder=4)
    elif np.isfinite(mean):
        draw_outside(axes, row.y, text=outside_text([mean], metric), left=bool(mean < limits[0]))
    return drawn


def _draw_seeds(axes: Axes, row: _Row, scale: float, *, limits: tuple[float, float]) -> None:
    seeds = row.seeds.assign(x=row.seeds["difference"].astype(float) * scale)
    seeds = seeds[seeds["x"].between(*limits)]
    is_finished = seeds["state"] == "finished"
    for chosen, marker, size in ((seeds[is_finished], "o", 3.6), (seeds[~is_finished], "X", 4.5)):
        if len(chosen):
            dots = axes.plot(chosen["x"], [row.y + 0.3] * len(chosen), linestyle="none", marker=marker, color=SEED,
                             markersize=size, markeredgewidth=0, zorder=2)  # fmt: skip
            mark(dots[0], row.key, titles=[str(said) for said in chosen["said"]] if "said" in chosen else ())


def _write_row(words: Axes, row: _Row, metric: Metric, decimals: int) -> list[Artist]:
    effect = row.effect
    sign, _, colour = MARKS.get(effect["verdict"], MARKS["too few seeds"])
    low, high = (shown_number(effect[name] * metric.scale, decimals) for name in ("low", "high"))
    mean = shown_number(effect["mean"] * metric.scale, decimals, is_signed=True)
    interval = f" [{low}, {high}]" if np.isfinite(effect["low"]) else ""
    word = WORDS.get(effect["verdict"], effect["verdict"])
    written: list[Artist] = [
        words.text(x, row.y, text, va="center", color=ink, fontsize=8.5)
        for x, text, ink in ((0.0, f"{mean}{interval}", INK), (0.59, sign, colour), (0.645, word, INK))
    ]
    if lost := int(effect["diverged"]):
        said = f"✕ {lost} of {max(int(effect['n']), lost)} did not finish"
        written.append(words.text(0.59, row.y + 0.5, said, va="center", color=MUTED, fontsize=7.5))
    return written


def _name_rows(axes: Axes, rows: Sequence[_Row], headers: Sequence[tuple[float, str]]) -> None:
    names = [(row.y, shorten(row.label), row.key) for row in rows]
    heads = [(y, shorten(text, 34), "") for y, text in headers]
    ticks = sorted([*names, *heads])
    axes.set_yticks([y for y, _, _ in ticks], [text for _, text, _ in ticks])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    for tick, (_, _, key) in zip(axes.get_yticklabels(), ticks, strict=True):
        if key:
            mark(tick, key)
        else:
            tick.set_fontweight("bold")
