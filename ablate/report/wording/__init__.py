"""Put effects into words: headline sentences for people, and a LaTeX table for papers."""

from ablate.report.wording.headline import headline
from ablate.report.wording.latex import latex_effects, to_tex
from ablate.report.wording.phrases import as_markdown, unbroken

__all__ = ["as_markdown", "headline", "latex_effects", "to_tex", "unbroken"]
