"""Differences over seeds and examples, and McNemar's test, by hand and against statsmodels."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.contingency_tables import mcnemar

from ablate.analysis.statistics import paired_interval
from ablate.analysis.statistics.examples import crossed_interval, mcnemar_p


def test_seeds_that_agree_on_every_example_leave_the_examples_alone():
    """Six equal rows: mean 0.2, SD of the examples .4472, so a standard error of .2 and a normal interval."""
    found = crossed_interval([[1, 0, 0, 0, 0]] * 6)
    assert found.example_error == pytest.approx(math.sqrt(0.2 / 5))
    assert (found.mean, found.low, found.high) == pytest.approx((0.2, 0.2 - 1.959964 * 0.2, 0.2 + 1.959964 * 0.2))


def test_examples_that_all_move_together_leave_the_seeds_alone():
    by_seed = [1.0, 0.0, -1.0, 1.0, 1.0, 0.0]
    found, seeds = crossed_interval(np.tile(by_seed, (50, 1)).T), paired_interval(by_seed)
    assert (found.low, found.high, found.example_error) == pytest.approx((seeds.low, seeds.high, 0.0))


def test_the_variance_is_that_of_the_mean_squares():
    """(seeds + examples − residual) / (n N), from statsmodels' table, with Hillis' degrees of freedom."""
    rng = np.random.default_rng(0)
    d = rng.normal(size=(6, 1)) / 4 + rng.normal(size=40) + rng.normal(size=(6, 40)) / 2
    long = pd.DataFrame(d).stack().rename_axis(["seed", "example"]).rename("d").reset_index()
    squares = anova_lm(ols("d ~ C(seed) + C(example)", long).fit())
    seeds, examples, residual = squares["sum_sq"] / squares["df"]
    total = seeds + examples - residual
    half = stats.t.ppf(0.975, 5 * (total / seeds) ** 2) * math.sqrt(total / d.size)
    found = crossed_interval(d)
    assert (found.low, found.high) == pytest.approx((d.mean() - half, d.mean() + half))
    assert crossed_interval(d, confidence=0.9).high < found.high


def test_the_interval_is_never_narrower_than_that_over_seeds():
    rng = np.random.default_rng(1)
    for size in (0.0, 0.1, 0.3, 1.0):
        d = rng.normal(size=(6, 1)) / 5 + size * rng.normal(size=30) + rng.normal(size=(6, 30))
        found, seeds = crossed_interval(d), paired_interval(d.mean(axis=1))
        assert found.low <= seeds.low + 1e-12
        assert found.high >= seeds.high - 1e-12


def test_with_too_few_seeds_there_is_no_interval_but_a_standard_error():
    found = crossed_interval([[1, 0, -1, 0]] * 5)
    assert math.isnan(found.low)
    assert found.example_error == pytest.approx(math.sqrt(2 / 3 / 4))
    assert math.isnan(crossed_interval([[1]] * 6).example_error)


def test_the_interval_holds_for_other_seeds_and_examples():
    """400 tests of 6 seeds on 300 examples whose difficulty the variant changes; that over seeds alone does not."""
    rng = np.random.default_rng(2)
    hits = np.zeros(2)
    for _ in range(400):
        ease, change = rng.normal(1.5, 1.5, 300), rng.normal(0, 0.8, 300)
        reference, variant = (
            some + rng.normal(0, 0.05, (6, 1)) + rng.normal(0, 0.4, (6, 300)) > 0 for some in (ease, ease + change)
        )
        d = variant.astype(float) - reference
        truth = _share(1.5, 0.8) - _share(1.5, 0.0)
        crossed, seeds = crossed_interval(d), paired_interval(d.mean(axis=1))
        hits += [found.low <= truth <= found.high for found in (crossed, seeds)]
    assert 0.92 <= hits[0] / 400 <= 0.98
    assert hits[1] / 400 < 0.8


def _share(mean: float, change: float) -> float:
    return float(stats.norm.cdf(mean / math.sqrt(1.5**2 + change**2 + 0.05**2 + 0.4**2)))


def test_mcnemar_counts_the_examples_that_one_network_has_right():
    assert mcnemar_p(1, 7) == pytest.approx(2 * (1 + 8) / 2**8)
    assert mcnemar_p(0, 0) == 1.0
    assert mcnemar_p(3, 3) == 1.0
    for ours, theirs in ((12, 30), (41, 18), (5, 6)):
        assert mcnemar_p(ours, theirs) == pytest.approx(mcnemar([[9, ours], [theirs, 9]], exact=True).pvalue)
