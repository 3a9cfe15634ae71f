import math
from dataclasses import replace

import pytest
from effect_rows import ACCURACY, rows, table

from ablate.analysis import effects, statistics

REFERENCE = {seed: 0.5 + 0.001 * seed for seed in range(7)}
APART = {100 + seed: 0.53 + 0.002 * (seed % 4) for seed in range(8)}
SHARED = {seed: value + 0.03 + 0.001 * (seed % 3) for seed, value in REFERENCE.items()}


def found(*parts, metric=ACCURACY, **more):
    return effects.effects_table(table(*parts), metric, **more).set_index("variant")


def test_sides_without_a_shared_seed_are_compared_unpaired_and_holm_adjusts_the_family():
    shown = found(rows("reference", REFERENCE), rows("a=1", APART), rows("b=1", SHARED))
    first = shown.loc["a=1"]
    samples = list(APART.values()), list(REFERENCE.values())
    welch = statistics.welch_interval(*samples)
    assert (first["test"], first["n"], first["n_runs"], first["reference_runs"]) == ("unpaired", 7, 8, 7)
    assert first[["mean", "low", "high"]].tolist() == pytest.approx([welch.mean, welch.low, welch.high])
    assert first["p"] == statistics.permutation_p(*samples, seed=0)
    assert first["verdict"] == "helps"
    assert (first["p_better"], math.isnan(first["d_z"])) == (1.0, True)
    assert first[["variant_mean", "reference_mean"]].tolist() == pytest.approx([0.533, 0.503])
    assert shown["test"].to_dict() == {"a=1": "unpaired", "b=1": "paired"}
    assert set(shown["adjustment"]) == {"Holm"}
    assert shown["p_adjusted"].tolist() == shown["p_holm"].tolist()


def test_one_shared_seed_makes_a_comparison_paired():
    shown = found(rows("reference", REFERENCE), rows("a=1", APART | {0: 0.53}))
    assert (shown.loc["a=1", "test"], shown.loc["a=1", "n"]) == ("paired", 1)
    assert shown.loc["a=1", "adjustment"] == "max-T"


def test_failures_without_shared_seeds_are_fishers_and_leave_no_size_if_guessing_is_unknown():
    lost = [row | {"state": "failed", "test_accuracy": None, "score": None} for row in rows("a=1", APART)]
    shown = found(rows("reference", REFERENCE), lost, metric=replace(ACCURACY, chance=math.nan)).loc["a=1"]
    assert (shown["verdict"], shown["n"], shown["failures"]) == ("lost runs", 7, "more")
    assert shown["p_failure"] == statistics.unpaired_failure_p(8, 8, 0, 7)
    assert math.isnan(shown["mean"])


def test_folds_that_overlap_have_the_corrected_interval_and_ask_for_no_more_seeds():
    parts = rows("reference", REFERENCE), rows("b=1", SHARED)
    plain, folds = found(*parts).loc["b=1"], found(*parts, overlap=0.25).loc["b=1"]
    assert (folds["test"], folds["adjustment"]) == ("folds", "Holm")
    assert (folds["high"] - folds["mean"]) / (plain["high"] - plain["mean"]) == pytest.approx(math.sqrt(1 + 7 * 0.25))
    assert folds["mde"] / plain["mde"] == pytest.approx(math.sqrt(1 + 7 * 0.25))
    assert math.isnan(folds["seeds_needed"])
