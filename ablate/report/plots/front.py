"""Draw the Pareto front of a search with several objectives."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from ablate.report.plots.search import MOST_POINTS
from ablate.report.plots.svg import HELPS, HURTS, INK, MUTED, PAPER, WIDTH, figure_style

FEW_DECADES = 2.5  # up to which a log axis has ticks at 1, 2 and 5


@dataclass(frozen=True, slots=True)
class FrontAxis:
    """An objective as it is drawn."""

    column: str
    label: str  # with unit and direction
    is_log: bool = False
    more_is_better: bool = False


def draw_front(
    trials: pd.DataFrame, objectives: Sequence[FrontAxis], *, chosen: str, baseline: str = ""
) -> Figure | None:
    """Every finished trial by two objectives, a panel for each pair; None without a finished trial.

    `trials` has the columns trial, is_front and those of the objectives. Of two objectives the front is a stepped line:
    what can be had at each price. The trials `chosen` and `baseline` have marks of their own.
    """
    known = trials.dropna(subset=[objective.column for objective in objectives])
    if known.empty:
        return None
    # The first objective goes up; the second and third go across.
    pairs = [(x, y) for y, x in combinations(objectives, 2)]
    with figure_style():
        figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
        panels = figure.subplots(1, len(pairs), squeeze=False)[0]
        for axes, (x, y) in zip(panels, pairs, strict=True):
            handles = _draw_panel(axes, known, x, y, chosen=chosen, baseline=baseline, is_stepped=len(pairs) == 1)
        names = list(handles)
        figure.legend(
            [handles[name] for name in names], names, loc="outside upper left", ncols=len(names), labelcolor=INK
        )
    return figure


def _draw_panel(
    axes: Axes, known: pd.DataFrame, x: FrontAxis, y: FrontAxis, *, chosen: str, baseline: str, is_stepped: bool
) -> dict[str, Artist]:
    front = known[known["is_front"]].sort_values(x.column, kind="stable")
    others = known[~known["is_front"]].iloc[:: -(-len(known) // MOST_POINTS)]
    handles: dict[str, Artist] = {}

    def draw(name: str, rows: pd.DataFrame, **style: Any) -> None:  # Any: matplotlib's own
        if len(rows):
            handles[name] = axes.plot(rows[x.column], rows[y.column], linestyle="none", **style)[0]

    if is_stepped and len(front) > 1:
        where = "steps-pre" if x.more_is_better else "steps-post"
        axes.plot(front[x.column], front[y.column], drawstyle=where, color=HELPS, linewidth=1.2, zorder=1)
    draw(
        f"other trials ({int((~known['is_front']).sum()):,})", others, marker="o", markersize=5.0, color=MUTED,
        markerfacecolor=PAPER, zorder=2,
    )  # fmt: skip
    draw(f"on the front ({len(front):,})", front, marker="o", markersize=7.0, color=HELPS, zorder=3)
    draw("baseline", known[known["trial"] == baseline], marker="D", markersize=11.0, color=INK,
         markerfacecolor="none", zorder=4)  # fmt: skip
    draw(f"counts as the best: {chosen}", known[known["trial"] == chosen], marker="s", markersize=14.0, color=HURTS,
         markerfacecolor="none", markeredgewidth=1.6, zorder=5)  # fmt: skip
    axes.set(xlabel=x.label, ylabel=y.label)
    for objective, axis, values in ((x, "x", known[x.column]), (y, "y", known[y.column])):
        if objective.is_log and (values > 0).all():
            _scale_log(axes, axis, span=float(values.max() / values.min()))
    axes.grid()
    return handles


def _scale_log(axes: Axes, name: str, *, span: float) -> None:
    if name == "x":
        axes.set_xscale("log")
    else:
        axes.set_yscale("log")
    axis = axes.xaxis if name == "x" else axes.yaxis
    if span < 10**FEW_DECADES:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:.2g}"))
    axis.set_minor_formatter(NullFormatter())
