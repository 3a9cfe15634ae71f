import math

import numpy as np
import optuna
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestRegressor

from ablate.analysis.importance.forest import MOST_ROWS, explained, tree_columns


def complete(*levels):
    """Every combination, eight times: a tree that may look at any column then learns it without a mistake."""
    grid = np.array(np.meshgrid(*levels, indexing="ij")).reshape(len(levels), -1).T
    return np.tile(grid, (8, 1))


def shares(factors, scores, *, n_trees=4):
    return learned(factors, scores, rows=range(len(scores)), n_trees=n_trees).shares


def learned(factors, scores, *, rows, n_trees):
    return explained(tree_columns(factors), scores, rows=rows, n_trees=n_trees, seed=0)


def test_the_shares_of_a_complete_factorial_are_those_of_its_analysis_of_variance():
    # v = a effect (0, 1, 2 → variance 2/3) + b effect (0, 3 → variance 9/4), no interaction: shares 8/35 and 27/35.
    cells = complete([0, 1, 2], [0, 1])
    factors = pd.DataFrame({"a": [f"level {i}" for i in cells[:, 0]], "b": [str(i) for i in cells[:, 1]]})
    found = shares(factors, cells[:, 0] + 3.0 * cells[:, 1])
    assert found == pytest.approx({"a": 8 / 35, "b": 27 / 35})


def test_an_interaction_is_what_the_shares_leave():
    cells = complete([0, 1], [0, 1])  # v = 1 where both are 1: main effects 1/16 each of 3/16
    factors = pd.DataFrame({"a": cells[:, 0].astype(str), "b": cells[:, 1].astype(str)})
    assert shares(factors, cells.prod(axis=1).astype(float)) == pytest.approx({"a": 1 / 3, "b": 1 / 3})


def test_a_number_counts_by_the_length_of_its_pieces():
    # Below and above 1 of 0 … 4 the tree's cut is halfway between 0.5 and 1.5: a quarter of the range against the rest.
    factors = pd.DataFrame({"x": np.tile([0.0, 0.5, 1.5, 4.0], 8), "y": np.repeat(["a", "b"], 16)})
    scores = (factors["x"] > 1) * 1.0 + (factors["y"] == "b") * 1.0
    variance = 0.25 * 0.75
    found = shares(factors, scores)
    assert found["x"] == pytest.approx(variance / (variance + 0.25))


def test_of_numbers_alone_the_shares_are_those_of_optunas_evaluator():
    rng = np.random.default_rng(0)
    factors = pd.DataFrame(rng.uniform(-1, 1, size=(40, 3)), columns=["x", "y", "z"])
    scores = factors["x"] ** 2 + factors["x"] * factors["y"] + 0.1 * rng.normal(size=40)
    distributions = {
        name: optuna.distributions.FloatDistribution(*column.agg(["min", "max"])) for name, column in factors.items()
    }
    study = optuna.create_study(direction="maximize")
    study.add_trials(
        [
            optuna.trial.create_trial(params=row, distributions=distributions, value=score)
            for row, score in zip(factors.to_dict("records"), scores, strict=True)
        ]
    )
    evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=4, seed=0)
    assert shares(factors, scores) == pytest.approx(evaluator.evaluate(study), rel=1e-6)


def test_a_resample_keeps_the_whole_space_and_sees_its_rows_alone():
    factors = pd.DataFrame({"a": ["p", "q", "r"] * 8, "x": [0.0, 1.0, 2.0] * 8})
    scores = [0.0, 1.0, math.nan] * 8
    rows = [i for i in range(24) if i % 3 < 2]
    found = learned(factors[["a"]], scores, rows=rows, n_trees=4).shares
    assert found == {"a": pytest.approx(1)}
    assert learned(factors, [1.0] * 24, rows=range(24), n_trees=2).shares == {"a": 0.0, "x": 0.0}


def forest_of(n, effect):
    rng = np.random.default_rng(0)
    factors = pd.DataFrame(rng.uniform(size=(n, 2)), columns=["x", "y"])
    return factors, effect * factors["x"].to_numpy() + rng.normal(size=n)


@pytest.mark.parametrize("n", [30, 400])
def test_trees_and_r2_are_those_of_sklearns_forest(n):
    factors, scores = forest_of(n, 3.0)
    found = learned(factors, scores, rows=range(n), n_trees=40)
    sklearns = RandomForestRegressor(40, max_samples=min(MOST_ROWS, n), oob_score=True, random_state=0)
    assert found.r2 == pytest.approx(sklearns.fit(factors.to_numpy(), scores).oob_score_)


def test_of_noise_the_forest_explains_nothing_out_of_bag():
    factors, scores = forest_of(60, 0.0)
    assert learned(factors, scores, rows=range(60), n_trees=40).r2 < 0
    assert math.isnan(learned(factors, scores, rows=range(60), n_trees=4).r2)


def test_factors_move_together_and_the_others_stay():
    columns = tree_columns(pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [4.0, 5.0, 6.0], "z": [7.0, 8.0, 9.0]}))
    moved = columns.moved(["x", "z"], np.array([2, 0, 1])).columns
    assert {name: values[:, 0].tolist() for name, values in moved.items()} == {
        "x": [3.0, 1.0, 2.0], "y": [4.0, 5.0, 6.0], "z": [9.0, 7.0, 8.0],
    }  # fmt: skip
