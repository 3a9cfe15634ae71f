import math

import pytest

from ablate.analysis.statistics import minimum_detectable_effect
from ablate.analysis.statistics.pilot import pilot_sd
from ablate.experiment.preview.seed_power import PLANNED, seed_powers

NONE = pilot_sd([], [])


def test_the_studys_own_seeds_are_among_the_usual_numbers_and_each_is_there_once():
    assert [power.n for power in seed_powers((8, 12), contrasts=3, pilot=NONE, margin=0.5)] == [6, 8, 10, 12, 14, 20]
    assert [power.n for power in seed_powers((), contrasts=3, pilot=NONE, margin=0.5)] == list(PLANNED)


def test_what_is_detected_is_a_multiple_of_the_sd_and_of_its_upper_limit():
    pilot = pilot_sd([2.0], [6])
    for power in seed_powers((6,), contrasts=3, pilot=pilot, margin=0.5):
        effect = minimum_detectable_effect(power.n, contrasts=3)
        assert (power.effect, power.typical) == (effect, 2 * effect)
        assert power.cautious == pytest.approx(4.905 * effect, rel=1e-3)


def test_the_power_for_a_margin_as_large_as_what_is_detected_is_80_percent():
    pilot = pilot_sd([2.0], [6])
    margin = 2 * minimum_detectable_effect(10, contrasts=4)
    (ten,) = (power for power in seed_powers((), contrasts=4, pilot=pilot, margin=margin) if power.n == 10)
    low, high = ten.of_margin
    assert high == pytest.approx(0.8)
    assert low < 0.3


def test_below_six_seeds_there_is_nothing_to_detect_and_without_a_pilot_only_sds():
    five, six, *_ = seed_powers((5,), contrasts=1, pilot=NONE, margin=0.5)
    assert math.isnan(five.effect)
    assert six.effect == pytest.approx(1.913, abs=1e-3)
    assert math.isnan(six.typical)
    assert math.isnan(six.of_margin[0])


def test_folds_detect_less_however_many_seeds_there_are():
    pilot, margin = pilot_sd([2.0], [6]), 2.0
    plain = seed_powers((), contrasts=2, pilot=pilot, margin=margin)
    folds = seed_powers((), contrasts=2, pilot=pilot, margin=margin, overlap=0.25)
    for one, other in zip(plain, folds, strict=True):
        wider = math.sqrt(1 + one.n * 0.25)
        assert other.effect == pytest.approx(one.effect * wider)
        assert other.typical == pytest.approx(one.typical * wider)
        assert other.of_margin[1] < one.of_margin[1]
