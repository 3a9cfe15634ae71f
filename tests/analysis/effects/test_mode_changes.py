import numpy as np
import pandas as pd
import pytest
from effect_rows import ACCURACY

from ablate.analysis.effects import mode_changes
from ablate.analysis.statistics import spend

SYMMETRIC = np.array([3, -3, 1, -1, 5, -5, 2, -2]) / 1000  # its intervals are Student's
ALTERNATING = np.array([0.01, -0.01] * 4)


def pairs(**by_mode):
    """Pairs by mode: {variant: differences}, seeds from 0; None is a seed without a pair."""
    rows = [
        (variant, mode, seed, difference)
        for mode, variants in by_mode.items()
        for variant, differences in variants.items()
        for seed, difference in enumerate(differences)
        if difference is not None
    ]
    return pd.DataFrame(rows, columns=["variant", "mode", "seed", "difference"])


def test_a_change_is_the_paired_difference_of_two_effects():
    find, carry = {"a=1": [0.03, 0.01, 0.02]}, {"a=1": [0.02, 0.01, 0.03]}
    (row,) = mode_changes(pairs(carry=carry, find=find), ACCURACY).to_dict("records")
    assert (row["variant"], row["mode"], row["n"]) == ("a=1", "carry", 3)
    assert row["change"] == pytest.approx(0)  # −.01, 0, .01
    assert row["high"] == -row["low"] == pytest.approx(4.302653 * 0.01 / np.sqrt(3), rel=1e-6)


def test_two_verdicts_on_either_side_of_a_threshold_are_no_change():
    """Each effect by itself: find .01 ± nothing, p = 2/256; carry .01 with noise, p = 1. Their difference is noise."""
    found = mode_changes(pairs(find={"a=1": [0.01] * 8}, carry={"a=1": 0.01 + 3 * ALTERNATING}), ACCURACY)
    assert found["p_adjusted"].tolist() == [1.0]
    assert found["is_changed"].tolist() == [False]


def test_an_effect_that_moves_in_every_seed_has_changed_although_both_help():
    moved = 0.05 + ALTERNATING / 10
    found = mode_changes(pairs(find={"a=1": [0.02] * 8}, carry={"a=1": moved}), ACCURACY)
    assert found["change"].tolist() == pytest.approx([0.03])
    assert found["p_adjusted"].tolist() == [2 / 2**8]
    assert found["is_changed"].tolist() == [True]


def test_the_variants_of_a_mode_are_one_family_with_simultaneous_intervals():
    noise = SYMMETRIC
    find = {"a=1": 0 * noise, "b=1": 0 * noise}
    carry = {"a=1": 0.03 + noise, "b=1": noise[::-1]}
    found = mode_changes(pairs(find=find, carry=carry), ACCURACY).set_index("variant")
    half = 2.841244 * noise.std(ddof=1) / np.sqrt(8)  # t(1 − .05/4, 7)
    assert found.loc["a=1", "low"] == pytest.approx(0.03 + noise.mean() - half, rel=1e-5)
    assert found["is_changed"].to_dict() == {"a=1": True, "b=1": False}


def test_fewer_than_six_shared_seeds_tell_nothing():
    find, carry = [0.01] * 8, [0.05, 0.05, 0.05, None, 0.05, None, None, 0.05]
    (row,) = mode_changes(pairs(find={"a=1": find}, carry={"a=1": carry}), ACCURACY).to_dict("records")
    assert row["n"] == 5
    assert np.isnan(row["p_adjusted"])
    assert row["is_changed"] is False


def test_each_further_mode_is_compared_with_the_first():
    found = mode_changes(pairs(carry={"a=1": [0.01]}, tune={"a=1": [0.02]}, find={"a=1": [0.05]}), ACCURACY)
    assert dict(zip(found["mode"], found["change"], strict=True)) == pytest.approx({"tune": -0.03, "carry": -0.04})


def test_a_variant_of_one_mode_alone_changes_nothing():
    assert mode_changes(pairs(find={"a=1": [0.01]}, carry={"b=1": [0.02]}), ACCURACY).empty
    assert mode_changes(pairs(find={"a=1": [0.01] * 8}), ACCURACY).empty
    assert mode_changes(pairs(), ACCURACY).empty


def test_seeds_beyond_the_last_shared_look_do_not_count():
    find, carry = 0.02 + np.zeros(9), 0.05 + np.zeros(9)
    found = mode_changes(pairs(find={"a=1": find}, carry={"a=1": carry[:8]}), ACCURACY, looks=spend((6, 9)))
    assert found["n"].tolist() == [6]


def test_folds_that_overlap_need_a_larger_change():
    both = pairs(find={"a=1": 0 * SYMMETRIC}, carry={"a=1": 0.004 + SYMMETRIC})
    assert mode_changes(both, ACCURACY)["is_changed"].tolist() == [True]
    assert mode_changes(both, ACCURACY, overlap=1 / 7)["is_changed"].tolist() == [False]


def test_equal_modes_differ_in_at_most_five_percent_of_studies():
    rng, studies = np.random.default_rng(3), 400
    said = 0
    for _ in range(studies):
        by_mode = {mode: {f"v={i}": 0.01 + rng.normal(0, 0.01, 8) for i in range(4)} for mode in ("find", "carry")}
        said += bool(mode_changes(pairs(**by_mode), ACCURACY)["is_changed"].any())
    assert said / studies <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / studies)
