import json
import re
from pathlib import Path

import pandas as pd
import pytest
from design_tables import factorial
from synthetic import provenance, write_study

from ablate.report.inputs import read_inputs
from ablate.report.page import Figure, Section
from ablate.report.search import factors_above_noise, search_section
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


def test_a_search_in_which_nothing_rises_above_noise_says_so_and_ranks_nothing(folder: Path) -> None:
    # Two of 24 trials diverged, and their worst scores outweigh the planted effects: nothing can be known here.
    figure = figures(section(folder))["importances"]
    assert figure.sentence.startswith("No factor rises above noise in these 24 trials (exploratory). The forest of ")
    assert re.search(r"explains nothing out of bag \(R²\s=\s−0\.\d\d\), so its shares are not shown\.", figure.sentence)
    assert figure.sentence.endswith(" 2 trials did not finish and get the worst score.")
    assert "separates" not in figure.sentence
    assert figure.table is not None
    assert {row[2] for row in figure.table.rows} == {"not above noise"}
    assert "fANOVA" not in figure.svg.split("</desc>")[1]


def test_of_many_trials_those_that_were_drawn_are_counted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ablate.analysis.importance.search.MOST_TRIALS", 20)
    sentence = figures(section(folder))["importances"].sentence
    assert "in 20 randomly drawn trials of 24 (exploratory)" in sentence


FACTORS = ["lr", "norm", "depth"]


@pytest.mark.parametrize(
    ("ped_anova", "fanova", "said"),
    [
        ([], [], "No factor rises above noise in these 24 trials (exploratory)."),
        (
            ["lr"],
            ["lr"],
            "In these 24 trials lr best separates the best trials from the rest (exploratory). No other factor rises "
            "above noise.",
        ),
        (
            ["lr", "norm"],
            ["depth", "lr"],
            "In these 24 trials lr best separates the best trials from the rest (exploratory). norm and depth also "
            "rise above noise.",
        ),
        (
            [],
            ["norm"],
            "In these 24 trials no factor separates the best trials from the rest more than noise would; norm explains "
            "more of the score than noise would (exploratory).",
        ),
    ],
)
def test_only_factors_above_noise_are_named(ped_anova: list[str], fanova: list[str], said: str) -> None:
    table = pd.DataFrame(
        {"evaluator": evaluator, "factor": name, "is_above": name in above, "n_trials": 24, "n_all": 24}
        for evaluator, above in (("ped-anova", ped_anova), ("fanova", fanova))
        for name in [*above, *(name for name in FACTORS if name not in above)]
    )
    assert factors_above_noise(table) == said


def test_a_factorial_without_a_search_has_importances_too(tmp_path: Path) -> None:
    levels = {"a": [0, 1, 2], "b": ["x", "y"], "c": [0, 1]}
    table = factorial(levels, lambda cell, seed: 0.1 * cell["a"] + 0.02 * (cell["b"] == "x") + seed / 100, seeds=[0, 1])
    write_table(table, tmp_path / "results.csv")
    found = section(tmp_path, foreign=True, metric={"name": "acc", "scale": 100.0, "unit": "points"})
    assert found.title == "Importance of the factors"
    (figure,) = found.blocks
    assert isinstance(figure, Figure)
    assert figure.sentence.startswith("In these 24 trials a best separates the best trials from the rest (exploratory)")
    assert figure.table is not None
    ranks = {(row[0], row[1]): row[2] for row in figure.table.rows}
    assert ranks["ped-anova", "a"] == ranks["fanova", "a"] == "1"
    assert ranks["ped-anova", "c"] == "not above noise"
