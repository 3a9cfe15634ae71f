"""Whole studies whose data have factors of their own."""

from dataclasses import replace

import numpy as np
import pytest

from ablate.data import split_dataset
from ablate.data.variants import open_variant
from ablate.errors import DataError
from ablate.experiment.events import Notice
from ablate.experiment.options import Options, gather_facts, open_data
from ablate.experiment.run_study import run_study
from ablate.experiment.verify.conditions import check_data
from ablate.storage.journal import Entry, Journal
from ablate.storage.results import read_results
from ablate.storage.trial_cache import open_cache
from ablate.study.load import load_study
from ablate.study.trial import Label, Outcome, TrialSpec

CODE = """
from pathlib import Path
import numpy as np
shift = np.load(Path(__file__).with_name("shift.npy"))
def load(factors, seed):
    if factors["noise"] > 1:
        raise ValueError("too much noise")
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(240, 3)).astype("float32"), np.arange(240) % 2
    x[:, 0] += 2 * y
    if factors["noise"]:
        x += np.float32(factors["noise"]) * rng.normal(size=x.shape).astype("float32") + shift
    return {"x_train": x[:, 1:] if factors["first"] == "left out" else x, "y_train": y}
"""
STUDY = """
[data]
name = "my.py:load"
validation = 40
[model]
name = "mlp"
depth = 1
width = 8
[training]
epochs = 2
batch_size = 32
[baseline]
normalization = "none"
activation = "relu"
initializer = "he_normal"
dropout = 0.0
optimizer = "adam"
learning_rate = 0.01
first = "kept"
noise = 0.0
idle = 1
[space]
first = ["kept", "left out"]
noise = { low = 0.0, high = 1e6, ablate = [0.5] }
idle = [1, 2]
[search]
trials = 3
[ablation]
seeds = 2
"""


@pytest.fixture
def study(tmp_path):
    (tmp_path / "my.py").write_text(CODE)
    np.save(tmp_path / "shift.npy", np.float32(0))
    (tmp_path / "a.toml").write_text(STUDY)
    return load_study(tmp_path / "a.toml", overrides=[], quick=False)


def options_in(folder):
    return Options(folder / "reports", f"sqlite:///{folder / 'mlflow.db'}", "ablate study a", workers=1)


def test_the_factors_of_the_data_and_those_that_nothing_reads_are_said_before_the_first_trial(study):
    data = open_data(study, None, announce=lambda _: None)
    said = "neither model mlp nor my.py:load reads the factor idle, so its levels would give identical runs"
    of_data = "my.py:load reads first and noise: each combination of their levels has examples of its own"
    assert data.notes[-2:] == (of_data, said)
    assert data.factors == {"first": "kept", "noise": 0.0}


def test_results_of_other_data_factors_are_in_no_cache_as_no_key_holds_their_examples(study, tmp_path):
    data = open_data(study, None, announce=lambda _: None)
    facts = gather_facts(study, data, options_in(tmp_path))
    assert open_cache(tmp_path, facts, stack=None) is None
    assert open_cache(tmp_path, replace(facts, data=replace(data, factors={})), stack=None) is not None


def test_trials_are_checked_against_the_examples_of_their_own_factors(study, tmp_path):
    data = open_data(study, None, announce=lambda _: None)
    factors = {**study.baseline, "noise": 0.5}
    there = open_variant(study, data, factors)
    entries = [entry("t0", study.baseline, study, data), entry("t1", factors, study, there)]
    check_data(entries, study, data)
    with pytest.raises(DataError, match=r"not the study's data: the split of t0"):
        check_data([entry("t0", study.baseline, study, there)], study, data)
    np.save(tmp_path / "shift.npy", np.float32(3))
    changed = open_data(study, None, announce=lambda _: None)
    with pytest.raises(DataError, match=r"the split of t1 .*\n  restore the files that the function reads"):
        check_data(entries, study, changed)


def entry(trial, factors, study, data):
    """A trial of a configuration on `data`."""
    split = split_dataset(data, study.data, seed=study.seed, replicate=1, scaling="none")
    outcome = Outcome(trial, "finished", data=split.fingerprint)
    return Entry(TrialSpec(trial, Label("ablation", "v"), 1, factors), outcome, (), "")


@pytest.mark.slow
def test_a_study_trains_each_configuration_on_its_own_examples_and_goes_on_only_with_the_same(study, tmp_path):
    notices = []
    run_study(
        study, options_in(tmp_path), lambda event: notices.append(event.text) if isinstance(event, Notice) else None
    )
    table = read_results(tmp_path / "reports" / "a" / "results.csv")
    assert any("reads the factor idle" in text for text in notices)
    compared = table[table["phase"] == "ablation"]
    assert set(compared["state"]) == {"finished"}
    by_data = compared.groupby("seed")["data"].agg(list)
    assert [len(set(prints)) for prints in by_data] == [3, 3]  # idle=2 has those of the reference
    inputs = compared.groupby("first")["parameters"].first()
    assert inputs["kept"] - inputs["left out"] == 8  # weights of the feature that is left out
    lost = [
        e for e in Journal(tmp_path / "reports" / "a" / "trials.jsonl").entries.values() if e.outcome.state == "failed"
    ]
    assert lost
    assert all("with first=" in e.outcome.reason and "too much noise" in e.outcome.reason for e in lost)
    np.save(tmp_path / "shift.npy", np.float32(3))
    with pytest.raises(DataError, match="restore the files that the function reads, or begin again with --fresh"):
        run_study(study, options_in(tmp_path), lambda _: None)
