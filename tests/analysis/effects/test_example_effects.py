"""Comparisons example by example, by hand."""

import numpy as np
import pandas as pd
import pytest
from effect_rows import ACCURACY, rows, table

from ablate.analysis.effects import confirmatory_runs, effects_of_runs, pair_runs
from ablate.analysis.effects.examples import example_effects
from ablate.errors import DataError
from ablate.storage.predictions import KeptPredictions

LABELS = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0])
SEEDS = range(6)


def predicted(right: str) -> np.ndarray:
    """A class for each example: the label where there is a 1, another class where there is a 0."""
    return np.where(np.array(list(right)) == "1", LABELS, (LABELS + 1) % 3)


REFERENCE = "1111100000"
BATCH = "1111011100"  # 7 right: three more that the reference has wrong, one less
RUNS = {"reference": REFERENCE, "norm=batch": BATCH}


def inputs_of(runs: dict[str, str], **more: object) -> tuple[pd.DataFrame, pd.DataFrame, KeptPredictions]:
    accuracies = {variant: right.count("1") / 10 for variant, right in runs.items()}
    results = table(*(rows(variant, dict.fromkeys(SEEDS, value)) for variant, value in accuracies.items()))
    results = confirmatory_runs(results.assign(design="one-factor", against="", same_as="", val_loss=None, **more))
    kept = {f"{variant}--{seed}": predicted(right) for variant, right in runs.items() for seed in SEEDS}
    return effects_of_runs(results, ACCURACY), pair_runs(results, ACCURACY), KeptPredictions(LABELS, kept)


def test_a_comparison_has_its_discordant_examples_and_an_interval_over_examples():
    effects, pairs, kept = inputs_of(RUNS)
    found, details = example_effects(effects, pairs, kept)
    (row,) = found.to_dict("records")
    assert (row["variant"], row["n"], row["examples"]) == ("norm=batch", 6, 10)
    assert (row["only_variant"], row["only_reference"]) == (3, 1)
    assert row["mean"] == pytest.approx(0.2)
    # Differences 3 × 1, 1 × −1, 6 × 0: SD √(3.6/9) = .6325, over √10: .2.
    assert row["example_error"] == pytest.approx(0.2)
    assert (row["low_examples"], row["high_examples"]) == pytest.approx((0.2 - 1.959964 * 0.2, 0.2 + 1.959964 * 0.2))
    assert (row["low_90"], row["high_90"]) == pytest.approx((0.2 - 1.644854 * 0.2, 0.2 + 1.644854 * 0.2))
    assert (row["better_pairs"], row["worse_pairs"]) == (0, 0)  # p of 1 against 3 is .625
    assert details["seed"].tolist() == list(SEEDS)
    assert details["p"].tolist() == pytest.approx([0.625] * 6)


def test_pairs_that_differ_by_mcnemars_test_are_counted_by_their_direction():
    effects, pairs, kept = inputs_of({"reference": "1111111111", "norm=batch": "1110000000"})
    (row,) = example_effects(effects, pairs, kept)[0].to_dict("records")
    assert (row["better_pairs"], row["worse_pairs"]) == (0, 6)  # 0 against 7: p = 2/128


def test_a_comparison_without_the_predictions_of_a_run_is_left_out():
    effects, pairs, kept = inputs_of(RUNS | {"norm=layer": REFERENCE})
    some = KeptPredictions(LABELS, {trial: c for trial, c in kept.classes.items() if trial != "norm=batch--3"})
    found, details = example_effects(effects, pairs, some)
    assert found["variant"].tolist() == ["norm=layer"]
    assert set(details["variant"]) == {"norm=layer"}


def test_predictions_of_other_runs_are_refused():
    effects, pairs, kept = inputs_of(RUNS)
    other = KeptPredictions(LABELS, dict(kept.classes) | {"norm=batch--2": predicted(REFERENCE)})
    with pytest.raises(DataError, match=r"norm=batch--2 has a test accuracy of 0\.7, but test_predictions\.npz one of"):
        example_effects(effects, pairs, other)
