"""Draw layer statistics: activations and gradients by depth, and corners of kernels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator

from ablate.report.plots.curves import Look, power_of_ten
from ablate.report.plots.svg import HELPS, HURTS, INK, MUTED, PAPER, RULE, SEED, WIDTH, figure_style, shorten

MOST_LINES = 12  # variants of a figure by depth; the table has all
MOST_KERNELS = 12
FEW_LAYERS = 24  # up to this number, each layer has a marker
QUANTITIES = {  # column -> title of its panel
    "mean": "Mean of the activations",
    "sd": "SD of the activations",
    "gradient_norm": "Norm of the gradient",
}
_WIDE = 30.0  # highest over lowest: a wider range gets a logarithmic scale
_FAR = 3.0  # times the usual mean among the variants: means farther from 0 are cut off
_SHADES = 8  # of a kernel's numbers, by their size
_CELL = 0.92  # side of a square, as a share of its cell


@dataclass(frozen=True, slots=True)
class Kernel:
    """A corner of a kernel, incoming × units, and the text below it."""

    name: str
    corner: Sequence[Sequence[float]]
    said: str


def draw_layers(states: pd.DataFrame) -> Figure | None:
    """Mean and SD of activations and the gradient norm by layer: one line per variant, with a band of its seeds.

    `states` has a row per layer of a variant: name ("" for the reference), number, and for each of `QUANTITIES` the
    middle over the seeds and its range, e.g. sd_low and sd_high; NaN if unknown. Draws the first `MOST_LINES` variants;
    a logarithmic scale leaves out zeros. None if nothing is known.
    """
    if states.empty or states[list(QUANTITIES)].isna().all(axis=None):
        return None
    names = list(dict.fromkeys(states["name"]))[: MOST_LINES + 1]
    columns = 3
    rows = math.ceil(len(names) / columns)
    below = 0.55 + 0.19 * rows  # inches for the ticks, the axis label and the legend
    with figure_style():
        height = 0.35 + 2.3 + below
        figure = Figure(figsize=(WIDTH, height))
        figure.subplots_adjust(left=0.055, right=0.995, top=1 - 0.35 / height, bottom=below / height, wspace=0.2)
        panels = figure.subplots(1, len(QUANTITIES))
        for axes, (quantity, title) in zip(panels, QUANTITIES.items(), strict=True):
            _draw_quantity(axes, states[states["name"].isin(names)], quantity)
            axes.set_title(title)
            axes.set_xlabel("hidden layer")
        handles = [_line(name, number, is_few=True) for number, name in enumerate(_variants(names))]
        if "" in names:
            handles = [Line2D([], [], color=SEED, linewidth=2.4), *handles]
        said = [*(["reference"] if "" in names else []), *(shorten(name, 34) for name in _variants(names))]
        legend = figure.legend(handles, ["x"] * len(said), loc="lower left", bbox_to_anchor=(0.045, 0), ncols=columns,
                               columnspacing=1.2, borderaxespad=0.2, labelcolor=INK)  # fmt: skip
        for text, name in zip(legend.get_texts(), said, strict=True):
            text.set_text(name)  # set here, since a legend leaves out names that begin with "_"
    return figure


def draw_kernels(kernels: Sequence[Kernel]) -> Figure | None:
    """One panel per kernel: its numbers as squares, blue if positive, fainter if small."""
    shown = kernels[:MOST_KERNELS]
    if not shown:
        return None
    n_columns = 4
    n_rows = math.ceil(len(shown) / n_columns)
    with figure_style():
        figure = Figure(figsize=(WIDTH, 2.75 * n_rows), layout="constrained")
        grid = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for axes, kernel in zip(grid, shown, strict=False):
            _draw_kernel(axes, kernel)
        for axes in grid[len(shown) :]:
            axes.set_visible(False)
    return figure


def _variants(names: Sequence[str]) -> list[str]:
    return [name for name in names if name]


def _draw_quantity(axes: Axes, states: pd.DataFrame, quantity: str) -> None:
    lines = states[["name", "number"]].assign(
        **{end: states[f"{quantity}{end}"].astype(float) for end in ("", "_low", "_high")}
    )
    lines = lines.rename(columns={"": "middle"})
    is_log = quantity != "mean" and _is_wide(lines["middle"])
    if is_log:
        positive = lines["middle"] > 0
        lines = lines[positive].copy()
        ends = lines[["middle", "_low", "_high"]].clip(lower=np.finfo(float).tiny)
        lines[["middle", "_low", "_high"]] = np.log10(ends)
        lines["_low"] = lines["_low"].clip(
            lower=lines["middle"].min() - 1
        )  # a seed at 0 would take up the whole log scale
    is_few = bool(states["number"].max() <= FEW_LAYERS)
    names = list(dict.fromkeys(states["name"]))
    for number, name in [(-1, "")] * ("" in names) + list(enumerate(_variants(names))):
        of_one = lines[lines["name"] == name]
        line = Line2D([], [], color=SEED, linewidth=2.4) if number < 0 else _line(name, number, is_few=is_few)
        axes.fill_between(of_one["number"], of_one["_low"], of_one["_high"], color=str(line.get_color()), alpha=0.18,
                          linewidth=0, zorder=2)  # fmt: skip
        line.set_data(of_one["number"].to_numpy(), of_one["middle"].to_numpy())
        line.set_zorder(3)
        axes.add_line(line)
    axes.autoscale_view()
    axes.grid(axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    if states["number"].nunique() == 1:  # a margin of 5 % of nothing has no whole number but the layer's
        axes.set_xlim(states["number"].iloc[0] - 1, states["number"].iloc[0] + 1)
        axes.set_xticks([int(states["number"].iloc[0])])
    if is_log:
        _powers_of_ten(axes)
    elif quantity == "mean":
        _cut_off(axes, lines)


def _cut_off(axes: Axes, lines: pd.DataFrame) -> None:
    """Let exploding values leave the panel, so that the other variants remain readable."""
    farthest = lines["middle"].abs().groupby(lines["name"]).max().dropna()
    usual = _FAR * float(farthest.median()) if len(farthest) else 0.0
    if usual and farthest.max() > usual:
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, -usual), min(high, usual))


def _is_wide(values: "pd.Series[float]") -> bool:
    positive = values[(values > 0) & np.isfinite(values)]
    return bool(len(positive)) and float(positive.max() / positive.min()) > _WIDE


def _line(name: str, number: int, *, is_few: bool) -> Line2D:
    look = Look.number(number)
    del name
    return Line2D([], [], color=look.colour, linewidth=1.5, marker=look.marker, markersize=4.5,
                  markerfacecolor=look.colour if look.filled else PAPER, markevery=None if is_few else 0.2)  # fmt: skip


def _powers_of_ten(axes: Axes) -> None:
    """Ticks at whole powers of ten, if the axis is logarithmic."""
    low, high = axes.get_ylim()
    ticks = range(math.floor(low), math.ceil(high) + 1, max(1, math.ceil((high - low) / 5)))
    axes.set_yticks(list(ticks), [power_of_ten(tick) for tick in ticks])


def _draw_kernel(axes: Axes, kernel: Kernel) -> None:
    corner = np.array(kernel.corner, float)
    largest = float(np.abs(corner).max()) if corner.size else 0.0
    steps = np.ceil(np.abs(corner) / largest * _SHADES).astype(int) if largest else np.zeros(corner.shape, int)
    for step in range(1, _SHADES + 1):
        for colour, is_meant in ((HELPS, corner > 0), (HURTS, corner < 0)):
            places = np.argwhere((steps == step) & is_meant)
            if len(places):
                axes.add_patch(PathPatch(_squares(places), facecolor=colour, linewidth=0, alpha=step / _SHADES))
    n_rows, n_columns = corner.shape if corner.ndim == 2 else (1, 1)
    axes.add_patch(Rectangle((-0.06, -0.06), n_columns + 0.04, n_rows + 0.04, fill=False, edgecolor=RULE))
    axes.set_xlim(-0.5, max(n_columns, n_rows) + 0.5)
    axes.set_ylim(max(n_columns, n_rows) + 0.5, -0.5)
    axes.set_aspect("equal")
    axes.axis("off")
    axes.set_title(shorten(kernel.name, 26), fontsize=8.5)
    axes.text(0, -0.02, kernel.said, transform=axes.transAxes, va="top", fontsize=8, color=MUTED)


def _squares(places: "np.ndarray[tuple[int, int], np.dtype[np.int64]]") -> Path:
    """One path of squares at (row, column), the first row on top."""
    corners = np.array([[0, 0], [_CELL, 0], [_CELL, _CELL], [0, _CELL], [0, 0]])
    vertices = (places[:, None, ::-1] + corners[None]).reshape(-1, 2)
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    return Path(vertices, codes * len(places))
