import json
import re
from pathlib import Path

import pytest
from synthetic import write_study

from ablate.errors import AblateError
from ablate.report import ReportFiles
from ablate.report.page import PartBar, RunningNote
from ablate.report.running import SoFar, read_so_far, write_running_page

NOTE = RunningNote(
    state="Search: 14 of 24 trials are done, about 4 minutes left in this part.",
    parts=[PartBar("Search", 14, 24, "14 of 24 trials"), PartBar("Comparisons", 0, 96, "0 of 60 to 96 trials")],
    written=("2026-11-21 10:35:11 UTC", "2026-11-21T10:35:11+00:00"),
    after="The next page is due in 1 minute.",
    seconds=60,
)
VERDICTS = r"\b(helps|hurts|equivalent|undecided|inconclusive|no effect|confirmed|significant|adjusted)\b"


def words(page: str) -> str:
    """What a reader sees of a page, without the sentence that says why there is no answer."""
    shown = re.sub(r"<(script|style|svg|pre)\b.*?</\1>", " ", page, flags=re.S)
    text = re.sub(r"<[^>]*>", " ", shown)
    return text.replace("What looks good now may end undecided or the other way round", "")


@pytest.fixture(scope="module")
def so_far(tmp_path_factory: pytest.TempPathFactory) -> SoFar:
    folder = write_study(tmp_path_factory.mktemp("tables") / "cifar_mlp", modes=("carry", "find"))
    return read_so_far(folder, at="2026-11-21 10:34:50")


def page_of(so_far: SoFar, folder: Path) -> str:
    return write_running_page(folder, so_far, NOTE, title="A deep MLP").read_text()


def test_the_page_of_a_running_study_says_so_and_gives_no_verdict(so_far: SoFar, tmp_path: Path) -> None:
    page = page_of(so_far, tmp_path)
    assert "<title>Running: A deep MLP" in page
    assert '<progress aria-label="Search" value="14" max="24">' in page
    assert "No answer yet" in page
    assert re.findall(VERDICTS, words(page), flags=re.I) == []
    assert "The comparisons so far" in page
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]  # the study's own files are untouched


def test_the_words_of_a_verdict_would_be_noticed(built: ReportFiles) -> None:
    assert re.findall(VERDICTS, words(built.html.read_text()), flags=re.I)


def test_only_a_running_study_has_a_page_that_is_read_again(so_far: SoFar, built: ReportFiles, tmp_path: Path) -> None:
    page, report = page_of(so_far, tmp_path), built.html.read_text()
    assert 'data-reload="60"' in page
    assert 'http-equiv="refresh"' not in page  # a reader could not stop it
    for sign in ('data-reload="', "<progress", "◌ Running"):
        assert sign in page
        assert sign not in report


def test_the_first_page_needs_no_trials(tmp_path: Path) -> None:
    page = page_of(SoFar(), tmp_path)
    assert "14 of 24 trials" in page
    assert "<nav" not in page


def test_no_difference_is_shown_before_the_comparisons_are_preregistered(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "tables")
    stated = json.loads((folder / "provenance.json").read_text())
    (folder / "provenance.json").write_text(json.dumps({**stated, "frozen": None}))
    assert "so-far" not in [section.name for section in read_so_far(folder, at="now").sections]


def test_the_differences_so_far_are_those_of_the_results(so_far: SoFar, built: ReportFiles) -> None:
    (section,) = [section for section in so_far.sections if section.name == "so-far"]
    (table,) = [block for block in section.blocks if block.kind == "table"]
    assert list(table.head) == ["Factor", "Level", "Learning rate", "Seeds so far", "Difference, points"]
    shown = {(row[0], row[1], row[2]): row[4] for row in table.rows}
    effects = built.effects.set_index(["factor", "level", "mode"])
    assert len(shown) == len(effects) == 24
    for name, text in shown.items():
        effect = effects.loc[name]
        if effect["verdict"] == "lost runs":
            assert text == "–"
        else:
            assert float(text.replace("−", "-")) == pytest.approx(100 * effect["mean"], abs=0.051)


def test_a_page_of_another_tool_is_kept(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("<title>mine</title>")
    with pytest.raises(AblateError, match=r"report\.html, which ablate did not write"):
        page_of(SoFar(), tmp_path)
    assert (tmp_path / "report.html").read_text() == "<title>mine</title>"
