"""Write a figure as SVG: small, reproducible to the byte, usable as a file or inside a page.

Text stays text, so that it can be searched and read aloud, and colours come from one palette: a page replaces them by
its own (`inline_svg`), so one figure serves a light and a dark scheme.
"""

import json
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.text import Text

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# Okabe & Ito (2008), in an order that keeps neighbours distinct for every kind of colour vision; orange and sky come
# late, because on white they have a contrast below 3.
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
INK, MUTED, RULE, SEED, SHADE, PAPER = "#1c2126", "#56606b", "#cdd4da", "#87919c", "#eaf0f4", "#ffffff"
HELPS, HURTS = SERIES[0], SERIES[1]
VARIABLES = {
    INK: "--ink", MUTED: "--muted", RULE: "--rule", SEED: "--seed", SHADE: "--shade", PAPER: "--paper",
    **{colour: f"--c{number}" for number, colour in enumerate(SERIES, start=1)},
}  # fmt: skip
WIDTH = 9.0  # inches; 648 units of the view box, shown about 900 pixels wide, so 9 points appear as 12 pixels
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif"
SETTINGS: Any = {  # Any: matplotlib types its settings by name, hundreds of them
    "text.parse_math": False,  # a level may be called $x_1$
    "svg.fonttype": "none",
    "svg.hashsalt": "ablate",
    "svg.id": None,
    "font.family": "DejaVu Sans",  # ships with matplotlib; wider than system fonts, so the layout has room for them
    "font.size": 9.0, "axes.titlesize": 9.5, "axes.labelsize": 9.0, "xtick.labelsize": 8.5, "ytick.labelsize": 8.5,
    "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.unicode_minus": True, "axes.axisbelow": True,
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": RULE, "axes.linewidth": 0.8,
    "axes.labelcolor": MUTED, "axes.titlecolor": INK, "axes.facecolor": "none",
    "figure.facecolor": PAPER, "figure.edgecolor": "none", "savefig.facecolor": "auto",
    "grid.color": RULE, "grid.linewidth": 0.5, "text.color": INK,
    "xtick.color": RULE, "ytick.color": RULE, "xtick.labelcolor": MUTED, "ytick.labelcolor": MUTED,
    "legend.frameon": False, "legend.fontsize": 8.5, "path.simplify": True,
}  # fmt: skip
_XMLNS = "http://www.w3.org/2000/svg"
_LINK = "{http://www.w3.org/1999/xlink}href"
_MEASURES = ("d", "x", "y", "transform", "width", "height", "style")
_FONT = re.compile(r"font(?:-size)?: ((?:\w+ )*)([\d.]+px)[^;]*(?:; font-family: [^;]*)?")
_TAG, _COLOUR = re.compile("<[^>]*>"), re.compile(": (#[0-9a-f]{6})")
_NUMBER = re.compile(r"-?\d+\.\d+")
_MARK = "mark:"  # prefix of the gid of an artist that `mark` has named
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONGEST_LINE, _MOST_LINES = 160, 4  # of a text in a figure, so that the rest has room


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw and write figures with the report's own settings, whatever the user has set."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(SETTINGS)
        yield


def shorten(text: str, width: int = 30) -> str:
    """`text` on one line, in characters that XML allows, cut in its middle if longer than `width`."""
    line = " ".join(_NOT_XML.sub("�", text).split()) or "(empty)"
    if len(line) <= width:
        return line
    head = width // 2
    return f"{line[:head]}…{line[head + 1 - width :]}"


