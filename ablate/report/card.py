"""A result as a small piece of HTML: the answer, its figure and the checklist, for a notebook's cell."""

import base64

from markupsafe import Markup

from ablate.report.page import Check, Checklist, Figure, Page
from ablate.report.render import template

FIGURES = ("effects", "data-sets")  # of one data set, of several
MARKS = {True: "✓", False: "✕", None: "–"}


def result_card(page: Page) -> str:
    """The answer, the figure of the effects, the checks.

    The figure is an image: as such it can neither run scripts nor clash with the names of the page around it.
    """
    figure = next((figure for figure in page.figures() if figure.name in FIGURES), None)
    return template("card.html.jinja").render(
        page=page, checks=checks_of(page), marks=MARKS, figure=figure, image=_image(figure) if figure else ""
    )


def checks_of(page: Page) -> list[Check]:
    """The lines of the page's checklist."""
    blocks = [block for section in page.sections for block in section.blocks]
    return [check for block in blocks if isinstance(block, Checklist) for check in block.checks]


def _image(figure: Figure) -> Markup:
    held = base64.b64encode(figure.svg.encode()).decode()
    return Markup(f"data:image/svg+xml;base64,{held}")
