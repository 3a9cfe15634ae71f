"""Whole studies on two nodes by the command line: equal to the bit to this machine's, and killed and started again."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from clusters import OnCluster
from pretend import Listed

from ablate.study.load import load_study
from ablate.study.trial import Label, TrialSpec
from ablate.workers.messages import WorkerTask
from ablate.workers.worker import work

sys.path.insert(0, str(Path(__file__).parents[2]))  # for the studies that are killed

from survival.kills import Blow, check_life, live
from survival.phases import CLOSING, undisturbed
from survival.studies import Wholes, make_site
from survival.tables import PLACE_AND_TIME, compare

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="session")
def wholes(tmp_path_factory):
    return Wholes(tmp_path_factory.mktemp("undisturbed"))


def on(nodes) -> tuple[str, ...]:
    return ("--stack", "1", "--no-cache", "--cluster", nodes.address)


@pytest.mark.parametrize("name", ["everything", "function", pytest.param("program", marks=pytest.mark.slow)])
def test_a_study_on_two_nodes_equals_one_on_this_machine_to_the_bit(two_nodes, tmp_path, wholes, name):
    """Search with pruning, tuned rates, ablation, paths; by compiled programs, a user's function, a user's program."""
    whole = wholes.of(name)
    with make_site(tmp_path / "site", name, safe=on(two_nodes)) as site:
        found = undisturbed(site)
        facts = json.loads((site.folder / "provenance.json").read_text())
        again = site.call("verify", str(site.file), "--trials", "2", "--cluster", two_nodes.address)
    assert again.returncode == 0, again.stdout + again.stderr
    assert ": all equal to the bit" in again.stdout
    without = (*PLACE_AND_TIME, "trained_on")
    assert compare(found.results, whole.results, what="results", without=without) == []
    assert compare(found.epochs, whole.epochs, what="epochs", without=without) == []
    assert {row["trained_on"] for row in found.results.values()} == {facts["nodes"][0]["host"]}
    assert [node["workers"] for node in facts["nodes"]] == [1, 1]
    assert (facts["workers"], facts["threads"]) == (2, 1)


def test_a_driver_that_is_killed_goes_on_by_the_same_command(two_nodes, tmp_path, wholes):
    whole = wholes.of("function")
    meant = iter([Blow("search", 0.5, "parent"), Blow("ablation", 0.5, "parent"), Blow(CLOSING, 0.2, "parent")])
    with make_site(tmp_path / "killed", "function", safe=on(two_nodes)) as site:
        life = live(site, whole, lambda _: next(meant, None), rng=random.Random(0))
        assert check_life(site, whole, life, without=("trained_on",)) == []
    assert [done.phase for done in life.kills] == ["search", "ablation", CLOSING]


OWN = """
from pathlib import Path

def train(factors, seed, report, folder):
    for epoch in (1, 2):
        report(epoch=epoch, mae=1 / epoch + seed + (factors["kind"] == "odd"))
    Path(folder, "weights.txt").write_text(f"of seed {seed}")
