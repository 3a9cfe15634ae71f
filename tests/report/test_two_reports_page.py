import re

import pytest
from synthetic import HOSTILE
from two_studies import with_facts, write_two

from ablate.errors import AblateError
from ablate.report import two_reports_page
from ablate.report.two_reports import read_two
from ablate.report.two_reports_page import (
    headline_of_two,
    only_in_words,
    rows_of_two,
    two_page,
    unlike_rows,
)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    a, b = write_two(folder, drop="dropout=0.3", add={"normalization=batch": -0.1})
    (b / "study.toml").write_text((b / "study.toml").read_text().replace("depth = 20", "depth = 10"))
    return read_two(a, b)


@pytest.fixture(scope="module")
def page(two, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "deep" / "compare.html"
    two_reports_page.write_two(two, path)
    return path.read_text()


def test_the_answer_says_how_many_verdicts_changed_which_effects_differ_and_in_what_the_studies_do(two):
    said = headline_of_two(two)
    assert said[0].startswith("11 comparisons in both: ")
    assert "normalization batch helps → hurts" in said[1]
    assert said[2].startswith("Intervals of the difference of the effects without 0 (exploratory): ")
    assert "normalization batch" in said[2]
    assert said[-1] == "The studies differ in a setting and how they are judged."


def test_the_table_for_the_terminal_has_both_effects_with_intervals_and_verdicts(two):
    head, rows = rows_of_two(two)
    assert head == ["Comparison", "a, points", "b, points", "Difference (exploratory)"]
    (row,) = [row for row in rows if row[0] == "normalization = batch"]
    assert re.fullmatch(r"helps \+\d\.\d+ \[\d\.\d+, \d\.\d+\]", row[1])
    assert re.fullmatch(r"hurts −\d\.\d+ \[−\d\.\d+, −\d\.\d+\] \(changed\)", row[2])
    assert re.fullmatch(r"−\d+\.\d+ \[−\d+\.\d+, −\d+\.\d+\]", row[3])
    assert unlike_rows(two)[0] == ["setting", "model.depth", "20", "10"]
    assert only_in_words(two) == ["Only in a: dropout = 0.3."]


def test_the_page_is_one_file_that_loads_nothing_and_escapes_what_others_wrote(page):
    assert '<meta name="generator" content="ablate">' in page
    assert "Comparison of two reports" in page
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', page) == []
    assert "in the study's folder" not in page  # its tables are inside


def test_the_page_shows_figure_table_differences_and_what_only_one_has(page):
    for name in ("side-by-side", "differs", "only"):
        assert f'<section id="{name}"' in page
    assert 'id="figure-side-by-side"' in page
    assert len(re.findall(r'data-key="side-by-side-3"', page)) >= 3  # the row, and its marks in the figure
    assert "No verdict is claimed." in page
    assert "paired by seed" in page


def test_studies_without_a_common_comparison_have_a_page_without_a_figure(two):
    from dataclasses import replace

    empty = replace(two, both=two.both.iloc[:0])
    page = two_page(empty)
    assert page.headline[0] == "a and b have no comparison in common."
    assert [section.name for section in page.sections] == ["differs", "only"]
    assert rows_of_two(empty)[1] == []


@pytest.mark.parametrize(
    ("facts", "said"),
    [({"seed": 3}, "taken as independent"), ({"data": None}, "is not recorded"), ({"margin": 0.02}, "none is shaded")],
)
def test_what_the_differences_rest_on_is_said(tmp_path, facts, said):
    a, b = write_two(tmp_path)
    two_reports_page.write_two(read_two(a, with_facts(b, **facts)), tmp_path / "page.html")
    assert said in (tmp_path / "page.html").read_text()


def test_the_page_replaces_only_a_page_of_ablate(two, tmp_path):
    path = tmp_path / "page.html"
    two_reports_page.write_two(two, path)
    before = path.read_bytes()
    two_reports_page.write_two(two, path)
    assert path.read_bytes() == before  # the same folders give the same bytes
    path.write_text("mine")
    with pytest.raises(AblateError, match="ablate did not write it"):
        two_reports_page.write_two(two, path)
    assert path.read_text() == "mine"
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere.html")
    with pytest.raises(AblateError, match="ablate did not write it"):
        two_reports_page.write_two(two, path)


def test_modes_are_named_where_there_are_several(tmp_path):
    from synthetic import write_study

    folders = [write_study(tmp_path / name, modes=("find", "carry")) for name in "ab"]
    _, rows = rows_of_two(read_two(*folders))
    assert len(rows) == 24
    assert {row[0].rpartition(" ")[2] for row in rows} == {"(find)", "(carry)"}
