import time

import pytest

from ablate.clock import Clock


def test_an_inner_part_is_not_counted_for_the_outer_one():
    clock = Clock()
    with clock.on("outer"):
        time.sleep(0.02)
        with clock.on("inner"):
            time.sleep(0.05)
    assert clock.seconds["inner"] >= 0.05
    assert 0.02 <= clock.seconds["outer"] < 0.05
    assert sum(clock.seconds.values()) <= clock.total()


def test_a_part_counts_its_time_although_it_fails():
    clock = Clock()
    with pytest.raises(ValueError, match="x"), clock.on("part"):
        raise ValueError("x")
    assert clock.seconds["part"] > 0
