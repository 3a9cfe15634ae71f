"""Draw the report's figures and write them as SVG."""

from ablate.report.plots.curves import MOST_PANELS, MOST_RUNS, draw_curves, draw_rate_tests, lr_test_svg, rate_text
from ablate.report.plots.data_sets import draw_data_sets, draw_ranks
from ablate.report.plots.differences import MOST_DRAWN, contrast_name
from ablate.report.plots.forest import MARKS, draw_effects, extremes
from ablate.report.plots.front import FrontAxis, draw_front
from ablate.report.plots.modes import draw_modes
from ablate.report.plots.search import MOST_POINTS, draw_expected, draw_history, draw_importances
from ablate.report.plots.svg import inline_svg, shorten, to_svg

__all__ = [
    "MARKS", "MOST_DRAWN", "MOST_PANELS", "MOST_POINTS", "MOST_RUNS", "FrontAxis", "contrast_name", "draw_curves",
    "draw_data_sets", "draw_effects", "draw_expected", "draw_front", "draw_history", "draw_importances", "draw_modes",
    "draw_ranks", "draw_rate_tests",
    "extremes", "inline_svg", "lr_test_svg", "rate_text", "shorten", "to_svg",
]  # fmt: skip
