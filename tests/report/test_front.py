"""The front of a search with several objectives: figure, table and sentences."""

import json
from pathlib import Path

import pandas as pd
import pytest
from synthetic import provenance, write_study

from ablate.analysis.pareto import search_front
from ablate.errors import DataError
from ablate.report.front import front_blocks, front_of
from ablate.report.inputs import read_inputs
from ablate.report.methods import methods_section
from ablate.report.page import Figure, Paragraph
from ablate.report.search import search_section
from ablate.report.wording.front import front_sentences, objective_value, rule_said
from ablate.storage.provenance import TaskFacts, TaskMetricFacts
from ablate.study.objectives import SearchObjective, cost

TASK = TaskFacts("accuracy", [TaskMetricFacts("accuracy", "maximize", "points"), TaskMetricFacts("loss", "minimize")])
ACCURACY, MAE = SearchObjective("accuracy", "maximize", "points"), SearchObjective("mae", "minimize")
PARAMETERS, SECONDS = cost("parameters"), cost("seconds")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_study(tmp_path_factory.mktemp("front") / "cifar_mlp", n_seeds=1)
    results = pd.read_csv(path / "results.csv", keep_default_na=False)
    is_search = results["phase"] == "search"
    results.loc[is_search, "parameters"] = [1_000 * (1 + n * 7 % 24) for n in range(int(is_search.sum()))]
    results.to_csv(path / "results.csv", index=False)
    return path


def inputs_of(folder: Path, *objectives: str, tolerance: float = 0.01):  # type: ignore[no-untyped-def]
    front = {"objectives": objectives or ["accuracy", "parameters"], "tolerance": tolerance}
    (folder / "provenance.json").write_text(json.dumps(provenance() | {"front": front, "sampler": "nsga2"}))
    return read_inputs(folder)


def figure_of(folder: Path, *objectives: str) -> Figure:
    (block,) = front_blocks(inputs_of(folder, *objectives))
    assert isinstance(block, Figure)
    return block


def test_the_figure_says_how_many_are_on_the_front_and_which_counts_as_the_best(folder: Path) -> None:
    inputs, figure = inputs_of(folder), figure_of(folder)
    front = front_of(inputs)
    assert front is not None
    n = len(front.members)
    assert figure.sentence.startswith(f"{n} of 24 search trials are on the front of high validation accuracy and few p")
    assert f"The best configuration is {front.chosen} (" in figure.sentence
    assert (
        "selected by their scores, each of a single run on one seed, so these scores are optimistic" in figure.reading
    )
    assert f"on the front ({n})" in figure.svg
    assert f"counts as the best: {front.chosen}" in figure.svg


def test_the_table_has_every_search_trial_those_on_the_front_first_and_all_its_numbers(folder: Path) -> None:
    table, front = figure_of(folder).table, front_of(inputs_of(folder))
    assert table is not None
    assert front is not None
    assert table.data is not None
    assert len(table.rows) == 24
    n = len(front.members)
    assert [row[4] != "–" for row in table.rows] == [True] * n + [False] * (24 - n)
    assert [row[4] for row in table.rows].count("counts as the best") == 1
    assert list(table.head[:5]) == ["Trial", "State", "Validation accuracy, %", "Parameters", "Front"]
    assert list(table.data.columns[:6]) == ["trial", "state", "accuracy", "parameters", "is_front", "is_chosen"]
    first = table.data.iloc[0]
    assert table.rows[0][2] == f"{100 * first['accuracy']:.1f}"


def test_three_objectives_are_three_panels_without_a_step(folder: Path) -> None:
    figure = figure_of(folder, "accuracy", "parameters", "seconds")
    assert figure.svg.count("Seconds an epoch (lower is better)") == 2
    assert "stepped line" not in figure.sentence


def test_the_section_on_the_search_begins_with_the_front_and_keeps_the_history(folder: Path) -> None:
    section = search_section(inputs_of(folder))
    assert section is not None
    names = [block.name for block in section.blocks if isinstance(block, Figure)]
    assert names[:2] == ["front", "history"]
    history = next(block for block in section.blocks if isinstance(block, Figure) and block.name == "history")
    assert "; the best score is that of search-" in history.sentence


def test_the_methods_say_what_was_searched_for_and_the_rule_of_the_best(folder: Path) -> None:
    text = " ".join(text for block in methods_section(inputs_of(folder)).blocks for _, text in block.pairs)
    assert (
        "The search was for high validation accuracy and few parameters by NSGA-II. The best configuration of the "
        "search is the trial on its front with the fewest parameters among those whose accuracy is at most 1 point "
        "worse than the best."
    ) in text


def test_a_search_of_one_objective_has_no_front(folder: Path) -> None:
    (folder / "provenance.json").write_text(json.dumps(provenance()))
    assert front_blocks(read_inputs(folder)) == []


