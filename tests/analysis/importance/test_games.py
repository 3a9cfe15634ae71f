import itertools
import math

import fcnet
import numpy as np
import pandas as pd
import pytest

from ablate.analysis.importance.cells import complete_cells
from ablate.analysis.importance.games import (
    add_one_in,
    game_between,
    greedy_path,
    leave_one_out,
    shapley_interactions,
    shapley_values,
    value_at,
)

# v = 0 for nothing, 1 for the first, 2 for the second alone, 10 for both.
TWO = np.array([[[0.0, 2.0], [1.0, 10.0]]])


def test_two_factors_by_hand() -> None:
    assert add_one_in(TWO).tolist() == [[1, 2]]
    assert leave_one_out(TWO).tolist() == [[8, 9]]
    assert shapley_values(TWO).tolist() == [[4.5, 5.5]]
    assert shapley_interactions(TWO)[0].tolist() == [[0, 7], [7, 0]]


def test_one_factor_is_worth_the_whole_difference() -> None:
    game = np.array([[1.0, 4.0], [2.0, 3.0]])
    for measure in (add_one_in, leave_one_out, shapley_values):
        assert measure(game).tolist() == [[3], [1]]
    assert shapley_interactions(game).tolist() == [[[0]], [[0]]]


def test_shapley_values_are_the_mean_over_all_orders() -> None:
    game = np.random.default_rng(0).normal(size=(3, 2, 2, 2, 2))
    expected = np.zeros((3, 4))
    for order in itertools.permutations(range(4)):
        place = [0, 0, 0, 0]
        for factor in order:
            before = game[(slice(None), *place)]
            place[factor] = 1
            expected[:, factor] += (game[(slice(None), *place)] - before) / math.factorial(4)
    np.testing.assert_allclose(shapley_values(game), expected)
    np.testing.assert_allclose(shapley_values(game).sum(axis=1), game[:, 1, 1, 1, 1] - game[:, 0, 0, 0, 0])


def test_a_pair_in_a_larger_game_keeps_its_interaction() -> None:
    """v = 3·(a and c): each is worth half, together 3 more than alone, b nothing, whatever else is there."""
    game = np.zeros((1, 2, 2, 2))
    game[:, 1, :, 1] = 3
    np.testing.assert_allclose(shapley_values(game), [[1.5, 0, 1.5]])
    np.testing.assert_allclose(shapley_interactions(game)[0], [[0, 0, 3], [0, 0, 0], [3, 0, 0]])


def gains_along(game: np.ndarray, path: tuple[int, ...]) -> np.ndarray:
    """Shape (n_seeds, k): of each step."""
    return np.diff([value_at(game, set(path[:n])) for n in range(len(path) + 1)], axis=0).T


def test_the_greedy_path_takes_the_best_next_flip() -> None:
    forward = greedy_path(TWO)
    assert forward == (1, 0)
    assert gains_along(TWO, forward).tolist() == [[2, 8]]


def test_the_path_back_gives_up_first_what_costs_least() -> None:
    game = np.flip(TWO, axis=(1, 2))
    back = greedy_path(game)
    assert back == (0, 1)
    assert gains_along(game, back).tolist() == [[-8, -2]]


def test_the_path_goes_by_the_mean_over_seeds_and_of_equals_takes_the_first() -> None:
    assert greedy_path(np.array([[[0.0, 3.0], [1.0, 3.0]], [[0.0, 0.0], [4.0, 0.0]]])) == (0, 1)
    assert greedy_path(np.array([[[0.0, 1.0], [1.0, 1.0]]])) == (0, 1)


def test_what_is_no_game_is_refused() -> None:
    with pytest.raises(ValueError, match="a game has the shape"):
        shapley_values(np.zeros((1, 2, 3)))
    with pytest.raises(ValueError, match="a game has the shape"):
        greedy_path(np.zeros(4))


def test_a_game_keeps_only_the_factors_in_which_the_two_differ() -> None:
    rows = [(a, b, c, 100 * a + 10 * b + c) for a in range(3) for b in range(2) for c in range(2)]
    cells = complete_cells(pd.DataFrame(rows, columns=list("abcv")), list("abc"), "v")
    factors, game = game_between(cells, {"a": 0, "b": 1, "c": 1}, {"a": 2, "b": 1, "c": 0})
    assert factors == ["a", "c"]
    assert game.tolist() == [[[11, 10], [211, 210]]]


def test_fcnet_protein_gives_the_published_table() -> None:
    """The published signs are of the loss when something changes: leaving a factor out that helps raises it."""
    cells = complete_cells(fcnet.protein(), fcnet.FACTORS, "score", replicate="seed")
    assert cells.at(tuple(np.unravel_index(cells.means().argmax(), cells.means().shape))) == fcnet.TARGET
    factors, game = game_between(cells, fcnet.REFERENCE, fcnet.TARGET)
    assert tuple(factors) == fcnet.FACTORS
    means = game.mean(axis=0)
    assert (means[(0,) * 9], means[(1,) * 9]) == pytest.approx((0.28612, 0.65487), abs=1e-5)
    assert shapley_values(game).mean(axis=0).sum() == pytest.approx(0.36874, abs=1e-5)
    path = greedy_path(game)
    columns = (
        leave_one_out(game).mean(axis=0),
        -add_one_in(game).mean(axis=0),
        -shapley_values(game).mean(axis=0),
        -gains_along(game, path).mean(axis=0)[np.argsort(path)],
    )
    for number, factor in enumerate(factors):
        found = [column[number] for column in columns]
        assert found == pytest.approx(fcnet.GOLDEN[factor][:4], abs=1e-5), factor
        assert path.index(number) + 1 == fcnet.GOLDEN[factor][4]
