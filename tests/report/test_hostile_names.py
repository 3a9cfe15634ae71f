"""A report whose every name is hostile: its elements are a harmless one's, nothing of it runs, nothing is fetched."""

import contextlib
import csv
import io
import shutil
import subprocess
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from hostile_study import MARK, payloads, write_hostile
from rich.console import Console

from ablate.interface.display.stream import say
from ablate.report import ReportFiles, build_report
from ablate.report.export import inert_text

CANARY = "http://127.0.0.1:9"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next((found for name in BROWSERS if (found := shutil.which(name))), "")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update",
    "--disable-background-networking", "--disable-sync", "--disable-extensions", "--virtual-time-budget=3000",
)  # fmt: skip


class Elements(HTMLParser):
    """The kinds of elements and attributes of a page, what links lead to, and how many scripts and styles there are."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.kinds: set[tuple[str, str]] = set()
        self.links: set[str] = set()
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.kinds |= {(tag, name) for name, _ in attrs} | {(tag, "")}
        self.links |= {value or "" for name, value in attrs if name.endswith("href")}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> ReportFiles:
    return build_report(write_hostile(tmp_path_factory.mktemp("hostile") / "study", CANARY))


def test_names_bring_no_element_and_no_attribute_into_the_page(hostile: ReportFiles, built: ReportFiles) -> None:
    text = hostile.html.read_text(encoding="utf-8")
    page, harmless = Elements(text), Elements(built.html.read_text(encoding="utf-8"))
    assert page.kinds <= harmless.kinds
    assert [page.tags.count(tag) for tag in ("script", "style", "meta", "title", "h1")][:2] == [1, 1]
    assert page.tags.count("meta") == harmless.tags.count("meta")
    assert all(link.startswith(("#", "data:text/csv;", "data:image/svg+xml;", "data:application/x-tex;"))
               for link in page.links)  # fmt: skip
    assert text.count("&lt;script&gt;") > 100  # the names are there, as text
    assert f"<script>document.documentElement.setAttribute('{MARK}'" not in text
    for path in hostile.figures:
        assert "<script" not in path.read_text(encoding="utf-8")


def test_every_file_lies_in_the_folder_and_no_cell_is_a_formula(hostile: ReportFiles) -> None:
    folder = hostile.html.parent
    assert {path.name for path in folder.parent.iterdir()} == {"study"}
    for path in (*hostile.tables, *hostile.figures, hostile.effects_csv):
        assert path.resolve().is_relative_to(folder.resolve())
    for path in (*hostile.tables, hostile.effects_csv):
        if path.suffix == ".csv":
            rows = csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline=""))
            assert all(inert_text(cell) == cell for row in rows for cell in row)


def test_the_answer_cannot_steer_a_terminal(hostile: ReportFiles) -> None:
    out = io.StringIO()
    say(Console(file=out, highlight=False, width=200), [*hostile.headline, *payloads(CANARY), "[red]x[/red] :smile:"])
    said = out.getvalue()
    assert not [char for char in said if not char.isprintable() and char not in "\n\N{NO-BREAK SPACE}"]
    assert "[red]x[/red] :smile:" in said
    assert r"\x1b[2J" in said


class _Server(HTTPServer):
    requests: list[str]


class _Canary(BaseHTTPRequestHandler):
    """Notes every request."""

    def do_GET(self) -> None:
        assert isinstance(self.server, _Server)
        self.server.requests.append(self.path)
        self.send_response(204)
        self.end_headers()

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Silent."""


@contextlib.contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """An address on this machine and the requests that reach it."""
    with _Server(("127.0.0.1", 0), _Canary) as server:
        server.requests = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", server.requests
        finally:
            server.shutdown()
            thread.join()


def opened(page: Path, profile: Path) -> str:
    """The page's document after its scripts have run."""
    command = [BROWSER, *QUIET, f"--user-data-dir={profile}", "--dump-dom", page.absolute().as_uri()]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    return done.stdout.decode(errors="replace")


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="no Chromium here")
def test_in_a_browser_no_script_of_a_name_runs_and_no_request_leaves(tmp_path: Path) -> None:
    with listening() as (canary, requests):
        built = build_report(write_hostile(tmp_path / "study", canary))
        document = opened(built.html, tmp_path / "profile")
        assert requests == []
    assert MARK not in document.partition(">")[2].partition(">")[0]  # the <html> element, behind <!DOCTYPE html>
    assert 'title="Sort by this column"' in document  # the page's own script did run
    assert "<title>A deep MLP" in document


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="no Chromium here")
def test_where_nothing_protects_the_same_names_run_and_are_seen(tmp_path: Path) -> None:
    """The proof of the proof: without escaping the mark is set and the canary sings, without a policy it does too."""
    with listening() as (canary, requests):
        page = tmp_path / "page.html"
        page.write_text(f"<!doctype html><title>x</title>{payloads(canary)[0]}{payloads(canary)[4]}", encoding="utf-8")
        document = opened(page, tmp_path / "profile")
    assert MARK in document.partition(">")[2].partition(">")[0]
    assert {"/image", "/fetched"} <= set(requests)


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="no Chromium here")
def test_the_policy_alone_stops_what_escaping_would_have_let_through(tmp_path: Path, built: ReportFiles) -> None:
    """The second wall: raw payloads put into the page itself."""
    with listening() as (canary, requests):
        text = built.html.read_text(encoding="utf-8")
        page = tmp_path / "page.html"
        page.write_text(text.replace("<main>", f"<main>{''.join(payloads(canary)[:10])}"), encoding="utf-8")
        document = opened(page, tmp_path / "profile")
        assert requests == []
    assert MARK not in document.partition(">")[2].partition(">")[0]
    assert 'title="Sort by this column"' in document
