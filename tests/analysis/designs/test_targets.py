import numpy as np
import pytest
from design_tables import METRIC, factorial

from ablate.analysis.designs import crossed_directions, factorials, find_target
from ablate.errors import DataError

LEVELS = {"a": [0, 1], "b": [0, 1]}


def odd_and_even(cell, seed):
    """Even seeds like a best, odd seeds b."""
    return 0.5 + 0.02 * (cell["b"] if seed % 2 else cell["a"]) - 0.01 * (cell["a"] if seed % 2 else cell["b"])


def crossed(n_seeds, value=odd_and_even):
    (found,) = factorials(factorial(LEVELS, value, seeds=range(n_seeds)), METRIC)
    return found


def test_a_stated_target_is_measured_by_all_seeds() -> None:
    found = find_target(crossed(12), {"a": 1, "b": "1"})
    assert (found.levels, found.choice, found.n_cells) == ({"a": 1, "b": 1}, "stated", 1)
    assert len(found.measured.cells.replicates) == 12


def test_every_other_seed_chooses_and_the_others_measure() -> None:
    found = find_target(crossed(13))
    assert (found.levels, found.choice, found.n_cells) == ({"a": 1, "b": 0}, "other seeds", 4)
    assert found.measured.cells.replicates == (1, 3, 5, 7, 9, 11)
    assert found.measured.scores.replicates == (1, 3, 5, 7, 9, 11)
    assert found.measured.cells.values.shape == (6, 2, 2)


def test_too_few_seeds_for_two_halves_choose_and_measure() -> None:
    found = find_target(crossed(11))
    assert found.choice == "same scores"
    assert len(found.measured.cells.replicates) == 11


def test_levels_that_are_stated_leave_fewer_cells_to_choose_from() -> None:
    found = find_target(crossed(12), {"b": 1, "other": "x"})
    assert (found.levels, found.choice, found.n_cells) == ({"a": 1, "b": 1}, "other seeds", 2)


def test_an_unknown_level_is_refused_by_name() -> None:
    with pytest.raises(DataError, match='b: unknown level "7"'):
        find_target(crossed(2), {"b": 7})


def test_gains_towards_a_target_of_other_seeds_are_not_inflated() -> None:
    """Pure noise, 200 tables of 12 seeds: the mean gain of the first factor on top of the others is 0."""
    rng, gains = np.random.default_rng(1), []
    for _ in range(200):
        found = crossed(12, lambda *_: 0.5 + rng.normal(0, 0.01))
        gains += crossed_directions([found], margin=0.0)["leave_one_out"].tolist()
    assert abs(np.mean(gains)) < 3 * np.std(gains) / np.sqrt(len(gains))
