"""Draw learning-rate schedules as small multiples: the rate by epoch, as a share of its peak."""

import math

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ablate.report.plots.svg import SEED, SERIES, WIDTH, figure_style, shorten

MOST_SCHEDULES = 16  # panels; the table has all


def draw_schedules(curves: pd.DataFrame) -> Figure | None:
    """One panel per schedule, each with the reference's schedule in grey; None without one.

    `curves` has a row per epoch of a schedule: name ("" for the reference), epoch, and the mean `share` of the peak,
    from `low` to `high` over the seeds.
    """
    names = [name for name in dict.fromkeys(curves["name"]) if name][:MOST_SCHEDULES] if len(curves) else []
    if not names:
        return None
    n_columns = min(4, len(names))
    n_rows = math.ceil(len(names) / n_columns)
    reference = curves[curves["name"] == ""]
    with figure_style():
        figure = Figure(figsize=(WIDTH, 0.3 + 1.75 * n_rows), layout="constrained")
        grid = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False).ravel()
        for number, (axes, name) in enumerate(zip(grid, names, strict=False)):
            mine = curves[curves["name"] == name]
            axes.plot(reference["epoch"], reference["share"], color=SEED, linewidth=2.0, zorder=2)
            axes.fill_between(mine["epoch"], mine["low"], mine["high"], color=SERIES[0], alpha=0.18, linewidth=0)
            axes.plot(
                mine["epoch"], mine["share"], color=SERIES[0], linewidth=1.6, marker="o", markersize=2.5, zorder=3
            )
            axes.set_title(shorten(name.partition(" = ")[2] or name, 22))  # the panel is narrow
            is_lowest = number + n_columns >= len(names)
            axes.set_xlabel("epoch" if is_lowest else "")
            axes.tick_params(labelbottom=is_lowest)
            axes.set_ylabel("share of the peak" if number % n_columns == 0 else "")
            axes.grid(axis="y")
            axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        grid[0].set_ylim(-0.03, max(1.05, 1.05 * float(curves["high"].max())))
        for axes in grid[len(names) :]:
            axes.set_visible(False)
    return figure
