import math

import numpy as np
import pandas as pd
import pytest
from effect_rows import ACCURACY, BATCH, REFERENCE, SEEDS, rows, table
from records import classes_task

from ablate.analysis import effects, statistics
from ablate.analysis.statistics import Looks


def only(results, metric=ACCURACY):
    (row,) = effects.effects_table(results, metric).to_dict("records")
    return row


def test_a_contrast_has_the_effects_computed_by_hand():
    results = table(rows("reference", REFERENCE), rows("normalization=batch", BATCH, mode="find", score_shift=0.01))
    row = only(results)
    assert list(row) == list(effects.EFFECT_COLUMNS)
    expected = {
        "factor": "normalization", "level": "batch", "variant": "normalization=batch", "mode": "find",
        "against": "reference", "n": 6, "mean": 0.03, "sd": 0.0089443, "low": 0.0206136, "high": 0.0393864,
        "p": 2 / 64, "p_adjusted": 2 / 64, "p_holm": 2 / 64, "verdict": "helps", "low_adjusted": 0.0206136,
        "high_adjusted": 0.0393864, "seeds_needed": 6, "mde": 1.4345448 * (1 + 2 / 6) * 0.0089443,
        "d_z": 2.81995, "p_better": 1.0,
        "margin": 0.005, "diverged": 0, "reference_mean": 0.5, "variant_mean": 0.53, "metric": "test_accuracy",
        "unit": "points", "scale": 100.0, "score_difference": 0.04, "learning_rate": 0.0035, "look": 0,
    }  # fmt: skip
    words = {name: value for name, value in expected.items() if isinstance(value, str)}
    numbers = {name: value for name, value in expected.items() if name not in words}
    assert {name: row[name] for name in words} == words
    assert {name: row[name] for name in numbers} == pytest.approx(numbers, rel=1e-5)
    assert row["p_tost"] > 0.99


def test_the_family_is_the_mode_so_each_mode_is_adjusted_by_itself():
    near = {seed: 0.501 if seed % 2 else 0.499 for seed in SEEDS}
    results = table(
        rows("reference", REFERENCE),
        rows("normalization=batch", BATCH, mode="find"),
        rows("normalization=batch", BATCH, mode="carry"),
        rows("dropout=0.1", near, mode="carry"),
    )
    found = effects.effects_table(results, ACCURACY).set_index(["variant", "mode"])
    assert found.loc[("normalization=batch", "find"), "p_adjusted"] == 1 / 32
    # Two of 32 flips: that of the data, and the one that gives all of the other contrast's equal sizes the same sign.
    assert found.loc[("normalization=batch", "carry"), "p_adjusted"] == 2 / 32
    assert found.loc[("normalization=batch", "carry"), "p_holm"] == 2 / 32
    assert found.loc[("normalization=batch", "carry"), "seeds_needed"] == 7
    # t(1 − .05/4, 5) = 3.163381
    half = 3.163381 * 0.0089443 / math.sqrt(6)
    assert found.loc[("normalization=batch", "carry"), "low_adjusted"] == pytest.approx(0.03 - half, rel=1e-5)
    assert found.loc[("dropout=0.1", "carry"), "p"] == 1.0
    # Only the first mode is judged aloud: the family of a report is one.
    assert found["verdict"].to_dict() == {
        ("normalization=batch", "find"): "helps",
        ("normalization=batch", "carry"): "exploratory",
        ("dropout=0.1", "carry"): "exploratory",
    }


def test_factors_with_the_largest_effect_come_first_and_in_each_the_best_level():
    def moved(by):
        return dict.fromkeys(SEEDS, 0.5 + by)

    results = table(
        rows("reference", REFERENCE),
        rows("a=1", moved(0.01), mode="find"),
        rows("b=1", moved(-0.2), mode="find"),
        rows("c=1", moved(0.03), mode="find"),
        rows("b=2", moved(0.02), mode="find"),
    )
    assert effects.effects_table(results, ACCURACY)["variant"].tolist() == ["b=2", "b=1", "c=1", "a=1"]


@pytest.mark.parametrize("state", ["diverged", "out_of_memory", "failed"])
def test_a_run_that_broke_counts_at_chance_and_is_counted(state):
    results = table(rows("reference", REFERENCE), rows("optimizer=sgd", BATCH, mode="find"))
    broken = (results["variant"] == "optimizer=sgd") & results["seed"].isin((0, 1))
    results.loc[broken, ["state", "score", "test_accuracy"]] = [state, 0.99, math.nan]
    row = only(results)
    assert (row["n"], row["diverged"]) == (6, 2)
    assert row["mean"] == pytest.approx((-0.4 - 0.4 + 0.04 + 0.02 + 0.03 + 0.04) / 6)
    assert row["score_difference"] == pytest.approx(row["mean"])


