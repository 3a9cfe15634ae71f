"""Put effects into words: headline sentences for people, and a LaTeX table for papers."""

from ablate.report.wording.data_sets import data_sets_headline
from ablate.report.wording.front import front_sentences, objectives_said, rule_said
from ablate.report.wording.headline import headline
from ablate.report.wording.latex import latex_effects, to_tex
from ablate.report.wording.phrases import as_markdown, unbroken
from ablate.report.wording.preregistered import headline_notes, level_sentence, percent, read_before

__all__ = [
    "as_markdown", "data_sets_headline", "front_sentences", "headline", "headline_notes", "latex_effects",
    "level_sentence", "objectives_said", "percent", "read_before", "rule_said", "to_tex", "unbroken",
]  # fmt: skip
