"""Figures of predictions: looked at, then drawn here."""

import numpy as np

from ablate.report.plots.predictions import (
    MOST_DOTS,
    Curve,
    Residuals,
    draw_precision_recall,
    draw_reliability,
    draw_residuals,
)
from ablate.report.plots.svg import to_svg

X = np.array([40.0, 60.0, 90.0])
LINE = (X, X - 5)
CURVES = [Curve("reference", LINE, [LINE]), Curve("_width $128$", (X, X), [LINE, LINE])]


def test_both_sides_have_a_name_a_colour_and_a_dash_of_their_own():
    figure = draw_reliability(CURVES)
    svg = to_svg(figure, name="reliability", title="t", description="d")
    assert ">_width $128$<" in svg
    assert ">confidence of the predicted class, %<" in svg
    thick = [line for line in figure.axes[0].get_lines() if line.get_linewidth() == 2.0]
    assert len({line.get_color() for line in thick}) == len({line.get_linestyle() for line in thick}) == 2


def test_guessing_is_a_line_beside_the_curves():
    axes = draw_precision_recall(CURVES, guess=6.0).axes[0]
    assert list(axes.get_lines()[0].get_ydata()) == [6.0, 6.0]


def test_residuals_share_their_axes_and_at_most_so_many_dots_are_drawn():
    many = np.linspace(0, 1, 10 * MOST_DOTS)
    sides = [Residuals("reference", (many, many), LINE), Residuals("width 128", (X, X), LINE)]
    left, right = draw_residuals(sides, unit="mg/dl").axes
    assert left.get_xlabel() == "predicted value, mg/dl"
    assert left.get_ylim() == right.get_ylim()
    assert len(left.get_lines()[1].get_xdata()) == MOST_DOTS
    assert draw_residuals(sides, unit="").axes[0].get_ylabel() == "target − prediction"
