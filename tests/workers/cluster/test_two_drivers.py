"""Two studies by two drivers at once on one cluster."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="two workers need a processor each"),
]
WHOLE = 12  # trials of a study
CODE = """
import os
import time
from pathlib import Path

PLACE, OWN, OTHER = Path({place!r}), {own!r}, {other!r}


def train(factors, seed, report, folder):
    began = time.monotonic()
    (PLACE / f"{{OWN}}-began").touch()
    while not (PLACE / f"{{OTHER}}-began").exists():  # so that both train at once
        time.sleep(0.05)
    for epoch in (1, 2):
        time.sleep(0.05)
        report(epoch=epoch, mae=1 / epoch + seed + (factors["kind"] == "odd"))
    cpus = ",".join(map(str, sorted(os.sched_getaffinity(0))))
    with (PLACE / f"{{OWN}}-sat").open("a") as file:
        file.write(f"{{began}} {{time.monotonic()}} {{cpus}}\\n")
"""
STUDY = """
[model]
train = "own.py:train"
[metric]
name = "mae"
goal = "minimize"
[training]
epochs = 2
[baseline]
kind = "plain"
[space]
kind = ["plain", "odd"]
[search]
trials = 2
[ablation]
seeds = 5
"""


@pytest.fixture
def one_node(the_nodes):
    """A node with a processor for each of the studies."""
    the_nodes.be(0)
    the_nodes.there.append(the_nodes.cluster.add_node(num_cpus=2, object_store_memory=100 * 2**20))
    yield the_nodes
    the_nodes.be(0)


def test_two_studies_at_once_have_processors_of_their_own(one_node, tmp_path):
    drivers = [start(tmp_path, own, other, one_node.address) for own, other in (("a", "b"), ("b", "a"))]
    try:
        said = [driver.communicate(timeout=240)[0] for driver in drivers]
    finally:
        for driver in drivers:
            driver.kill()
            driver.wait()
    assert [driver.returncode for driver in drivers] == [0, 0], said
    for own in ("a", "b"):
        results = pd.read_csv(tmp_path / own / "reports" / own / "results.csv")
        assert (len(results), set(results["state"]), set(results["attempt"])) == (WHOLE, {"finished"}, {1})
    first, second = sat(tmp_path / "a-sat"), sat(tmp_path / "b-sat")
    assert {len(cpus) for _, _, cpus in (*first, *second)} == {1}
    together = [(one[2], other[2]) for one in first for other in second if one[0] < other[1] and other[0] < one[1]]
    assert together
    assert [pair for pair in together if pair[0] & pair[1]] == []


def start(place: Path, own: str, other: str, address: str) -> "subprocess.Popen[str]":
    """The command of one of the studies."""
    home = place / own
    home.mkdir()
    (home / "own.py").write_text(CODE.format(place=str(place), own=own, other=other))
    (home / f"{own}.toml").write_text(STUDY)
    options = ["--no-cache", "--json", "--workers", "1", "--cluster", address]
    command = [sys.executable, "-m", "ablate.cli.main", "study", f"{own}.toml", *options]
    return subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def sat(file: Path) -> list[tuple[float, float, set[str]]]:
    """When each trial began and ended, and on which processors."""
    parts = [line.split() for line in file.read_text().splitlines()]
    return [(float(began), float(ended), set(cpus.split(","))) for began, ended, cpus in parts]