@pytest.mark.parametrize("state", ["killed", "pruned"])
def test_an_interrupted_run_says_nothing_and_its_pair_is_left_out(state):
    results = table(rows("reference", REFERENCE), rows("optimizer=sgd", BATCH, mode="find"))
    results.loc[(results["variant"] == "optimizer=sgd") & (results["seed"] == 0), "state"] = state
    row = only(results)
    assert (row["n"], row["diverged"], row["verdict"]) == (5, 0, "too few seeds")
    assert math.isnan(row["p"])
    assert math.isnan(row["p_adjusted"])
    assert math.isnan(row["p_tost"])
    assert row["mean"] == pytest.approx(0.032)


def test_a_seed_without_its_partner_is_left_out_of_both_means():
    reference = {0: 0.1, **{seed: 0.5 for seed in SEEDS if seed}}
    batch = {seed: BATCH[seed] for seed in SEEDS if seed}
    row = only(table(rows("reference", reference), rows("normalization=batch", batch, mode="find")))
    assert (row["n"], row["reference_mean"]) == (5, pytest.approx(0.5))


def test_without_a_reference_every_contrast_is_there_and_empty():
    row = only(table(rows("normalization=batch", BATCH, mode="find")))
    assert (row["n"], row["verdict"]) == (0, "too few seeds")
    assert math.isnan(row["mean"])


def test_of_a_run_that_is_there_twice_the_last_wins():
    results = table(
        rows("reference", REFERENCE),
        rows("normalization=batch", {0: 0.2}, mode="find"),
        rows("normalization=batch", BATCH, mode="find"),
    )
    row = only(results)
    assert (row["n"], row["mean"]) == (6, pytest.approx(0.03))


def test_the_means_of_the_pairs_are_the_means_of_the_effects():
    rng = np.random.default_rng(0)
    results = table(
        rows("reference", dict(enumerate(rng.random(8)))),
        rows("a=1", dict(enumerate(rng.random(8))), mode="find"),
        rows("a=2", dict(enumerate(rng.random(7))), mode="carry"),
    )
    pairs = effects.paired_scores(results, ACCURACY)
    assert list(pairs) == list(effects.PAIR_COLUMNS)
    means = pairs.groupby(["variant", "mode"])["difference"].mean()
    found = effects.effects_table(results, ACCURACY).set_index(["variant", "mode"])["mean"]
    assert means.to_dict() == pytest.approx(found.to_dict())
    assert (pairs["value"] - pairs["reference_value"]).tolist() == pairs["difference"].tolist()


def test_a_table_with_the_required_columns_alone_is_enough():
    results = table(rows("reference", REFERENCE), rows("normalization=batch", BATCH))
    least = results[["trial", "phase", "variant", "factor", "level", "seed", "state", "score"]]
    metric = effects.primary_metric(least, task=classes_task("val_accuracy", None), n_test=None)
    assert (metric.name, metric.column, math.isnan(metric.chance)) == ("val_accuracy", "score", True)
    row = only(least, metric)
    assert (row["verdict"], row["mode"], row["metric"]) == ("helps", "", "val_accuracy")
    assert math.isnan(row["learning_rate"])


def test_a_table_without_an_ablation_has_no_effects():
    results = table(rows("reference", REFERENCE)).assign(phase="search")
    metric = effects.primary_metric(results, task=classes_task("val_accuracy", 10), n_test=None)
    assert metric.column == "score"
    assert effects.effects_table(results, metric).empty
    assert effects.paired_scores(results, metric).empty


def both_directions(*, shared=True):
    """The best configuration is .06 above the reference, and loses .04 without its normalization."""
    best = {seed: BATCH[seed] + 0.03 for seed in SEEDS}
    without = {seed: BATCH[seed] - 0.01 for seed in SEEDS}
    mode = "" if shared else "find"
    return table(
        rows("reference", REFERENCE),
        rows("best", best, mode=mode, design="one-factor", against="reference"),
        rows("normalization=batch", BATCH, mode="find", design="one-factor", against="reference"),
        rows(
            "best: normalization=none",
            without,
            mode="find",
            design="one-factor",
            against="best",
            factor="normalization",
            level="none",
        ),
    )


@pytest.mark.parametrize("shared", [True, False])
def test_both_directions_and_the_best_itself_are_one_family(shared):
    found = effects.effects_table(both_directions(shared=shared), ACCURACY).set_index("variant")
    assert found["mode"].tolist() == ["find"] * 3
    assert found.index.tolist() == ["best", "normalization=batch", "best: normalization=none"]
    assert found["mean"].tolist() == pytest.approx([0.06, 0.03, -0.04])
    assert found["against"].tolist() == ["reference", "reference", "best"]
    assert found["p"].tolist() == [2 / 64] * 3
    assert found["p_holm"].tolist() == pytest.approx([6 / 64] * 3)
    half = 3.534 * found.loc["best", "sd"] / math.sqrt(6)  # t(1 − .05/6, 5)
    assert found.loc["best", "low_adjusted"] == pytest.approx(0.06 - half, abs=1e-4)


