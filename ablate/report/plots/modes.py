"""Draw effects under several learning-rate modes, or of two studies: one row per variant, one mark for each of them."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ablate.analysis.effects import Metric
from ablate.report.plots.differences import (
    MOST_DRAWN,
    ROW,
    contrast_name,
    difference_limits,
    draw_frame,
    draw_outside,
    outside_text,
)
from ablate.report.plots.svg import HELPS, HURTS, INK, PAPER, SEED, WIDTH, figure_style, mark, name_rows, shorten

LOOKS = (("o", HELPS), ("s", HURTS), ("D", INK))  # marker and colour of each mode


def draw_modes(
    effects: pd.DataFrame,
    *,
    metric: Metric,
    label: str,
    scores: pd.DataFrame | None = None,
    legend: str = "learning rate: {}",
    key: str = "modes",
) -> Figure | None:
    """Each variant's mean and interval under every learning-rate mode, one above the other; None below two modes.

    A mean without an interval, of few seeds, stands above a light dot for each of its seeds in `scores`, which has
    variant, mode and difference. Instead of modes, the column may hold other names, such as those of two studies, which
    the `legend` introduces. The marks of row i have the key "key-i".
    """
    modes = list(dict.fromkeys(effects["mode"])) if len(effects) else []
    if len(modes) < 2:
        return None
    names = effects.drop_duplicates("variant").head(MOST_DRAWN)
    effects = effects[effects["variant"].isin(names["variant"])]
    with figure_style():
        figure = Figure(figsize=(WIDTH, 1.0 + ROW * 1.25 * len(names)), layout="constrained")
        axes = figure.subplots(1, 1)
        seeds = _seeds_without_interval(effects, scores)
        limits = difference_limits(effects, seeds, metric=metric)
        draw_frame(axes, metric, limits=limits, label=label)
        handles = [
            _draw_mode(axes, effects, mode, names["variant"], metric=metric, place=(index, len(modes)), key=key)
            for index, mode in enumerate(modes)
        ]
        _draw_seeds(axes, seeds, modes, names["variant"], metric.scale)
        _mark_outside(axes, effects, names["variant"], metric)
        _name_rows(axes, names, key)
        figure.legend(handles, [legend.format(mode) for mode in modes], loc="outside upper left", ncols=4,
                      labelcolor=INK)  # fmt: skip
    return figure


def _seeds_without_interval(effects: pd.DataFrame, scores: pd.DataFrame | None) -> pd.DataFrame:
    if scores is None:
        return effects.iloc[:0].assign(difference=0.0)
    bare = effects.loc[effects["low"].isna(), ["variant", "mode"]]
    return scores.merge(bare, on=["variant", "mode"])


def _draw_seeds(axes: Axes, seeds: pd.DataFrame, modes: list[str], variants: "pd.Series[str]", scale: float) -> None:
    rows = {variant: at for at, variant in enumerate(variants)}
    for (variant, mode), own in seeds.groupby(["variant", "mode"]):
        y = rows[str(variant)] + _offset(modes.index(str(mode)), len(modes)) + 0.1
        axes.plot(own["difference"] * scale, [y] * len(own), linestyle="none", marker="o", color=SEED, markersize=3.2,
                  markeredgewidth=0, zorder=2)  # fmt: skip


def _offset(index: int, count: int) -> float:
    """The place of a mode's mark below the middle of its row."""
    return (index - (count - 1) / 2) * 0.3


def _mark_outside(axes: Axes, effects: pd.DataFrame, variants: "pd.Series[str]", metric: Metric) -> None:
    """One arrow per variant and side, for all of its modes that lie outside."""
    low, high = axes.get_xlim()
    for y, variant in enumerate(variants):
        means = effects.loc[effects["variant"] == variant, "mean"] * metric.scale
        for beyond, left in ((means[means < low], True), (means[means > high], False)):
            if len(beyond):
                draw_outside(axes, y - 0.15, text=outside_text(beyond.tolist(), metric), left=left)


def _name_rows(axes: Axes, names: pd.DataFrame, key: str) -> None:
    against = names["against"] if "against" in names else [""] * len(names)
    labels = []
    for factor, level, other in zip(names["factor"], names["level"], against, strict=True):
        labels.append(shorten(" = ".join(contrast_name(str(factor), str(level), against=str(other))), 42))
    name_rows(axes, labels)
    for index, tick in enumerate(axes.get_yticklabels()):
        mark(tick, f"{key}-{index}")


def _draw_mode(
    axes: Axes,
    effects: pd.DataFrame,
    mode: str,
    variants: "pd.Series[str]",
    *,
    metric: Metric,
    place: tuple[int, int],
    key: str,
) -> Line2D:
    index, count = place
    marker, colour = LOOKS[index % len(LOOKS)]
    rows = effects[effects["mode"] == mode].set_index("variant").reindex(variants)
    y = np.arange(len(rows)) + _offset(index, count)
    for number, (at, row) in enumerate(zip(y, rows.to_dict("records"), strict=True)):
        mean = row["mean"] * metric.scale
        ends = np.array([row["low"], row["high"]]) * metric.scale
        for x, style in ((ends, {"linewidth": 2.0}), ([mean], {"marker": marker, "markersize": 6.0})):
            mark(
                axes.plot(x, [at] * len(x), color=colour, zorder=3, markeredgecolor=PAPER, **style)[0],
                f"{key}-{number}",
            )
    return Line2D([], [], marker=marker, color=colour, linestyle="none", markersize=6, markeredgecolor=PAPER)
