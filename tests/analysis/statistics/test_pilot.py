import math

import numpy as np
import pytest
from scipy import stats

from ablate.analysis.statistics.pilot import pilot_sd


def test_of_one_comparison_the_limits_are_those_of_the_textbook():
    # Six differences with SD 2: 2·√(5/12.833) = 1.248 and 2·√(5/0.8312) = 4.905.
    found = pilot_sd([2.0], [6])
    assert (found.sd, found.contrasts, found.seeds, found.freedom) == (2.0, 1, 6, 5)
    assert (found.low, found.high) == (pytest.approx(1.248, abs=1e-3), pytest.approx(4.905, abs=1e-3))


def test_more_comparisons_narrow_the_limits_but_not_beyond_four_times_the_seeds():
    one, some, many = (pilot_sd([1.0] * m, [6] * m) for m in (1, 6, 1000))
    assert one.high > some.high > many.high
    assert many.freedom == pytest.approx(4 * 5, rel=0.01)


def test_the_typical_comparison_is_the_median_and_those_without_an_sd_do_not_count():
    found = pilot_sd([1.0, 9.0, 2.0, math.nan, 0.0], [8, 8, 8, 8, 8])
    assert (found.sd, found.contrasts, found.seeds) == (2.0, 3, 8)
    none = pilot_sd([math.nan, 0.0], [1, 6])
    assert (none.contrasts, math.isnan(none.sd), math.isnan(none.high)) == (0, True, True)


@pytest.mark.parametrize(("n", "m"), [(6, 2), (6, 6), (10, 12)])
def test_the_limits_hold_for_comparisons_that_share_their_reference(n, m):
    rng, held, draws = np.random.default_rng(0), 0, 600
    for _ in range(draws):
        differences = rng.normal(size=(n, m)) - rng.normal(size=(n, 1))
        found = pilot_sd(differences.std(axis=0, ddof=1), [n] * m)
        held += found.low <= math.sqrt(2) <= found.high
    assert held / draws == pytest.approx(0.95, abs=0.03)


def test_the_upper_limit_is_the_chi_square_of_the_freedom():
    found = pilot_sd([1.0, 1.0], [6, 6])
    assert found.freedom == pytest.approx(5 / (0.25 + 0.75 / 2))
    assert found.high == pytest.approx(math.sqrt(8 / stats.chi2.ppf(0.025, 8)))