def test_factorials_and_paths_are_not_in_the_family():
    plain = table(rows("reference", REFERENCE), rows("normalization=batch", BATCH, mode="find"))
    more = table(
        rows("normalization=batch, dropout=0.1", BATCH, mode="find", design="factorial"),
        rows("dropout=0.1", BATCH, mode="find", design="path", against="reference", test_accuracy=math.nan),
    )
    results = pd.concat([plain, more], ignore_index=True)
    pd.testing.assert_frame_equal(effects.effects_table(results, ACCURACY), effects.effects_table(plain, ACCURACY))
    metric = effects.primary_metric(results, task=classes_task("val_accuracy", 10), n_test=None)
    assert metric.column == "test_accuracy"
    assert set(effects.confirmatory_runs(results, design="path")["variant"]) == {"dropout=0.1"}
    unknown = results.assign(design=results["design"].replace({"one-factor": math.nan, "": math.nan}))
    pd.testing.assert_frame_equal(effects.confirmatory_runs(unknown), effects.confirmatory_runs(results))


def looked(n_sure, n_open):
    """A variant that helps with so many seeds, and one that is open."""
    sure = {seed: BATCH[seed % 6] for seed in range(n_sure)}
    still_open = {seed: 0.5 + (0.03, -0.02, 0.03, 0.01, -0.03, 0.02)[seed % 6] for seed in range(n_open)}
    return table(
        rows("reference", dict.fromkeys(range(12), 0.5)),
        rows("a=1", sure, mode="find"),
        rows("b=1", still_open, mode="find"),
    )


def test_after_each_look_only_the_open_variants_need_seeds():
    looks = Looks((7, 12), (0.03, 0.02))
    ask = {"metric": ACCURACY, "looks": looks}
    assert effects.undecided(looked(7, 7), look=1, **ask) == {("b=1", "find")}
    assert effects.undecided(looked(7, 12), look=1, **ask) == {("b=1", "find")}  # a resumed study asks the same
    assert effects.undecided(looked(7, 12), look=2, **ask) == {("b=1", "find")}
    assert effects.undecided(looked(6, 7), look=1, **ask) == {("a=1", "find"), ("b=1", "find")}
    found = effects.effects_table(looked(7, 12), ACCURACY, looks=looks).set_index("variant")
    assert found["look"].to_dict() == {"a=1": 1, "b=1": 2}
    assert found["n"].to_dict() == {"a=1": 7, "b=1": 12}
    assert found["verdict"].to_dict() == {"a=1": "helps", "b=1": "inconclusive"}


def test_what_is_equivalent_or_below_the_margin_needs_no_more_seeds():
    near = {seed: 0.5 + 0.001 * (-1) ** seed for seed in range(8)}
    below = {seed: 0.503 + 0.0005 * (-1) ** seed for seed in range(8)}
    results = table(rows("reference", dict.fromkeys(range(8), 0.5)), rows("a=1", near), rows("b=1", below))
    looks = Looks((8, 12), (0.03, 0.02))
    found = effects.effects_table(results, ACCURACY, looks=looks).set_index("variant")["verdict"]
    assert found.to_dict() == {"a=1": "equivalent", "b=1": "detectable but below margin"}
    assert effects.undecided(results, ACCURACY, looks=looks, look=1) == frozenset()


def test_a_second_reference_that_all_modes_share_is_asked_for_by_its_own_mode():
    needy = effects.undecided(both_directions(), ACCURACY, looks=Looks((7, 9), (0.03, 0.02)), look=1)
    assert needy == {("best", ""), ("normalization=batch", "find"), ("best: normalization=none", "find")}


def test_the_rows_are_the_judgements_of_the_family():
    rng = np.random.default_rng(0)
    d = rng.normal(0.01, 0.02, size=(7, 3))
    parts = [rows(f"a={k}", dict(enumerate(0.5 + d[:, k]))) for k in range(3)]
    found = effects.effects_table(table(rows("reference", dict.fromkeys(range(7), 0.5)), *parts), ACCURACY)
    judged = statistics.judge(d, margin=0.005, seed=0)
    for k, one in enumerate(judged):
        (row,) = found[found["variant"] == f"a={k}"].to_dict("records")
        expected = [one.interval.mean, one.simultaneous.low, one.p, one.p_adjusted, one.p_holm, one.p_tost]
        columns = ("mean", "low_adjusted", "p", "p_adjusted", "p_holm", "p_tost")
        assert [row[name] for name in columns] == pytest.approx(expected)
        assert row["verdict"] == one.verdict
