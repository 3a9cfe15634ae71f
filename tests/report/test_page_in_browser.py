"""The report in a real browser: accessible in both schemes, readable at every width, usable by keyboard, printable.

The accessibility rules are those of axe-core; what it calls serious or critical is a fault.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from synthetic import write_study

from ablate.report import ReportFiles
from ablate.report.page import PartBar, RunningNote
from ablate.report.running import SoFar, read_so_far, write_running_page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next((found for name in BROWSERS if (found := shutil.which(name))), "")
playwright = pytest.importorskip("playwright.sync_api", reason="the browser's driver is not installed")
Axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed").Axe

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not BROWSER, reason="no Chromium here")]

NOTE = RunningNote(
    state="Search: 14 of 24 trials are done, about 4 minutes left in this part.",
    parts=[PartBar("Search", 14, 24, "14 of 24 trials"), PartBar("Comparisons", 0, 96, "0 of 60 to 96 trials")],
    written=("2026-11-21 10:35:11 UTC", "2026-11-21T10:35:11+00:00"),
    after="The next page is due in 1 minute.",
    seconds=60,
)
WIDE, MIDDLE, NARROW = 1600, 1000, 390  # pixels
MOST_CHARACTERS = 75  # of text in a line
# The longest line of each paragraph, in characters: those whose boxes have one bottom.
LINES = """
() => [...document.querySelectorAll("main p, main dd, main .checks span")].filter((p) => p.offsetParent).map((one) => {
  const lines = {};
  const walker = document.createTreeWalker(one, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode())
    for (let at = 0; at < node.length; at++) {
      const range = document.createRange();
      range.setStart(node, at);
      range.setEnd(node, at + 1);
      const box = range.getBoundingClientRect();
      if (box.width) lines[Math.round(box.bottom / 4)] = (lines[Math.round(box.bottom / 4)] || 0) + 1;
    }
  return [Math.max(0, ...Object.values(lines)), one.textContent.trim().slice(0, 40)];
})
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_study(tmp_path_factory.mktemp("tables") / "cifar_mlp", modes=("carry", "find"))
    place = tmp_path_factory.mktemp("running")
    return write_running_page(place, read_so_far(folder, at="10:34"), NOTE, title="A deep MLP on CIFAR-10")


@pytest.fixture(scope="module")
def browser() -> Iterator["playwright.Browser"]:
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(params=["finished", "running"])
def path(request: pytest.FixtureRequest, built: ReportFiles, running: Path) -> Path:
    return built.html if request.param == "finished" else running


def opened(browser: "playwright.Browser", path: Path, *, width: int, scheme: str = "light") -> "playwright.Page":
    page = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
    page.goto(path.as_uri())
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_axe_finds_nothing_serious(browser, path: Path, width: int, scheme: str) -> None:
    page = opened(browser, path, width=width, scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    found = Axe().run(page).response["violations"]
    grave = [
        (one["id"], [(node["target"], node["failureSummary"]) for node in one["nodes"][:3]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert grave == []
    page.context.close()


def test_axe_would_find_a_fault(browser, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<!doctype html><title>x</title><p style='color: #ccc; background: #fff'>pale")
    page = opened(browser, tmp_path / "page.html", width=WIDE)
    assert {"color-contrast", "html-has-lang"} <= {one["id"] for one in Axe().run(page).response["violations"]}
    page.context.close()


def test_wide_screens_have_the_contents_at_the_side_and_others_fold_them(browser, path: Path) -> None:
    page = opened(browser, path, width=WIDE)
    side, folded = page.locator("nav.side"), page.locator("nav.folded")
    assert (side.is_visible(), folded.is_visible()) == (True, False)
    page.evaluate("window.scrollTo(0, document.body.scrollHeight / 2)")
    assert 0 <= side.bounding_box()["y"] < 100  # it stays
    assert side.bounding_box()["x"] + side.bounding_box()["width"] <= page.locator("main").bounding_box()["x"]
    page.set_viewport_size({"width": MIDDLE, "height": 900})
    assert (side.is_visible(), folded.is_visible()) == (False, True)
    page.context.close()


def test_the_first_page_of_a_running_study_has_no_contents_and_the_same_place(browser, tmp_path: Path) -> None:
    page = opened(browser, write_running_page(tmp_path, SoFar(), NOTE, title="A deep MLP"), width=WIDE)
    assert page.locator("nav").count() == 0
    assert page.locator("main").bounding_box()["width"] > 1000
    assert [one["id"] for one in Axe().run(page).response["violations"] if one["impact"] != "minor"] == []
    page.context.close()


@pytest.mark.parametrize("width", [WIDE, MIDDLE, NARROW])
def test_lines_of_text_are_short_and_figures_use_the_width(browser, path: Path, width: int) -> None:
    page = opened(browser, path, width=width)
    lines = page.evaluate(LINES)
    assert len(lines) > 20
    assert [line for line in lines if line[0] > MOST_CHARACTERS] == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")  # nothing sticks out
    main, picture = page.locator("main").bounding_box(), page.locator(".picture").first.bounding_box()
    assert picture["width"] > 0.9 * main["width"]
    page.context.close()


def test_the_keyboard_reaches_the_report_its_contents_and_its_folds(browser, path: Path) -> None:
    page = opened(browser, path, width=WIDE)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0  # it shows itself
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "report"
    page.locator("nav.side a").last.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.getElementById(location.hash.slice(1)).getBoundingClientRect().top") < 900
    page.set_viewport_size({"width": NARROW, "height": 800})
    summary = page.locator("nav.folded summary")
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("nav.folded a").first.is_visible()
    page.context.close()


def test_a_running_page_reads_itself_again_until_it_is_told_not_to(browser, running: Path, tmp_path: Path) -> None:
    place = tmp_path / "report.html"
    place.write_text(running.read_text().replace('data-reload="60"', 'data-reload="1"'))
    page = opened(browser, place, width=WIDE)
    box = page.get_by_label("Read this page again")
    assert box.is_checked()
    with page.expect_navigation(timeout=10_000):
        pass
    box.uncheck()
    page.evaluate("window.isOld = true")
    page.wait_for_timeout(2_500)
    assert page.evaluate("window.isOld")
    page.reload()
    assert not box.is_checked()  # remembered
    page.context.close()


def test_the_print_has_no_contents_and_no_controls_and_black_ink(browser, path: Path) -> None:
    page = opened(browser, path, width=WIDE, scheme="dark")
    page.emulate_media(media="print")
    hidden = ("nav.side", "nav.folded", ".skip", "[data-reload]", ".tools", ".take")
    assert [one for one in hidden if page.locator(one).count() and page.locator(one).first.is_visible()] == []
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert len(page.pdf(format="A4")) > 10_000
    page.context.close()
