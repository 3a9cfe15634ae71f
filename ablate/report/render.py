"""A page into one self-contained HTML document: everything is escaped but the figures drawn here and one script."""

import base64
import hashlib
from importlib import resources

import jinja2
from markupsafe import Markup

from ablate.report.export import PageFiles
from ablate.report.page import MOST_ROWS, Link, Page
from ablate.wording import unbroken

LEAST_TO_FILTER = 10  # rows of a table that gets a box to search in
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'; "
    "form-action 'none'; base-uri 'none'"
)


def render(page: Page, files: PageFiles) -> str:
    """The page as HTML that loads nothing: the content policy allows the one inline script, by its hash."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.tests["link"] = lambda cell: isinstance(cell, Link)
    environment.filters["unbroken"] = unbroken
    environment.globals.update(files_beside=files.beside, most_rows=MOST_ROWS, least_to_filter=LEAST_TO_FILTER)
    script = _template("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    template = environment.get_template("report.html.jinja")
    return template.render(page=page, script=Markup(script), policy=POLICY.format(digest=digest))


def _template(name: str) -> str:
    return (resources.files("ablate.report") / "templates" / name).read_text(encoding="utf-8")
