"""Draw learning curves and learning-rate range tests as small multiples."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ablate.report.plots.svg import INK, MUTED, PAPER, SEED, SERIES, WIDTH, figure_style, shorten, to_svg
from ablate.study.trial import RateTest

MARKERS = ("o", "s", "^", "D", "v", "P")
RULE_MARKERS = ("^", "s", "D", "v", "P", "X", "*")
PANEL, ABOVE = 1.75, 0.3  # inches: height of a panel of curves, and space for its title
MOST_PANELS = 12  # of range tests or factors; the tables have all
MOST_SEEDS = 20  # range-test curves per configuration
MOST_RUNS = 300  # thin lines behind the means of a figure, divided among its levels
MOST_LEVELS = 12  # per panel of curves


@dataclass(frozen=True, slots=True)
class Look:
    """Colour and markers of one level; after six levels the colours repeat with hollow markers."""

    colour: str
    marker: str
    filled: bool

    @classmethod
    def number(cls, index: int) -> "Look":
        """The look of the level with this index, from 0."""
        turn = index % len(SERIES)
        return cls(SERIES[turn], MARKERS[turn], filled=index < len(SERIES))


def draw_curves(curves: pd.DataFrame, means: pd.DataFrame, *, label: str) -> Figure | None:
    """One panel per factor: the reference in grey, each level's mean line with its seeds behind it, training dashed.

    `curves` has a row per epoch of a run: factor ("" for the reference), level, trial, epoch, validation; `means` a row
    per epoch of a level: factor, level, epoch, validation, train. Values as shown; `label` names the vertical axis.
    None if no variant has an epoch. Draws the first `MOST_PANELS` factors, `MOST_LEVELS` levels of each, and at most
    `MOST_RUNS` runs, the same number for each level.
    """
    factors = [name for name in dict.fromkeys(means["factor"]) if name][:MOST_PANELS] if len(means) else []
    if not factors:
        return None
    n_columns = min(3, len(factors))
    n_rows = math.ceil(len(factors) / n_columns)
    most_levels = max(means.loc[means["factor"] == name, "level"].nunique() for name in factors)
    most_levels = min(most_levels, MOST_LEVELS)
    curves = _shared_out(curves)
    below = 0.5 + 0.17 * math.ceil((most_levels + 1) / 2)  # inches for the ticks, the axis label and the legend
    row = ABOVE + PANEL + below
    with figure_style():
        figure = Figure(figsize=(WIDTH, n_rows * row))
        # Laid out by hand: with legends below the panels, the layout engine would make panels of different widths.
        figure.subplots_adjust(left=0.065, right=0.995, top=1 - ABOVE / (n_rows * row), bottom=below / (n_rows * row),
                               wspace=0.1, hspace=(ABOVE + below) / PANEL)  # fmt: skip
        grid = figure.subplots(n_rows, n_columns, sharey=True, squeeze=False).ravel()
        limits = _limits(means)
        for axes, factor in zip(grid, factors, strict=False):
            axes.set_ylim(*limits)
            _draw_factor(axes, factor, curves, means)
            axes.set(xlabel="epoch", ylabel=label if axes in grid[::n_columns] else "")
        for axes in grid[len(factors) :]:
            axes.set_visible(False)
    return figure


def draw_rate_tests(tests: Sequence[tuple[str, Sequence[RateTest]]], *, unit: str = "") -> Figure | None:
    """One panel per configuration (label, its tests, one per seed), at most `MOST_PANELS`; losses in `unit`."""
    drawn = [(name, [test for test in some if len(test.rates) > 1]) for name, some in tests]
    shown = [(name, some) for name, some in drawn if some][:MOST_PANELS]
    if not shown:
        return None
    n_columns = min(4, len(shown))
    n_rows = math.ceil(len(shown) / n_columns)
    rules = list(dict.fromkeys(name for _, some in shown for test in some for name in test.rules))
    label = f"loss, {unit}" if unit else "loss"
    with figure_style():
        figure = Figure(figsize=(WIDTH, 0.75 + 1.85 * n_rows), layout="constrained")
        grid = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for number, (axes, (name, some)) in enumerate(zip(grid, shown, strict=False)):
            _draw_tests(axes, name, some[:MOST_SEEDS], rules)
            axes.set_ylabel(label if number % n_columns == 0 else "")
            axes.set_xlabel("learning rate" if number + n_columns >= len(shown) else "")
        for axes in grid[len(shown) :]:
            axes.set_visible(False)
        _rule_legend(figure, rules)
    return figure


def lr_test_svg(test: RateTest, *, unit: str = "") -> str:
    """One range test as an SVG document, losses in `unit`. Raises `ValueError` for a curve of fewer than two points."""
    figure = draw_rate_tests([("learning-rate range test", [test])], unit=unit)
    if figure is None:
        raise ValueError("a learning-rate range test with fewer than two points has no curve")
    figure.set_size_inches(6, 4)
    title = "Learning-rate range test"
    description = f"Loss against learning rate; {test.verdict}, rate {rate_text(test.suggestion)}."
    return to_svg(figure, name="lr-test", title=title, description=description)


def rate_text(rate: float) -> str:
    """A learning rate in two digits: "8.3e-4"."""
    mantissa, exponent = f"{rate:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def power_of_ten(exponent: int) -> str:
    """10 to the power of a whole `exponent`, in plain characters; matplotlib's own needs math markup, which is off."""
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _shared_out(curves: pd.DataFrame) -> pd.DataFrame:
    """The curves of at most `MOST_RUNS` runs, the same number for each level, and at least one."""
    runs = curves.drop_duplicates(["factor", "level", "trial"])
    levels = runs.groupby(["factor", "level"], sort=False)
    share = max(1, MOST_RUNS // max(1, levels.ngroups))
    return curves if len(runs) <= MOST_RUNS else curves[curves["trial"].isin(levels.head(share)["trial"])]


def _draw_factor(axes: Axes, factor: str, curves: pd.DataFrame, means: pd.DataFrame) -> None:
    handles: list[Line2D] = [_draw_reference(axes, means[means["factor"] == ""])]
    names = ["reference"]
    of_factor, seeds = means[means["factor"] == factor], curves[curves["factor"] == factor]
    for index, level in enumerate(list(dict.fromkeys(of_factor["level"]))[:MOST_LEVELS]):
        look = Look.number(index)
        chosen = seeds[seeds["level"] == level]
        if chosen["trial"].nunique() > 1:
            sns.lineplot(chosen, x="epoch", y="validation", units="trial", estimator=None, errorbar=None, ax=axes,
                         color=look.colour, linewidth=0.5, alpha=0.3, legend=False)  # fmt: skip
        handles.append(_draw_level(axes, of_factor[of_factor["level"] == level], look))
        names.append(shorten(str(level), 15))
    _draw_lost(axes, seeds)
    axes.set_title(shorten(factor, 34))
    axes.grid(axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    legend = axes.legend(handles, ["x"] * len(names), loc="upper left", bbox_to_anchor=(-0.02, -0.23), ncols=2,
                         columnspacing=0.8, handlelength=1.5, borderaxespad=0, labelcolor=INK)  # fmt: skip
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(name)  # set here, since a legend leaves out names that begin with "_"


def _draw_reference(axes: Axes, mean: pd.DataFrame) -> Line2D:
    axes.plot(mean["epoch"], mean["train"], color=SEED, linewidth=1.0, linestyle=(0, (4, 2)), zorder=2)
    return axes.plot(mean["epoch"], mean["validation"], color=SEED, linewidth=2.4, zorder=2)[0]


def _draw_level(axes: Axes, mean: pd.DataFrame, look: Look) -> Line2D:
    axes.plot(mean["epoch"], mean["train"], color=look.colour, linewidth=1.0, linestyle=(0, (4, 2)), zorder=3)
    face = look.colour if look.filled else PAPER
    line = axes.plot(mean["epoch"], mean["validation"], color=look.colour, linewidth=1.7, marker=look.marker,
                     markersize=5, markerfacecolor=face, markevery=[-1] if len(mean) else None, zorder=4)  # fmt: skip
    return line[0]


def _draw_lost(axes: Axes, seeds: pd.DataFrame) -> None:
    """A cross at the last finite epoch of each run that did not finish, moved to the edge if outside the axes."""
    lost = seeds[(seeds["state"] != "finished") & np.isfinite(seeds["validation"].astype(float))]
    last = lost.sort_values("epoch").drop_duplicates("trial", keep="last")
    low, high = axes.get_ylim()
    y = last["validation"].astype(float).clip(low + 0.02 * (high - low), high)
    axes.plot(last["epoch"], y, linestyle="none", marker="x", color=INK, markersize=5, zorder=5)


def _limits(means: pd.DataFrame) -> tuple[float, float]:
    """The range of most means: a steep first epoch or an exploding loss must not flatten the rest."""
    values = means[["validation", "train"]].to_numpy(dtype=float).ravel()
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    tenth, first, third, ninetieth = np.quantile(values, (0.1, 0.25, 0.75, 0.9))
    reach = 1.5 * (third - first) or (high - low) or 1.0
    low, high = max(low, tenth - 0.2 * reach), min(high, ninetieth + reach)
    room = 0.06 * (high - low) or 0.5
    return low - room, high + room


def _draw_tests(axes: Axes, name: str, tests: Sequence[RateTest], rules: Sequence[str]) -> None:
    first, others = tests[0], tests[1:]
    for test in others:
        axes.plot(np.log10(np.array(test.rates)), test.losses, color=SEED, linewidth=0.6, zorder=2)
    rates, losses = np.log10(np.array(first.rates)), np.array(first.losses)
    finite = np.isfinite(losses)
    axes.plot(rates[finite], losses[finite], color=SERIES[0], linewidth=1.2, zorder=3)
    floor, ceiling = _loss_limits(losses[finite])
    axes.set_ylim(floor, ceiling)
    for test in reversed(tests):
        colour, style = (SERIES[1], "-") if test.verdict == "determined" else (MUTED, (0, (2, 2)))
        width = 1.6 if test is first else 0.6
        axes.axvline(math.log10(test.suggestion), color=colour, linewidth=width, linestyle=style, zorder=2)
    _draw_rules(axes, first.rules, rules, floor + 0.07 * (ceiling - floor))
    axes.set_title(shorten(name, 26), fontsize=8.5, pad=17)
    axes.text(0, 1.03, _rates_said(tests), transform=axes.transAxes, fontsize=8, color=MUTED, va="bottom")
    low, high = math.floor(rates.min() + 0.01), math.ceil(rates.max() - 0.01)
    ticks = range(low, high + 1, max(1, math.ceil((high - low) / 4)))
    axes.set_xticks(list(ticks), [power_of_ten(tick) for tick in ticks])


def _rates_said(tests: Sequence[RateTest]) -> str:
    """The rates as text: "5e-4", "3e-4 to 8e-4, 9 seeds", "undetermined, takes 1e-3"."""
    chosen = [test.suggestion for test in tests]
    unsure = sum(test.verdict == "undetermined" for test in tests)
    if len(tests) == 1:
        return f"undetermined, guess {rate_text(chosen[0])}" if unsure else rate_text(chosen[0])
    span = f"{rate_text(min(chosen))} to {rate_text(max(chosen))}"
    return f"{span}, {unsure} of {len(tests)} guessed" if unsure else f"{span}, {len(tests)} seeds"


def _draw_rules(axes: Axes, picks: Mapping[str, float | None], rules: Sequence[str], y: float) -> None:
    for index, rule in enumerate(rules):
        rate = picks.get(rule)
        if rate is not None and rate > 0:
            axes.plot([math.log10(rate)], [y], color=INK, markersize=4.5, zorder=4, markeredgewidth=0.5,
                      markeredgecolor=PAPER, marker=RULE_MARKERS[index % len(RULE_MARKERS)])  # fmt: skip


def _loss_limits(losses: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> tuple[float, float]:
    """From the least loss to well above the first: cuts off the explosion at the end."""
    if not losses.size:
        return 0.0, 1.0
    start, least = float(np.median(losses[: max(3, losses.size // 10)])), float(losses.min())
    span = max(start - least, 0.2 * abs(start), 0.05)
    return least - 0.3 * span, start + 0.6 * span


def _rule_legend(figure: Figure, rules: Sequence[str]) -> None:
    handles: list[Line2D] = [Line2D([], [], color=SERIES[1], linewidth=1.6)]
    handles += [Line2D([], [], linestyle="none", marker=RULE_MARKERS[i % len(RULE_MARKERS)], color=INK, markersize=4.5)
                for i in range(len(rules))]  # fmt: skip
    names = ["chosen rate", *(shorten(rule.replace("_", " "), 24) for rule in rules)]
    legend = figure.legend(handles, ["x"] * len(names), loc="outside upper left", ncols=6, labelcolor=INK)
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(name)
