import math

import numpy as np
import pytest

from ablate.analysis import statistics
from ablate.analysis.statistics import Looks, planning


def test_looks_are_even_and_the_first_can_decide():
    assert statistics.looks(6, 20, 3) == (7, 14, 20)
    assert statistics.looks(8, 30, 4) == (8, 16, 23, 30)
    assert statistics.looks(6, 6, 3) == statistics.looks(9, 6, 3) == (6,)
    assert statistics.looks(6, 20, 1) == (20,)
    assert statistics.looks(6, 8, 20) == (6, 7, 8)


@pytest.mark.parametrize(("most", "count"), [(8, 2), (12, 3), (20, 3), (40, 5), (100, 4)])
def test_the_levels_sum_to_alpha_and_each_can_be_reached_by_an_exact_p(most, count):
    plan = statistics.spend(statistics.looks(6, most, count))
    assert sum(plan.levels) == pytest.approx(0.05)
    assert plan.seeds[-1] == most
    assert all(2.0 ** (1 - n) <= level for n, level in zip(plan.seeds, plan.levels, strict=True))


def test_a_look_spends_what_lan_and_demets_say():
    plan = statistics.spend((10, 20), alpha=0.05)
    half = 0.05 * math.log(1 + (math.e - 1) / 2)  # .0310
    assert plan.levels == pytest.approx((half, 0.05 - half))


def test_the_first_looks_of_a_plan_keep_their_levels():
    plan = statistics.spend((7, 14, 20))
    assert plan.up_to(2) == Looks(plan.seeds[:2], plan.levels[:2])


@pytest.mark.parametrize(("seeds", "levels"), [((), ()), ((7, 7), (0.02, 0.03)), ((7, 14), (0.05,)), ((0,), (0.05,))])
def test_looks_that_are_no_plan_are_refused(seeds, levels):
    with pytest.raises(ValueError, match="increasing numbers of seeds and a level for each"):
        Looks(seeds, levels)


def test_the_first_seeds_are_those_that_a_contrast_has():
    nan = math.nan
    d = np.array([[1, nan], [2, 5], [3, 6], [4, 7]])
    kept = planning.first_seeds(d, 2)
    assert np.array_equal(kept, [[1, nan], [2, 5], [nan, 6], [nan, nan]], equal_nan=True)
