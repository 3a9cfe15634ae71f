import math

import numpy as np
import pandas as pd
import pytest

from ablate.analysis.pareto import choose, named_objectives, non_dominated, search_front
from ablate.errors import DataError
from ablate.storage.provenance import TaskFacts, TaskMetricFacts
from ablate.study.objectives import SearchObjective, cost

ACCURACY = SearchObjective("accuracy", "maximize", "points")
MAE = SearchObjective("mae", "minimize")
PARAMETERS, SECONDS = cost("parameters"), cost("seconds")
TASK = TaskFacts("accuracy", [TaskMetricFacts("accuracy", "maximize", "points"), TaskMetricFacts("loss", "minimize")])


def front_of(values, signs) -> list[int]:
    return np.flatnonzero(non_dominated(values, signs=signs)).tolist()


def test_the_front_by_hand():
    #          0        1        2        3        4 (beaten by 1)  5 (beaten by all but 0)
    values = [[9, 90], [8, 40], [6, 30], [2, 10], [8, 41], [1, 50]]
    assert front_of(values, (1, -1)) == [0, 1, 2, 3]
    assert front_of(values, (1, 1)) == [0]  # more of both: it is best in both
    assert front_of(values, (-1, -1)) == [3, 5]
    assert front_of(values, (-1, 1)) == [0, 5]


def test_equal_trials_are_on_the_front_together_and_one_that_ties_in_one_objective_and_loses_in_another_is_not():
    assert front_of([[5, 10], [5, 10], [5, 11], [4, 10]], (1, -1)) == [0, 1]


def test_three_objectives_by_hand():
    values = [[5, 10, 3], [5, 10, 2], [4, 10, 1], [4, 9, 9], [3, 9, 9], [5, 10, 2]]
    assert front_of(values, (1, -1, -1)) == [1, 2, 3, 5]


def test_missing_values_are_not_on_the_front_and_beat_nobody():
    assert front_of([[math.nan, 1], [5, 10], [9, math.nan]], (1, -1)) == [1]
    assert front_of(np.empty((0, 2)), (1, -1)) == []


@pytest.mark.parametrize("n_objectives", [2, 3])
def test_the_front_is_that_of_comparing_everybody_with_everybody(n_objectives):
    rng = np.random.default_rng(3)
    for _ in range(30):
        values = rng.integers(0, 6, (40, n_objectives)).astype(float)
        signs = rng.choice([-1, 1], n_objectives)
        gains = values * signs
        beaten = [any((other >= one).all() and (other > one).any() for other in gains) for one in gains]
        assert non_dominated(values, signs=signs).tolist() == [not lost for lost in beaten]


def members(*rows: tuple[float, ...], names: tuple[str, ...] = ("accuracy", "parameters")) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=list(names))
    return table.assign(number=range(len(rows)), trial=[f"t{n}" for n in range(len(rows))])


def test_the_best_is_the_cheapest_whose_score_is_within_the_tolerance():
    front = members((0.930, 900), (0.925, 400), (0.924, 100), (0.5, 1))
    objectives = (ACCURACY, PARAMETERS)
    assert choose(front, objectives, tolerance=0.0) == "t0"
    assert choose(front, objectives, tolerance=0.005) == "t1"  # the boundary itself is within
    assert choose(front, objectives, tolerance=0.01) == "t2"
    assert choose(front, objectives, tolerance=1.0) == "t3"
    assert choose(front.iloc[:0], objectives, tolerance=1.0) == ""


def test_less_of_an_error_is_better_and_more_of_a_second_metric():
    front = members((2.0, 0.5), (2.1, 0.9), (3.0, 0.95), names=("mae", "recall"))
    objectives = (MAE, SearchObjective("recall", "maximize"))
    assert choose(front, objectives, tolerance=0.1) == "t1"
    assert choose(front, objectives, tolerance=0.05) == "t0"


def test_ties_go_to_the_better_score_then_to_the_third_objective_then_to_the_earlier_trial():
    names = ("accuracy", "parameters", "seconds")
    objectives = (ACCURACY, PARAMETERS, SECONDS)
    assert choose(members((0.8, 5, 1), (0.81, 5, 9), names=names), objectives, tolerance=0.1) == "t1"
    assert choose(members((0.8, 5, 2), (0.8, 5, 1), names=names), objectives, tolerance=0.1) == "t1"
    assert choose(members((0.8, 5, 1), (0.8, 5, 1), names=names), objectives, tolerance=0.1) == "t0"