"""


@pytest.mark.parametrize("kind", ["function", "network"])
def test_without_a_shared_disk_what_trials_have_written_comes_back(two_nodes, tmp_path, digits, tiny_study, kind):
    """The nodes find no mark in the study's folder, and use folders of their own."""
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "own.toml").write_text(
        '[model]\ntrain = "own.py:train"\n[metric]\nname = "mae"\ngoal = "minimize"\n[training]\nepochs = 2\n'
        '[baseline]\nkind = "plain"\n[space]\nkind = ["plain", "odd"]\n[search]\ntrials = 2\n'
    )
    own = load_study(tmp_path / "own.toml", overrides=[], quick=False)
    kept = tiny_study.model_copy(update={"training": tiny_study.training.model_copy(update={"keep": "all"})})
    study, factors = (
        (own, {"kind": "odd"}) if kind == "function" else (kept, {**kept.baseline, "learning_rate": "find"})
    )
    folder, cache = tmp_path / "study", tmp_path / "cache"
    folder.mkdir()
    task = WorkerTask(
        study, tmp_path, cache=cache, threads=1, log=folder / "worker", folders=folder / "trials", kept_in=folder
    )
    plan = Listed([TrialSpec(f"t{seed}", Label("search"), seed, factors) for seed in (1, 2, 3)])
    crew = OnCluster(two_nodes, task, serve=work)
    crew.is_shared = False
    with crew.scheduler(digits) as scheduler:
        scheduler.run(plan)
    assert {name: (one.state, one.reason) for name, one in plan.outcomes.items()} == {
        f"t{seed}": ("finished", "") for seed in (1, 2, 3)
    }
    if kind == "function":
        assert (folder / "trials" / "t2" / "weights.txt").read_text() == "of seed 2"
    else:
        assert sorted(path.name for path in (folder / "models").iterdir()) == ["t1.keras", "t2.keras", "t3.keras"]
        tests = {outcome.rate_test.key for outcome in plan.outcomes.values()}
        assert {path.stem for path in (cache / "lr_tests").iterdir()} == tests
    assert not list(folder.glob("worker-*.log"))  # they stay where the workers were


@pytest.mark.slow
def test_doctor_looks_at_a_cluster_and_trains_there(two_nodes, tmp_path):
    with make_site(tmp_path / "site", "function", safe=()) as site:
        told = site.call("doctor", "--cluster", two_nodes.address)
    lines = told.stdout.splitlines()
    [said] = [line for line in lines if line.split()[:2] == ["ok", "cluster"]]
    assert said.endswith("2 machines, 2 workers of 1 processor each")
    assert any("a tiny network trains there" in line for line in lines)
    [at] = [at for at, line in enumerate(lines) if "this cluster asks for no token" in line]
    assert lines[at].startswith("NO ")
    assert lines[at + 1].startswith("FIX")


IN_MEMORY = """
import sys

import numpy as np

import ablate

rng = np.random.default_rng(0)
x = rng.normal(size=(300, 4)).astype("float32")
y = (x.sum(axis=1) > 0).astype("int32")
width = 8


def build(factors, input_shape, n_classes):
    import keras

    layers = [keras.layers.Dense(width, activation=factors["kind"]), keras.layers.Dense(n_classes)]
    return keras.Sequential([keras.Input(input_shape), *layers])


study = ablate.Study(
    "in_memory",
    data={"name": {"x_train": x, "y_train": y}, "validation": 60, "test": 60},
    model=build,
    training={"epochs": 2},
    baseline={"kind": "relu", "optimizer": "adam", "learning_rate": 0.01},
    space={"kind": ["relu", "tanh"]},
    search={"trials": 0},
    ablation={"seeds": 2},
)
cluster = sys.argv[1] if len(sys.argv) > 1 else None
result = study.run(cluster=cluster, workers=2, stack=1, cache=False, progress=False)
result.runs.to_csv("runs.csv", index=False)
"""


def test_a_script_with_its_functions_and_arrays_in_memory_runs_on_two_nodes(two_nodes, tmp_path):
    found = {}
    for place, arguments in (("here", ()), ("there", (two_nodes.address,))):
        folder = tmp_path / place
        folder.mkdir()
        (folder / "script.py").write_text(IN_MEMORY)
        done = subprocess.run(
            [sys.executable, "script.py", *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        found[place] = pd.read_csv(folder / "runs.csv")
    places = {*PLACE_AND_TIME, "trained_on"}
    here, there = (table.drop(columns=[one for one in table if one in places]) for table in found.values())
    assert len(there) == 4
    assert "trained_on" in found["there"]
    pd.testing.assert_frame_equal(
        here.sort_values("trial", ignore_index=True), there.sort_values("trial", ignore_index=True)
    )
