import fcnet
import numpy as np
import pytest
from design_tables import METRIC, crossed_rows, factorial

from ablate.analysis.designs import factorials, shapley_effects

LEVELS = {"normalization": ["none", "batch"], "dropout": [0.0, 0.1, 0.3]}


def planted(cell, seed):
    """Batch +.03, and .02 more with dropout .3, which alone costs .01; a shift a seed, and a little that is not."""
    batch, heavy = cell["normalization"] == "batch", cell["dropout"] == 0.3
    return 0.5 + 0.03 * batch - 0.01 * heavy + 0.02 * batch * heavy + 0.01 * seed + 0.001 * batch * (-1) ** seed


def values_of(found, **options):
    table = shapley_effects(found, margin=METRIC.margin, **options)
    return table[table["kind"] == "value"]


def test_shapley_values_go_to_the_best_validation_cell_and_sum_to_its_gain() -> None:
    results = factorial(LEVELS, planted, seeds=range(6), score=lambda cell, _: -abs(cell["dropout"] - 0.1) + 0.0)
    results.loc[results["normalization"] == "batch", "score"] += 0.01
    found = factorials(results, METRIC)
    assert found[0].best() == {"normalization": "batch", "dropout": 0.1}
    table = values_of(found)
    assert table[["factor", "reference_level", "level"]].to_numpy().tolist() == [
        ["normalization", "none", "batch"],
        ["dropout", 0.0, 0.1],
    ]
    assert table["mean"].tolist() == pytest.approx([0.03, 0.0])
    other = values_of(found, target={"normalization": "batch", "dropout": 0.3})
    assert other["mean"].tolist() == pytest.approx([0.03 + 0.01, -0.01 + 0.01])
    assert other["mean"].sum() == pytest.approx(0.04)


def test_where_the_target_is_the_reference_nothing_is_shared_out() -> None:
    found = factorials(factorial(LEVELS, planted, seeds=[1]), METRIC)
    assert shapley_effects(found, margin=0.0, target={"normalization": "none", "dropout": 0}).empty


def test_a_pair_is_worth_what_the_two_do_beyond_their_sum() -> None:
    found = factorials(factorial(LEVELS, planted, seeds=range(6)), METRIC)
    table = shapley_effects(found, margin=METRIC.margin, target={"normalization": "batch", "dropout": 0.3})
    pair = table[table["kind"] == "pair"].iloc[0]
    assert pair["mean"] == pytest.approx(0.02)
    assert (pair["factor"], pair["factor_2"], pair["level_2"]) == ("normalization", "dropout", 0.3)
    # Without scatter the exact p is the least of six seeds; the values are a family of two, the pair one by itself.
    assert pair["p_adjusted"] == pytest.approx(2 / 2**6)
    assert (table["n"] == 6).all()


def test_shapley_values_are_exploratory_and_say_who_chose_their_target() -> None:
    found = factorials(factorial(LEVELS, planted, seeds=range(8)), METRIC)
    table = shapley_effects(found, margin=METRIC.margin)
    assert set(table["verdict"]) == {"exploratory"}
    assert set(table["target"]) == {"same scores"}
    assert set(table["target_cells"]) == {6}
    partly = shapley_effects(found, margin=METRIC.margin, target={"dropout": 0.3})
    assert set(partly["target_cells"]) == {2}
    stated = shapley_effects(found, margin=METRIC.margin, target={"normalization": "batch", "dropout": 0.3})
    assert set(stated["target"]) == {"stated"}


def test_one_factor_has_no_pair_and_no_factorial_nothing() -> None:
    found = factorials(factorial(LEVELS, planted, seeds=range(6)), METRIC)
    alone = shapley_effects(found, margin=0.0, target={"normalization": "batch", "dropout": 0.0})
    assert alone["kind"].tolist() == ["value"]
    assert shapley_effects([], margin=0.0).empty


def test_fcnet_protein_has_the_published_values() -> None:
    found = factorials(crossed_rows(fcnet.protein()), METRIC, factors=fcnet.FACTORS, reference=fcnet.REFERENCE)
    values = values_of(found)
    assert values["mean"].tolist() == pytest.approx([-fcnet.GOLDEN[name][2] for name in values["factor"]], abs=1e-5)
    assert values["mean"].sum() == pytest.approx(0.36874, abs=1e-5)
    assert np.isfinite(values["low"]).all()
