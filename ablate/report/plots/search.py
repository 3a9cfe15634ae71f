"""Draw the search: its history, the expected best score, and the importance of each factor."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullLocator, ScalarFormatter

from ablate.report.plots.svg import (
    HELPS,
    HURTS,
    INK,
    MUTED,
    PAPER,
    SEED,
    SERIES,
    SHADE,
    WIDTH,
    figure_style,
    name_rows,
    shorten,
)

STATES = {  # state -> (marker, colour, filled): distinguished by shape
    "finished": ("o", HELPS, True),
    "pruned": ("v", MUTED, False),
    "diverged": ("X", HURTS, True),
}
EVALUATORS = {
    "ped-anova": ("PED-ANOVA", "share in separating the best trials, %"),
    "fanova": ("fANOVA", "share of the score's variance, %"),
}
OTHER = ("P", INK, True)
BAR = 0.62  # height of a bar, of a row
APART = 1.15  # least ratio of two tick labels on a log scale that fit beside each other
MOST_POINTS = 1_500  # of a history; the table beside it has more


def draw_history(history: pd.DataFrame, *, label: str, is_negated: bool = False) -> Figure | None:
    """Every search trial at its score, and the best so far as a step; None if no trial has a score.

    `history` has a row per trial, in order: number, value (NaN if missing), best, state; higher is better. The values
    of losses are those shown with the other sign (`is_negated`), and the axis has theirs. Trials without a
    score are drawn at the lower edge. Of more than `MOST_POINTS` trials, draws evenly spaced ones, and all that were
    the best so far.
    """
    scored = history["value"].dropna() if len(history) else pd.Series(dtype=float)
    if scored.empty:
        return None
    floor, ceiling = _limits(scored)
    with figure_style():
        figure = Figure(figsize=(WIDTH, 3.1), layout="constrained")
        axes = figure.subplots()
        axes.set_ylim(floor, ceiling)
        drawn, counts = _thinned(history), history["state"].value_counts()
        best = drawn.dropna(subset="best")
        handles = axes.plot(best["number"], best["best"], drawstyle="steps-post", color=INK, linewidth=1.4)
        names = ["best so far"]
        for state in dict.fromkeys(history["state"]):
            rows = drawn[drawn["state"] == state]
            size = 7.0 if len(drawn) <= 200 else 3.5
            handles.append(_draw_state(axes, state, rows, edge=floor + 0.035 * (ceiling - floor), size=size))
            names.append(f"{str(state).replace('_', ' ')} ({counts[state]:,})")
        axes.set(xlabel="search trial", ylabel=label)
        _show_losses(axes, is_negated=is_negated)
        axes.set_xlim(history["number"].min() - 0.8, history["number"].max() + 0.8)
        axes.grid(axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        figure.legend(handles, names, loc="outside upper left", ncols=6, labelcolor=INK)
    return figure


def draw_expected(expected: pd.DataFrame, *, label: str, is_negated: bool = False) -> Figure:
    """The expected best score over the number of trials, on a log scale; columns trials, value, as `draw_history`."""
    with figure_style():
        figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
        axes = figure.subplots()
        axes.plot(expected["trials"], expected["value"], color=HELPS, linewidth=1.6, marker="o", markersize=3)
        axes.set_xscale("log")
        *rounded, last = expected["trials"].tolist()
        ticks = [*(n for n in rounded if n * APART <= last), last]
        axes.set_xticks(ticks, [f"{n:,}" for n in ticks])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set(xlabel="trials", ylabel=f"expected best\n{label[:1].lower()}{label[1:]}")
        _show_losses(axes, is_negated=is_negated)
        axes.grid(axis="y")
    return figure


def draw_importances(importances: pd.DataFrame, unexplained: dict[str, float]) -> Figure | None:
    """One panel per evaluator: each factor's share with its bootstrap band, and fANOVA's share of interactions.

    Factors above noise are filled bars, all others hollow ones; a dashed mark is the share that a factor must exceed.
    """
    evaluators = list(dict.fromkeys(importances["evaluator"])) if len(importances) else []
    if not evaluators:
        return None
    n_rows = importances["factor"].nunique() + bool(unexplained)
    with figure_style():
        figure = Figure(figsize=(WIDTH, 0.8 + 0.32 * n_rows), layout="constrained")
        panels = figure.subplots(1, len(evaluators), squeeze=False)[0]
        for axes, evaluator in zip(panels, evaluators, strict=True):
            rows = importances[importances["evaluator"] == evaluator]
            rows = rows.sort_values(["is_above", "importance"], ascending=False, kind="stable")
            _draw_shares(axes, rows, unexplained.get(evaluator))
            name, label = EVALUATORS.get(evaluator, (shorten(str(evaluator)), "share, %"))
            axes.set_title(name)
            axes.set_xlabel(label)
            axes.set_ylim(n_rows - 0.4, -0.6)
    return figure


class _OtherSign(ScalarFormatter):
    """Labels the ticks of negated values with the values."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return super().__call__(-x, pos)


def _show_losses(axes: Axes, *, is_negated: bool) -> None:
    if is_negated:
        axes.yaxis.set_major_formatter(_OtherSign(useOffset=False))


def _thinned(history: pd.DataFrame) -> pd.DataFrame:
    every = -(-len(history) // MOST_POINTS)
    is_turn = np.arange(len(history)) % every == 0
    leads = (history["best"] != history["best"].shift()) & history["best"].notna()
    drawn: pd.DataFrame = history[is_turn | leads]
    return drawn


def _draw_state(axes: Axes, state: str, rows: pd.DataFrame, *, edge: float, size: float) -> Line2D:
    marker, colour, is_filled = STATES.get(state, OTHER)
    values = rows["value"].astype(float).fillna(edge).clip(lower=edge)
    return axes.plot(rows["number"], values, linestyle="none", marker=marker, markersize=size, color=colour,
                     markerfacecolor=colour if is_filled else PAPER, zorder=3)[0]  # fmt: skip


def _limits(scored: "pd.Series[float]") -> tuple[float, float]:
    """From slightly below the lower whisker to above the best; lower scores are drawn at the edge."""
    first, third = np.quantile(scored, (0.25, 0.75))
    top = float(scored.max())
    low = max(float(scored.min()), float(first - 3 * (third - first))) if third > first else float(scored.min())
    room = 0.08 * (top - low) or 0.5
    return low - 1.6 * room, top + room


def _draw_shares(axes: Axes, rows: pd.DataFrame, unexplained: float | None) -> None:
    for at, row in enumerate(rows.to_dict("records")):
        fill, edge = (SERIES[5], SERIES[5]) if row["is_above"] else ("none", SEED)
        axes.barh([at], [100 * row["importance"]], height=BAR, linewidth=0.8, facecolor=fill, edgecolor=edge)
        if np.isfinite([row["low"], row["high"]]).all():
            ends = [100 * row["low"], 100 * row["high"]]
            axes.plot(ends, [at, at], color=INK if row["is_above"] else SEED, linewidth=1.3, marker="|", markersize=7)
        noise = 100 * row["noise"]
        axes.plot([noise, noise], [at - 0.42, at + 0.42], color=HURTS, linewidth=1.4, linestyle=(0, (2, 1.2)))
    names = [shorten(str(name), 26) for name in rows["factor"]]
    if unexplained is not None:
        axes.barh([len(rows)], [unexplained * 100], height=BAR, facecolor=SHADE, edgecolor=MUTED, linestyle="--")
        names = [*names, "interactions"]
    name_rows(axes, names)
    axes.set_ylabel("")
    axes.set_xlim(left=0)