def name_rows(axes: "Axes", names: Sequence[str]) -> None:
    """Name the rows of a chart, the first one on top, instead of ticks and the axis line."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)


def mark(artist: "Artist", key: str, *, titles: Sequence[str] = ()) -> None:
    """Give an artist a `key` by which the page finds it (data-key), and each of its points a hover title.

    With `titles`, the artist is a line of markers, one for each title, and all its points lie within the figure.
    """
    artist.set_gid(_MARK + json.dumps([key, list(titles)]))


def to_svg(figure: "Figure", *, name: str, title: str, description: str) -> str:
    """The figure as an SVG document; `name` prefixes every id in it, so that several figures can share a page."""
    with figure_style():
        for artist in figure.findobj(Text):
            if isinstance(artist, Text) and (drawable := _drawable(artist.get_text())) != artist.get_text():
                artist.set_text(drawable)
        buffer = BytesIO()
        with warnings.catch_warnings():
            # Text stays text: the viewer's own fonts have the characters that the layout font lacks.
            warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
            figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    ET.register_namespace("", _XMLNS)
    root = ET.fromstring(buffer.getvalue())
    _tidy(root, name)
    for tag, text in (("desc", description), ("title", title)):
        element = ET.Element(f"{{{_XMLNS}}}{tag}", {"id": f"{name}-{tag}"})
        element.text = _NOT_XML.sub("�", text)
        root.insert(0, element)
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title {name}-desc")
    root.set("font-family", FONTS)
    return ET.tostring(root, encoding="unicode") + "\n"


def inline_svg(svg: str) -> str:
    """The output of `to_svg` for use inside HTML: as wide as its box, in the page's colours."""
    opening, rest = svg.split(">", 1)
    opening = re.sub(r' (width|height|xmlns|version)="[^"]*"', "", opening)
    return f"{opening}>{_TAG.sub(_to_variables, rest.strip())}"


def _drawable(text: str) -> str:
    lines = _NOT_XML.sub("�", text).split("\n")[:_MOST_LINES]
    return "\n".join(shorten(line, _LONGEST_LINE) if len(line) > _LONGEST_LINE else line for line in lines)


def _to_variables(tag: re.Match[str]) -> str:
    return _COLOUR.sub(lambda found: f": var({VARIABLES[found[1]]})" if found[1] in VARIABLES else found[0], tag[0])


def _tidy(root: ET.Element, name: str) -> None:
    used = set(re.findall(r"url\(#([^)]+)\)", ET.tostring(root, encoding="unicode")))
    used |= {element.get(_LINK, "").lstrip("#") for element in root.iter()}
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith(("}metadata", "}style")):
                parent.remove(child)
        if not (parent.text or "").strip():
            parent.text = None
        parent.tail = None
    root.set("style", "stroke-linejoin: round; stroke-linecap: butt")  # replaces the removed style sheet
    for element in root.iter():
        element.attrib.update(_tidy_attributes(element, name))
        if element.get("id", "").startswith(_MARK):
            _name_mark(element)
        elif element.get("id") not in used:
            element.attrib.pop("id", None)
        else:
            element.set("id", f"{name}-{element.get('id')}")
        element.attrib.pop(_LINK, None)
        if element.get("transform", "").startswith("rotate(0 "):
            del element.attrib["transform"]


def _name_mark(element: ET.Element) -> None:
    key, titles = json.loads(element.attrib.pop("id").removeprefix(_MARK))
    element.set("data-key", key)
    if titles:
        points = list(element.iter(f"{{{_XMLNS}}}use"))
        for point, text in zip(points, titles, strict=True):
            ET.SubElement(point, f"{{{_XMLNS}}}title").text = _NOT_XML.sub("�", text)


def _tidy_attributes(element: ET.Element, name: str) -> dict[str, str]:
    tidy = {key: _NUMBER.sub(_round, element.attrib[key]) for key in _MEASURES if key in element.attrib}
    if "transform" in tidy:
        tidy["transform"] = tidy["transform"].replace("rotate(-0 ", "rotate(0 ")
    if "d" in tidy:
        tidy["d"] = " ".join(tidy["d"].split())
    if "style" in tidy:
        tidy["style"] = _FONT.sub(_plain_font, tidy["style"])
    if "clip-path" in element.attrib:
        tidy["clip-path"] = element.attrib["clip-path"].replace("url(#", f"url(#{name}-")
    if _LINK in element.attrib:
        tidy["href"] = f"#{name}-{element.attrib[_LINK].lstrip('#')}"
    return tidy


def _round(match: re.Match[str]) -> str:
    return f"{round(float(match.group()), 2) + 0.0:g}"  # + 0.0 turns -0 into 0


def _plain_font(match: re.Match[str]) -> str:
    weight = "; font-weight: 600" if "700" in match[1] or "bold" in match[1] else ""
    return f"font-size: {match[2]}{weight}"
