import json
import re
from pathlib import Path

import pandas as pd
import pytest
from design_tables import factorial
from synthetic import provenance, write_study

from ablate.report.inputs import read_inputs
from ablate.report.page import Figure, Section
from ablate.report.search import search_section
from ablate.storage.results import write_table


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("search") / "cifar_mlp", n_seeds=1, facts={"sampler": "random"})


def section(folder: Path, **facts: object) -> Section:
    (folder / "provenance.json").write_text(json.dumps(provenance() | facts))
    found = search_section(read_inputs(folder))
    assert found is not None
    return found


def figures(found: Section) -> dict[str, Figure]:
    return {block.name: block for block in found.blocks if isinstance(block, Figure)}


def test_a_random_search_tells_what_fewer_trials_would_have_found(folder: Path) -> None:
    expected = figures(section(folder, sampler="random"))["expected"]
    assert expected.table is not None
    assert [row[0] for row in expected.table.rows] == ["1", "2", "5", "10", "20", "24"]
    results = read_inputs(folder).results
    best = pd.to_numeric(results.loc[results["phase"] == "search", "score"]).max()
    assert expected.table.rows[-1][1] == f"{100 * best:.1f}"
    said = rf"the best of all 24 trials {100 * best:.1f}\s%; the trials after the first 10 added \+\d\.\d points\.$"
    assert re.search(said, expected.sentence)
    assert "diverged and failed trials with the worst score" in expected.reading


@pytest.mark.parametrize("sampler", ["tpe", None])
def test_of_other_searches_and_of_those_not_known_nothing_of_the_kind_is_told(folder: Path, sampler: object) -> None:
    assert list(figures(section(folder, sampler=sampler))) == ["history", "importances"]


def test_the_importances_say_of_which_trials_they_are(folder: Path) -> None:
    sentence = figures(section(folder))["importances"].sentence
    assert sentence.startswith("In these 24 trials, ")
    assert sentence.endswith(" 2 trials did not finish and get the worst score.")


def test_of_many_trials_those_that_were_drawn_are_counted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ablate.analysis.importance.search.MOST_TRIALS", 20)
    sentence = figures(section(folder))["importances"].sentence
    assert sentence.startswith("In 20 randomly drawn trials of 24, ")


def test_a_factorial_without_a_search_has_importances_too(tmp_path: Path) -> None:
    levels = {"a": [0, 1, 2], "b": ["x", "y"], "c": [0, 1]}
    table = factorial(levels, lambda cell, seed: 0.1 * cell["a"] + 0.02 * (cell["b"] == "x") + seed / 100, seeds=[0, 1])
    write_table(table, tmp_path / "results.csv")
    found = section(tmp_path, foreign=True, metric={"name": "acc", "scale": 100.0, "unit": "points"})
    assert found.title == "Importance of the factors"
    (figure,) = found.blocks
    assert isinstance(figure, Figure)
    assert figure.sentence.startswith("In these 24 trials, a best separates the best trials from the rest.")
