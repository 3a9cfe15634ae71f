"""Pages of studies that predict something else than one of many classes: their own words, units and directions."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from any_task import write_numbers, write_rare

from ablate.report import ReportFiles, build_report
from ablate.report.gaps import gap_blocks
from ablate.report.inputs import read_inputs
from ablate.report.page import Figure
from ablate.report.test_set_checks import read_once
from ablate.report.training import training_section


class _Words(HTMLParser):
    """The text of a page, without scripts and styles, and what readers of a screen hear."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag if tag in ("script", "style") else ""
        self.said += [value for name, value in attrs if name in ("aria-label", "title") and value]

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.said.append(data)


def words_of(files: ReportFiles) -> str:
    parser = _Words()
    parser.feed(files.html.read_text())
    return " ".join(" ".join(parser.said).split())


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> ReportFiles:
    return build_report(write_numbers(tmp_path_factory.mktemp("numbers") / "sugar"))


@pytest.fixture(scope="module")
def rare(tmp_path_factory: pytest.TempPathFactory) -> ReportFiles:
    return build_report(write_rare(tmp_path_factory.mktemp("rare") / "sugar"))


def test_a_page_of_a_regression_has_no_word_of_classification(numbers: ReportFiles) -> None:
    text = words_of(numbers)
    found = re.findall(r"(?i)\b(?:accura\w*|points?|class\w*|nats|fractions?|images?|cross-entrop\w*)\b", text)
    assert found == []
    tables = " ".join(path.read_text() for path in numbers.tables)
    assert re.findall(r"(?i)accura\w*|points?\b|\bclass\w*|\bnats\b|fraction", tables) == []


def test_an_error_is_better_the_lower_it_is_and_keeps_its_unit(numbers: ReportFiles) -> None:
    answer = " ".join(numbers.headline).replace("\N{NO-BREAK SPACE}", " ")
    assert re.search(r"width 128 helps by [\d.]+ mg/dl", answer)
    effects = numbers.effects.set_index("variant")
    assert effects.loc["width=128", "mean"] > 0  # a lower error
    assert effects.loc["width=128", "variant_mean"] > effects.loc["width=128", "reference_mean"]  # higher is better
    written = pd.read_csv(numbers.effects_csv).set_index("variant")
    assert 0 < written.loc["width=128", "variant_mean"] < written.loc["width=128", "reference_mean"]
    assert written.loc["width=128", ["unit", "direction", "margin"]].tolist() == ["mg/dl", "minimize", 2]
    text = words_of(numbers)
    assert "Difference, mg/dl (+ is better)" in text
    assert "δ is 2 mg/dl, as the study states" in text


def test_curves_and_gaps_are_those_of_the_metric_that_decides(numbers: ReportFiles) -> None:
    inputs = read_inputs(numbers.html.parent)
    section = training_section(inputs)
    assert section is not None
    first, second = section.blocks
    assert isinstance(first, Figure)
    assert isinstance(second, Figure)
    assert (first.title, second.title) == ("MAE by epoch", "Loss by epoch")
    assert ">MAE, mg/dl<" in first.svg
    assert ">loss<" in second.svg
    (gap,) = gap_blocks(inputs)
    assert isinstance(gap, Figure)
    assert gap.title == "Validation minus training MAE"  # above 0: training is better, as with an accuracy
    assert "Gap, mg/dl" in gap.table.head  # type: ignore[union-attr]
    assert "mg/dl in " in gap.sentence
    assert all(str(row[3]).startswith("+") for row in gap.table.rows)  # type: ignore[union-attr]


def test_rare_positives_are_judged_by_their_own_metric_without_a_unit(rare: ReportFiles) -> None:
    answer = " ".join(rare.headline).replace("\N{NO-BREAK SPACE}", " ")
    assert re.search(r"width 128 helps by 0\.\d+ \[", answer)
    text = words_of(rare)
    assert "test PR AUC" in text
    assert "δ is 0.01, as the study states" in text
    assert "gain in" not in text


def test_a_test_score_of_a_search_trial_is_noticed_whatever_the_metric(tmp_path: Path) -> None:
    folder = write_numbers(tmp_path / "sugar")
    assert read_once(read_inputs(folder)).passed
    results = pd.read_csv(folder / "results.csv", keep_default_na=False)
    row = results.iloc[0].to_dict() | {"trial": "search-0001", "phase": "search"}
    pd.concat([results, pd.DataFrame([row])]).to_csv(folder / "results.csv", index=False)
    check = read_once(read_inputs(folder))
    assert not check.passed
    assert "outside the comparisons: 3;" in check.why
