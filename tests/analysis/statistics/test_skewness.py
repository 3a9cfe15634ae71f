import math

import numpy as np
import pytest
from scipy import stats

from ablate.analysis import statistics

LOPSIDED = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, -1.0])  # mean .75, SD 1/√2


def test_skewness_is_scipys_without_bias():
    d = np.random.default_rng(0).exponential(size=9)
    assert statistics.skewness(d) == pytest.approx(stats.skew(d, bias=False))
    assert statistics.skewness(-3 * d) == pytest.approx(-statistics.skewness(d))
    assert statistics.skewness([0.3] * 8) == statistics.skewness([1.0, 2.0]) == 0.0


def test_symmetric_differences_keep_students_interval():
    d = np.array([0.02, 0.03, 0.04, 0.02, 0.03, 0.04])
    plain = statistics.paired_interval(d, confidence=0.99)
    found = statistics.skewed_interval(d, confidence=0.99, of_family=0.0)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high))


def test_an_interval_grows_towards_the_tail_that_few_runs_show():
    plain = statistics.paired_interval(LOPSIDED)
    own = statistics.skewed_interval(LOPSIDED, confidence=0.95, of_family=0.0)
    assert (own.mean, own.sd, own.high) == (plain.mean, plain.sd, plain.high)
    g, reach, error = stats.skew(LOPSIDED, bias=False), stats.t.ppf(0.975, 7), plain.sd / math.sqrt(8)
    step = error * (1 + 2 * reach**2) / 6
    assert own.low == pytest.approx(plain.low - 0.5 * -g / math.sqrt(8) * step)
    family = statistics.skewed_interval(LOPSIDED, confidence=0.95, of_family=g)
    assert family.low == pytest.approx(plain.low - 2.5 * -g / math.sqrt(8) * step)
    mirrored = statistics.skewed_interval(-LOPSIDED, confidence=0.95, of_family=-g)
    assert (mirrored.low, mirrored.high) == pytest.approx((-family.high, -family.low))


def test_the_skewness_of_a_family_is_the_mean_of_those_with_six_seeds():
    d = np.column_stack([LOPSIDED, -LOPSIDED, LOPSIDED, np.full(8, math.nan)])
    d[5:, 1] = math.nan
    assert statistics.family_skewness(d) == pytest.approx(statistics.skewness(LOPSIDED))
    assert statistics.family_skewness(d[:5]) == 0.0


def test_a_skewed_variant_that_is_noisier_than_its_reference_is_rarely_told_to_differ():
    rng, studies, wrong, plain = np.random.default_rng(5), 250, 0, 0
    for _ in range(studies):
        noise = 1 - rng.exponential(size=(8, 6))
        d = 4 * noise[:, 1:] - noise[:, :1]
        found = statistics.judge(d, margin=0.0, seed=0)
        wrong += any(one.verdict in ("helps", "hurts") for one in found)
        intervals = [statistics.paired_interval(column, confidence=1 - 0.05 / 5) for column in d.T]
        plain += any(
            one.p_adjusted <= 0.05 and (ends.low > 0 or ends.high < 0)
            for one, ends in zip(found, intervals, strict=True)
        )
    assert wrong / studies <= 0.08  # 5 %, and two standard errors
    assert plain / studies > 0.10