def test_a_search_of_which_nothing_finished_says_so(folder: Path) -> None:
    inputs = inputs_of(folder)
    lost = inputs.results.assign(state="failed")
    front = search_front(lost, inputs.epochs, (ACCURACY, PARAMETERS), task=TASK, tolerance=0.1, n_validation=None)
    assert front_sentences(front) == []
    object.__setattr__(inputs, "results", lost)
    (block,) = front_blocks(inputs)
    assert isinstance(block, Paragraph)
    assert block.text.startswith("No trial of the search finished")


def test_objectives_that_the_task_does_not_have_are_refused(folder: Path) -> None:
    with pytest.raises(DataError, match='objectives: must be metrics of the task or costs, got "flops"'):
        front_of(inputs_of(folder, "accuracy", "flops"))


@pytest.mark.parametrize("objectives", [["accuracy"], ["accuracy"] * 2, ["a", "b", "c", "d"], []])
def test_a_file_with_too_few_or_too_many_objectives_is_refused(folder: Path, objectives: list[str]) -> None:
    facts = provenance() | {"front": {"objectives": objectives}}
    (folder / "provenance.json").write_text(json.dumps(facts))
    with pytest.raises(DataError, match="front: objectives: must be two or three different names"):
        read_inputs(folder)


def test_a_factor_may_be_called_as_a_column_of_the_table_is(tmp_path: Path) -> None:
    path = write_study(tmp_path / "cifar_mlp", n_seeds=1)
    results = pd.read_csv(path / "results.csv", keep_default_na=False)
    results = results.rename(columns={"dropout": "is_front", "optimizer": "accuracy"})
    results.to_csv(path / "results.csv", index=False)
    table = figure_of(path).table
    assert table is not None
    assert table.data is not None
    assert table.data.columns.is_unique
    assert {"is_front", "accuracy"} < set(table.head)


@pytest.mark.parametrize(
    ("objective", "value", "said"),
    [
        (ACCURACY, 0.9537, "95.4 %"),
        (PARAMETERS, 4210.0, "4,210 parameters"),
        (PARAMETERS, 1.0, "1 parameter"),
        (SECONDS, 0.2149, "0.215 s an epoch"),
        (MAE, 0.21349, "MAE 0.2135"),
    ],
)
def test_values_are_said_with_their_units(objective: SearchObjective, value: float, said: str) -> None:
    assert objective_value(objective, value) == said


def results(*rows: tuple[float, int]) -> pd.DataFrame:
    columns = ["trial", "phase", "state", "score", "parameters", "same_as"]
    table = [(f"search-{n:04d}", "search", "finished", score, size, "") for n, (score, size) in enumerate(rows)]
    return pd.DataFrame(table, columns=columns)


def said_of(*rows: tuple[float, int], first: SearchObjective = ACCURACY, tolerance: float | None = 0.01) -> str:
    metric = TaskMetricFacts(first.name, first.goal, first.unit)
    front = search_front(
        results(*rows), pd.DataFrame(), (first, PARAMETERS), task=TaskFacts(first.name, [metric]),
        tolerance=tolerance, n_validation=None,
    )  # fmt: skip
    return " ".join(front_sentences(front))


def test_trials_that_reuse_a_run_count_once() -> None:
    table = results((0.93, 900), (0.93, 900), (0.925, 400), (0.925, 400), (0.5, 500))
    table["same_as"] = ["", "search-0000", "", "search-0002", ""]
    front = search_front(
        table, pd.DataFrame(), (ACCURACY, PARAMETERS), task=TASK, tolerance=0.01, n_validation=None
    )  # fmt: skip
    assert front_sentences(front)[0] == (
        "2 of 3 configurations in 5 search trials are on the front of high validation accuracy and few parameters."
    )


def test_why_a_trial_counts_as_the_best_is_said() -> None:
    assert said_of((0.93, 900), (0.925, 400), (0.5, 500)) == (
        "2 of 3 search trials are on the front of high validation accuracy and few parameters. The best configuration "
        "is search-0001 (92.5 %, 400 parameters): the fewest parameters within 1 point of the best accuracy, 93.0 % of "
        "search-0000."
    )
    assert said_of((0.93, 900), (0.5, 9)).endswith(
        "search-0000 (93.0 %, 900 parameters): it has the best accuracy, and the fewest parameters within 1 point of "
        "the best accuracy."
    )
    assert said_of((-2.0, 900), (-2.1, 9), first=MAE, tolerance=None) == (
        "2 of 2 search trials are on the front of low validation MAE and few parameters. The best configuration is "
        "search-0000 (MAE 2, 900 parameters): it has the best MAE, as no margin is known; search.tolerance states one."
    )


def test_the_rule_without_a_tolerance_is_the_best_score() -> None:
    assert rule_said((MAE, SECONDS), 0.0).endswith("the trial on its front with the best MAE.")
