"""Tables into figures, and figures into SVG."""

from ablate.plots.curves import MOST_PANELS, draw_curves, draw_rate_tests, lr_test_svg, rate_text
from ablate.plots.forest import MARKS, draw_effects, draw_modes, extremes
from ablate.plots.search import draw_history, draw_importances
from ablate.plots.svg import inline_svg, shorten, to_svg

__all__ = [
    "MARKS", "MOST_PANELS", "draw_curves", "draw_effects", "draw_history", "draw_importances", "draw_modes",
    "draw_rate_tests", "extremes", "inline_svg", "lr_test_svg", "rate_text", "shorten", "to_svg",
]  # fmt: skip
