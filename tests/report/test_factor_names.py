import dataclasses
from pathlib import Path

import pandas as pd
import pytest
from synthetic import provenance, write_study

from ablate.report import build_report
from ablate.report.factor_names import in_own_names
from ablate.report.inputs import read_inputs
from ablate.report.page import Page, Paragraph, Section


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table whose factor "epochs" had to give way to a column of the results."""
    path = write_study(tmp_path_factory.mktemp("own") / "s", modes=("",), facts=provenance() | {"foreign": True})
    results = pd.read_csv(path / "results.csv", keep_default_na=False)
    results["epochs_setting"] = [1, 2] * (len(results) // 2) + [1] * (len(results) % 2)
    results.to_csv(path / "results.csv", index=False)
    return path


def page(*texts: str) -> Page:
    return Page("t", "", [], list(texts), [], [Section("a", "A", [Paragraph(text) for text in texts])])


def test_a_renamed_factor_is_shown_by_the_users_name_everywhere_on_the_page(folder: Path) -> None:
    shown = in_own_names(page("epochs_setting=2 helps", "my_epochs_setting, epochs_settings"), read_inputs(folder))
    assert shown.headline == ["epochs=2 helps", "my_epochs_setting, epochs_settings"]
    assert [part.text for part in shown.sections[0].blocks] == shown.headline


def test_a_column_of_the_users_table_with_such_a_name_stays(folder: Path) -> None:
    inputs = read_inputs(folder)
    told = dataclasses.replace(inputs.facts, read_as="factors epochs; ignored epochs_setting (the same in every run)")
    words = page("epochs_setting")
    assert in_own_names(words, dataclasses.replace(inputs, facts=told)) is words


def test_the_report_never_shows_the_column(folder: Path) -> None:
    assert "epochs_setting" not in build_report(folder).html.read_text()
