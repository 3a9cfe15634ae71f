import numpy as np
import pandas as pd
import pytest

from ablate.analysis.costs import beside_effects, variant_costs
from ablate.analysis.effects import confirmatory_runs


def run(variant, seed, *, mode="", state="finished", parameters=100, best=4, same_as="", against="reference"):
    return {
        "trial": f"{variant}-{mode}-s{seed}", "phase": "ablation", "variant": variant, "mode": mode, "seed": seed,
        "state": state, "parameters": parameters, "best_epoch": best, "same_as": same_as,
        "against": "" if variant == "reference" else against,
    }  # fmt: skip


def runs_of(*rows):
    return confirmatory_runs(pd.DataFrame(rows))


def epochs_of(**seconds):
    return pd.DataFrame([
        {"trial": trial.replace("_", "-"), "epoch": at, "seconds": one}
        for trial, all_of in seconds.items()
        for at, one in enumerate(all_of, start=1)
    ])  # fmt: skip


def test_costs_are_medians_of_the_finished_runs_and_a_slow_first_epoch_does_not_count():
    runs = runs_of(
        run("reference", 0, best=4), run("reference", 1, best=6), run("reference", 2, best=20),
        run("deep", 0, parameters=250, best=9), run("deep", 1, parameters=250, state="diverged", best=1),
    )  # fmt: skip
    epochs = epochs_of(
        reference__s0=(30, 1, 1), reference__s1=(3, 3, 3), reference__s2=(2, 2, 2), deep__s0=(9, 5, 7), deep__s1=(99,)
    )
    costs = variant_costs(runs, epochs).set_index("variant")
    assert costs.loc["reference", ["parameters", "epoch_seconds", "epochs_to_best", "n"]].tolist() == [100, 2, 6, 3]
    assert costs.loc["deep", ["parameters", "epoch_seconds", "epochs_to_best", "n"]].tolist() == [250, 7, 9, 1]


def test_a_run_that_reuses_a_result_takes_the_time_of_its_source():
    runs = runs_of(run("reference", 0), run("same", 0, same_as="reference--s0"), run("far", 0, same_as="other/t1"))
    costs = variant_costs(runs, epochs_of(reference__s0=(2, 2), far__s0=(8,))).set_index("variant")
    assert costs["epoch_seconds"].to_dict() == {"reference": 2, "same": 2, "far": 8}


@pytest.mark.parametrize("epochs", [pd.DataFrame(), pd.DataFrame({"trial": ["reference--s0"], "epoch": [1]})])
def test_a_table_without_times_has_costs_without_seconds(epochs):
    (row,) = variant_costs(runs_of(run("reference", 0, parameters=np.nan)), epochs).to_dict("records")
    assert np.isnan(row["epoch_seconds"])
    assert np.isnan(row["parameters"])
    assert row["epochs_to_best"] == 4


def test_an_effect_stands_beside_its_own_costs_and_those_of_the_reference_of_its_mode():
    runs = runs_of(
        run("reference", 0, parameters=10), run("wide", 0, mode="find", parameters=30),
        run("wide", 0, mode="carry", parameters=40), run("reference", 0, mode="carry", parameters=11),
    )  # fmt: skip
    effects = pd.DataFrame({
        "variant": ["wide", "wide", "lost"], "mode": ["carry", "find", "find"], "against": ["reference"] * 3,
    }, index=[5, 6, 7])  # fmt: skip
    found = beside_effects(effects, variant_costs(runs, pd.DataFrame()))
    assert found.index.tolist() == [5, 6, 7]
    assert found["parameters"].tolist()[:2] == [40, 30]
    assert np.isnan(found["parameters"].iloc[2])
    assert found["reference_parameters"].tolist() == [11, 10, 10]


def test_no_runs_have_no_costs():
    costs = variant_costs(runs_of(run("reference", 0, state="failed")), pd.DataFrame())
    assert costs.empty
    effects = pd.DataFrame({"variant": ["a"], "mode": [""], "against": ["reference"]})
    assert beside_effects(effects, costs)["epoch_seconds"].isna().all()
    assert beside_effects(effects.iloc[:0], costs).empty
