"""Render a page as one HTML file that loads nothing."""

import base64
import hashlib
from importlib import resources

import jinja2
from markupsafe import Markup

from ablate.report.export import PageFiles
from ablate.report.page import MOST_ROWS, Link, Page
from ablate.report.wording import unbroken

LEAST_TO_FILTER = 10  # rows of a table that gets a search box
# Everything not named here is "none". Meta elements cannot say who may frame a page. Browsers without style-src-elem
# use style-src; the figures' marks have style attributes.
POLICY = (
    "default-src 'none'; script-src '{script}'; style-src 'unsafe-inline'; style-src-elem '{style}'; "
    "style-src-attr 'unsafe-inline'; form-action 'none'; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


def render(page: Page, files: PageFiles) -> str:
    """The page as HTML that loads nothing: its policy allows one script and one style sheet, by their hashes."""
    script, style = _template("report.js"), _template("report.css")
    policy = POLICY.format(script=_hash(script), style=_hash(style))
    return template("report.html.jinja").render(
        page=page,
        script=Markup(script),
        style=Markup(style),
        policy=policy,
        files_beside=files.beside,
        most_rows=MOST_ROWS,
        least_to_filter=LEAST_TO_FILTER,
    )


def template(name: str) -> jinja2.Template:
    """A template of this package; everything that it prints is escaped."""
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
    return environment.get_template(name)


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _template(name: str) -> str:
    return (resources.files("ablate.report") / "templates" / name).read_text(encoding="utf-8")
