"""Draw predictions of the reference and of a variant: calibration, precision by recall, and residuals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ablate.report.plots.svg import INK, MUTED, SEED, SERIES, WIDTH, figure_style, shorten

Values = NDArray[np.float64]
MOST_DOTS = 1_500  # examples of a panel of residuals, evenly spaced among all
HEIGHT = 3.4  # inches
_COLOURS, _MARKERS, _DASHES = (MUTED, SERIES[0]), ("o", "s"), ((0, (4, 2)), "-")  # of reference and variant


@dataclass(frozen=True, slots=True)
class Curve:
    """A line over several seeds, and the lines of each; all pairs (x, y)."""

    name: str
    mean: tuple[Values, Values]
    seeds: Sequence[tuple[Values, Values]]


@dataclass(frozen=True, slots=True)
class Residuals:
    """Residuals (target − prediction) by predicted value: examples of one seed, and means by group over all seeds."""

    name: str
    dots: tuple[Values, Values]
    groups: tuple[Values, Values]


def draw_reliability(curves: Sequence[Curve]) -> Figure:
    """Share of right predictions by confidence, both in percent, with the diagonal of perfect calibration."""
    with figure_style():
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        axes = figure.subplots()
        axes.plot([0, 100], [0, 100], color=INK, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
        _draw(axes, curves, markers=True)
        lowest = min((float(np.nanmin(curve.mean[0])) for curve in curves), default=0.0)
        axes.set_xlim(max(0.0, np.floor(lowest / 10) * 10 - 5), 102)
        axes.set_ylim(0, 102)
        axes.set_xlabel("confidence of the predicted class, %")
        axes.set_ylabel("right predictions, %")
    return figure


def draw_precision_recall(curves: Sequence[Curve], *, guess: float) -> Figure:
    """Precision by recall, both in percent; `guess` is the share of positive examples."""
    with figure_style():
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        axes = figure.subplots()
        axes.axhline(guess, color=INK, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
        _draw(axes, curves, markers=False)
        axes.set_xlim(0, 101)
        axes.set_ylim(0, 102)
        axes.set_xlabel("recall: share of the positive examples that are found, %")
        axes.set_ylabel("precision, %")
    return figure


def draw_residuals(sides: Sequence[Residuals], *, unit: str) -> Figure:
    """A panel a side: residuals by predicted value as dots, their means by group as a line; in `unit`, if known."""
    label = f", {unit}" if unit else ""
    with figure_style():
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        panels = figure.subplots(1, len(sides), sharex=True, sharey=True, squeeze=False)[0]
        for axes, side, colour, marker in zip(panels, sides, _COLOURS, _MARKERS, strict=True):
            axes.axhline(0, color=MUTED, linewidth=1, zorder=1)
            axes.plot(*_thinned(*side.dots), linestyle="none", marker="o", markersize=2.4, color=SEED, alpha=0.5,
                      markeredgewidth=0, zorder=2)  # fmt: skip
            axes.plot(*side.groups, color=INK if colour == MUTED else colour, linewidth=1.8, marker=marker,
                      markersize=4.5, zorder=3)  # fmt: skip
            axes.set_title(shorten(side.name, 50))
            axes.set_xlabel(f"predicted value{label}")
            axes.grid(axis="y")
        panels[0].set_ylabel(f"target − prediction{label}")
    return figure


def _draw(axes: Axes, curves: Sequence[Curve], *, markers: bool) -> None:
    handles = []
    for curve, colour, marker, dashes in zip(curves, _COLOURS, _MARKERS, _DASHES, strict=True):
        for seed in curve.seeds:
            axes.plot(*seed, color=colour, linewidth=0.5, alpha=0.35, zorder=2)
        handles += axes.plot(*curve.mean, color=colour, linewidth=2.0, linestyle=dashes, zorder=3,
                             marker=marker if markers else None, markersize=4.5)  # fmt: skip
    axes.grid()
    legend = axes.legend(handles, ["x"] * len(handles), loc="upper left", bbox_to_anchor=(1.02, 1), labelcolor=INK)
    for text, curve in zip(legend.get_texts(), curves, strict=True):
        text.set_text(shorten(curve.name, 34))  # set here, since a legend leaves out names that begin with "_"


def _thinned(x: Values, y: Values) -> tuple[Values, Values]:
    step = max(1, -(-len(x) // MOST_DOTS))
    return x[::step], y[::step]
