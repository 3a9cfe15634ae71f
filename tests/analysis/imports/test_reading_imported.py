import json

import pandas as pd
import pytest
from tables import crossed, runs

from ablate.analysis.designs import crossed_paths, factorials
from ablate.analysis.effects import Metric
from ablate.analysis.imports import ImportOptions, read_imported
from ablate.errors import DataError
from ablate.storage.provenance import MetricFacts


def test_a_complete_table_is_a_factorial_and_its_one_factor_rows_are_copies():
    foreign = read_imported(runs(crossed()), ImportOptions(reference="norm=none,drop=0.1"))
    results, facts = foreign.results, foreign.facts
    assert results.groupby("design").size().to_dict() == {"factorial": 12, "one-factor": 8}
    assert (results["phase"] == "ablation").all()
    copies = results[results["design"] == "one-factor"]
    assert set(copies["same_as"]) <= set(results.loc[results["design"] == "factorial", "trial"])
    assert facts.reference == {"norm": "none", "drop": 0.1}
    assert facts.target == {"norm": "batch", "drop": 0.0}
    assert facts.factorial == ["norm", "drop"]
    assert facts.designs == ["one-factor", "factorial"]
    assert facts.metric == MetricFacts(name="acc", direction="maximize", unit="points", scale=100, margin=None)
    assert facts.foreign is True
    assert [f"{note}." for note in facts.notes] == list(foreign.notes)
    json.loads(facts.to_text())


def test_of_an_incomplete_table_all_runs_are_search_trials():
    foreign = read_imported(runs(crossed()[:-2]), ImportOptions(margin=0.02, unit="%"))
    assert foreign.results.groupby("phase").size().to_dict() == {"ablation": 8, "search": 10}
    assert foreign.facts.target is not None
    assert foreign.facts.factorial == []
    assert foreign.facts.metric.margin == 0.02
    assert (foreign.facts.metric.unit, foreign.facts.metric.scale) == ("%", 1)


def test_repeated_runs_of_a_complete_table_stay_beside_their_means():
    table = pd.concat([crossed(), crossed().assign(acc=lambda rows: rows["acc"] + 0.02)])
    foreign = read_imported(runs(table), ImportOptions())
    assert foreign.results.groupby(["phase", "design"]).size().to_dict() == {
        ("ablation", "factorial"): 12, ("ablation", "one-factor"): 8, ("search", ""): 24,
    }  # fmt: skip
    reference = foreign.results.query("variant == 'reference' and seed == 1")["score"]
    assert reference.tolist() == pytest.approx([0.52])
    assert "12 runs with the same factors and seed as another run: the comparison uses their mean." in foreign.notes


def test_where_no_two_configurations_are_neighbours_nothing_is_compared_and_it_is_said():
    table = {"rate": [0.1, 0.2, 0.3], "width": [8.5, 9.5, 7.5], "loss": [1, 2, 3]}
    foreign = read_imported(runs(table), ImportOptions())
    assert set(foreign.results["phase"]) == {"search"}
    assert foreign.facts.reference == {}
    assert foreign.notes[-1].startswith("No configuration differs from the reference in exactly one factor: no paired")
    assert not any(note.startswith("Reference") for note in foreign.notes)


def test_the_target_is_the_best_that_is_allowed():
    asked = ImportOptions(target="norm=none")
    stated = read_imported(runs(crossed()), asked).facts
    assert stated.target == {"norm": "none", "drop": 0.0}
    assert stated.target_stated == {"norm": "none"}  # the best score chose drop
    assert read_imported(runs(crossed()), ImportOptions()).facts.target_stated == {}
    with pytest.raises(DataError, match='--target: norm has no level "layer"'):
        read_imported(runs(crossed()), ImportOptions(target="norm=layer"))
    lower = runs(crossed().rename(columns={"acc": "loss"}))
    assert read_imported(lower, ImportOptions()).facts.target == {"norm": "none", "drop": 0.3}


@pytest.mark.parametrize("name", ["epochs", "data", "seconds", "phase", "state", "reason", "attempt", "value"])
def test_a_crossed_factor_may_be_called_like_a_column_of_the_results(name):
    table = {"batch_size": [32, 64, 32, 64], name: [5, 5, 3, 3], "accuracy": [0.90, 0.91, 0.80, 0.85]}
    found = read_imported(runs(table), ImportOptions(factors=("batch_size", name), reference=f"batch_size=32,{name}=3"))
    facts, metric = found.facts, Metric("accuracy", "score", 1, 100.0, "points", 0.0, 0.0)
    assert set(facts.reference) == set(facts.target) == set(facts.factorial) <= set(found.results)
    [factorial] = factorials(found.results, metric, factors=facts.factorial, reference=facts.reference)
    paths = crossed_paths([factorial], target=facts.target)
    assert set(paths["factor"]) >= {"batch_size", f"{name}_setting"}
