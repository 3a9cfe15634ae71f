"""A greedy path into a waterfall: each step from the score before it to its own."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ablate.report.plots.differences import ROW, shown_number
from ablate.report.plots.svg import HELPS, HURTS, INK, MUTED, WIDTH, figure_style, name_rows, shorten
from ablate.storage.results import Row

PANEL_ROOM = 0.12  # of a waterfall's span, left free at either end


def draw_path(path: pd.DataFrame, *, scale: float, decimals: int, label: str) -> Figure | None:
    """A waterfall a direction: each step from the score before it to its own, with the interval of its gain.

    `path` has the chosen rows of `analysis.designs.paths`, of one mode; `label` names the axis of the score. None where
    no step was made.
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
    colour = HELPS if score >= before else HURTS  # the triangle beside it says the same
    axes.barh([at], [score - before], left=before, height=0.5, color=colour, zorder=2)
    ends = before + np.array([step["low"], step["high"]], dtype=float) * scale
    if np.isfinite(ends).all():
        axes.plot(ends, [at, at], color=INK, linewidth=1.2, marker="|", markersize=7, zorder=3)
    edge = float(np.nanmax([score, before, *ends]))
    axes.annotate(f"{'▲' if gain >= 0 else '▼'} {shown_number(gain, decimals, is_signed=True)}", (edge, at),
                  xytext=(8, 0), textcoords="offset points", va="center", color=INK, fontsize=8.5)  # fmt: skip
