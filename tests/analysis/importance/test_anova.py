import time

import fcnet
import numpy as np
import pandas as pd
import pytest

from ablate.analysis.importance.anova import ANOVA_COLUMNS, anova_of, functional_anova
from ablate.analysis.importance.cells import complete_cells


def test_a_two_by_two_by_hand() -> None:
    # Mean 3; rows −1 and +1, columns −0.5 and +0.5, what is left ±0.5.
    found = functional_anova(np.array([[2.0, 2.0], [3.0, 5.0]]))
    assert found.total == pytest.approx(1.5)
    assert found.main == pytest.approx([1.0, 0.25])
    assert found.pairs[0, 1] == pytest.approx(0.25)
    assert found.higher == 0


def test_a_sum_of_factors_has_no_interactions() -> None:
    cells = np.array([0.0, 1, 5])[:, None, None] + np.array([0.0, 2])[:, None] + np.array([1.0, 1])
    found = functional_anova(cells)
    assert found.main == pytest.approx([14 / 3, 1.0, 0.0])
    assert np.abs(found.pairs).max() < 1e-15
    assert found.higher < 1e-12


def test_a_product_of_three_signs_is_all_higher() -> None:
    sign = np.array([-1.0, 1.0])
    found = functional_anova(sign[:, None, None] * sign[:, None] * sign)
    assert (found.total, found.higher) == (1.0, 1.0)
    assert found.main.sum() == found.pairs.sum() == 0


def noisy(n_seeds: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    grid = [(a, b, seed) for a in range(4) for b in range(5) for seed in range(n_seeds)]
    rows = pd.DataFrame(grid, columns=["a", "b", "seed"])
    shift = rng.normal(0, 2, n_seeds)[rows["seed"]]
    return rows.assign(score=rows["a"] * 1.0 + shift + rng.normal(0, 1, len(rows)))


def test_what_the_seeds_do_is_kept_apart_and_noise_alone_is_told() -> None:
    table = anova_of(complete_cells(noisy(200), ["a", "b"], "score", replicate="seed")).set_index("term")
    assert list(table.reset_index().columns) == list(ANOVA_COLUMNS)
    assert table["share_of_runs"].sum() == pytest.approx(1)
    assert table["share"].sum() == pytest.approx(1)
    assert table.loc["a", "variance"] == pytest.approx(1.25, rel=0.1)
    assert table.loc["noise", "variance"] == pytest.approx(1, rel=0.05)
    assert table.loc["seed", "variance"] == pytest.approx(4, rel=0.2)
    # b does nothing: 4 of 20 cells' degrees of freedom × noise 1 / 200 seeds.
    by_noise = table.loc["b", "share_by_noise"] * table.loc[["a", "b", "a × b"], "variance"].sum()
    assert by_noise == pytest.approx(4 / 20 / 200, rel=0.05)
    assert table.loc["b", "variance"] < 4 * by_noise


def test_without_seeds_the_rows_of_a_cell_are_noise() -> None:
    rows = pd.DataFrame({"a": [0, 0, 1, 1], "score": [0.0, 2.0, 4.0, 6.0]})
    table = anova_of(complete_cells(rows, ["a"], "score")).set_index("term")
    assert table.loc["a", "share"] == 1
    assert table.loc[["a", "noise"], "share_of_runs"].tolist() == pytest.approx([0.8, 0.2])
    # Unbiased variance 2 of a run, 1 of a mean of two; one of the two cells' degrees of freedom; of 4.
    assert table.loc["a", "share_by_noise"] == pytest.approx(0.5 * 1 / 4)
    assert "seed" not in table.index


def test_equal_cells_have_no_shares() -> None:
    table = anova_of(complete_cells(pd.DataFrame({"a": [0, 1], "score": [1.0, 1.0]}), ["a"], "score"))
    assert table["share"].isna().all()


def test_fcnet_protein_has_the_published_shares() -> None:
    cells = complete_cells(fcnet.protein(), fcnet.FACTORS, "score", replicate="seed")
    start = time.perf_counter()
    table = anova_of(cells)
    assert time.perf_counter() - start < 1
    kinds = table.groupby("kind")["share"].sum()
    terms = table.set_index("term")
    assert table.loc[table["kind"].isin(("main", "interaction", "higher")), "variance"].sum() == pytest.approx(
        0.02824, abs=1e-5
    )
    for factor, golden in fcnet.GOLDEN.items():
        assert terms.loc[factor, "share"] == pytest.approx(golden[-1], abs=1e-4), factor
    assert (kinds["main"], kinds["interaction"], kinds["higher"]) == pytest.approx((0.6222, 0.1521, 0.2257), abs=1e-4)
    assert terms.loc["init_lr × lr_schedule", "share"] == pytest.approx(0.0321, abs=1e-4)
    assert terms.loc["init_lr × n_units_2", "share"] == pytest.approx(0.0278, abs=1e-4)
