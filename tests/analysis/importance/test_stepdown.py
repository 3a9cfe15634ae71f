import numpy as np
import pandas as pd
import pytest

from ablate.analysis.importance.forest import explained, tree_columns
from ablate.analysis.importance.noise_level import LEVEL
from ablate.analysis.importance.ped_anova import best_trials, divergences
from ablate.analysis.importance.stepdown import EVALUATORS, Found, noise_of_factors


def factors_of(n, *, seed=0):
    rng = np.random.default_rng(seed)
    table = {name: rng.choice(["p", "q", "r"], size=n) for name in ("a", "b", "c")}
    return pd.DataFrame(table | {"x": rng.uniform(size=n), "y": rng.uniform(size=n)}), rng.normal(size=n)


def judged(factors, scores):
    best = best_trials(scores)[None, :].astype(int)
    shares = explained(tree_columns(factors), scores, rows=range(len(scores)), n_trees=64, seed=0).shares
    found = Found(divergences(factors, best, np.ones_like(best))[0], np.array(list(shares.values())))
    return noise_of_factors(factors, scores, found=found, seed=0)


def above(table):
    return {name for name, p in table.groupby("factor")["p"].min().items() if p <= LEVEL}


def test_a_factor_that_makes_the_score_rises_and_no_other():
    factors, noise = factors_of(60)
    table = judged(factors, noise + 8 * factors["x"].to_numpy())
    assert above(table) == {"x"}
    assert list(table) == ["evaluator", "factor", "p", "noise"]
    assert list(zip(table["evaluator"], table["factor"], strict=True)) == [
        (evaluator, name) for evaluator in EVALUATORS for name in "abcxy"
    ]


def test_a_weaker_factor_is_seen_beside_the_stronger_one():
    # Shuffled with all others its part of the variance drowns in that of x; beside x it stands out.
    factors, noise = factors_of(60, seed=3)
    scores = noise / 4 + 8 * factors["x"].to_numpy() + 1.2 * (factors["a"] == "p").to_numpy()
    assert above(judged(factors, scores)) == {"a", "x"}


def test_the_same_seed_gives_the_same_levels():
    factors, noise = factors_of(24)
    pd.testing.assert_frame_equal(judged(factors, noise), judged(factors, noise))


@pytest.mark.slow
@pytest.mark.parametrize("n", [24, 100])
def test_of_searches_without_any_effect_one_in_twenty_has_a_factor_above_noise(n):
    rose = sum(bool(above(judged(*factors_of(n, seed=seed)))) for seed in range(100))
    assert rose / 100 <= 0.05 + 2 * (0.05 * 0.95 / 100) ** 0.5