def results(*rows: tuple) -> pd.DataFrame:
    columns = ["trial", "phase", "state", "score", "parameters", "same_as"]
    return pd.DataFrame(rows, columns=columns)


RESULTS = results(
    ("search-0002", "search", "finished", 0.90, 100, ""),
    ("search-0000", "search", "finished", 0.92, 900, ""),
    ("search-0001", "search", "finished", 0.92, 900, "search-0000"),
    ("search-0003", "search", "diverged", 0.99, 10, ""),
    ("ablation-a", "ablation", "finished", 0.99, 1, ""),
)
EPOCHS = pd.DataFrame(
    {"trial": ["search-0000"] * 3 + ["search-0002"] * 2, "epoch": [1, 2, 3, 1, 2], "seconds": [9.0, 2.0, 3.0, 4.0, 6.0]}
)


def test_the_front_of_a_results_table_has_the_finished_search_trials_in_their_order():
    front = search_front(RESULTS, EPOCHS, (ACCURACY, PARAMETERS, SECONDS), task=TASK, tolerance=0.05, n_validation=300)
    assert front.table["trial"].tolist() == [f"search-000{n}" for n in range(4)]
    assert front.table["seconds"].fillna(-1).tolist() == [3.0, 3.0, 5.0, -1]  # a repeat has those of its first
    assert front.table["is_front"].tolist() == [True, True, True, False]
    assert front.members["trial"].tolist() == ["search-0000", "search-0001", "search-0002"]
    assert front.chosen == "search-0002"


@pytest.mark.parametrize(
    ("same_as", "repeats"),
    [
        (["", "", "", ""], []),
        (["", "s0", "s0", ""], [1, 2]),
        (["", "s0", "s1", "s9"], [1, 2]),
        (["other/s7", "other/s7", "s0", "other/s8"], [1, 2]),
        ([math.nan, "s3", "s3", math.nan], [2, 3]),  # the run behind a repeat may be a later trial
        (["s0", "s2", "s1", ""], []),
    ],
)
def test_trials_that_reuse_a_run_are_one_configuration(same_as, repeats):
    rows = [(f"search-{n:04d}", "search", "finished", 0.9, 100, "") for n in range(4)]
    named = [same.replace("s", "search-000") if isinstance(same, str) and "/" not in same else same for same in same_as]
    table = results(*rows).assign(same_as=named)
    front = search_front(table, EPOCHS, (ACCURACY, PARAMETERS), task=TASK, tolerance=0.05, n_validation=300)
    assert front.repeats == {f"search-{n:04d}" for n in repeats}
    assert len(front.configurations) == 4 - len(repeats)
    without = search_front(
        table.drop(columns="same_as"), EPOCHS, (ACCURACY, PARAMETERS), task=TASK, tolerance=0.05, n_validation=300
    )
    assert not without.repeats


def test_without_a_stated_tolerance_it_is_the_margin_or_the_standard_error_of_the_validation_score():
    def tolerance(n: int | None, task: TaskFacts = TASK) -> float:
        objectives = (ACCURACY, PARAMETERS)
        return search_front(RESULTS, EPOCHS, objectives, task=task, tolerance=None, n_validation=n).tolerance

    assert tolerance(300) == pytest.approx(math.sqrt(0.92 * 0.08 / 300))
    assert tolerance(100_000) == tolerance(None) == 0.005
    assert tolerance(300, TaskFacts("accuracy", TASK.metrics, margin=0.03)) == 0.03
    assert tolerance(300, TaskFacts("accuracy", TASK.metrics, margin_share=0.1)) == pytest.approx(0.092)
    other = TaskFacts("mae", [TaskMetricFacts("mae", "minimize")])
    found = search_front(RESULTS, EPOCHS, (MAE, PARAMETERS), task=other, tolerance=None, n_validation=300)
    assert found.tolerance == 0.0  # nobody has said which error matters


def test_a_search_of_which_nothing_finished_has_an_empty_front():
    lost = RESULTS.assign(state="failed")
    front = search_front(lost, EPOCHS, (ACCURACY, PARAMETERS), task=TASK, tolerance=None, n_validation=300)
    assert (len(front.members), front.chosen, front.tolerance) == (0, "", 0.0)


def test_the_objectives_of_a_file_must_be_metrics_of_its_task_or_costs():
    assert named_objectives(["accuracy", "seconds"], TASK) == (ACCURACY, SECONDS)
    with pytest.raises(DataError, match='got "flops"\n  known: accuracy, loss, parameters, seconds'):
        named_objectives(["accuracy", "flops"], TASK)
