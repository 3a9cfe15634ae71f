import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ablate.errors import StorageError
from ablate.storage.conditions import Conditions
from ablate.study.model_ref import ModelRef
from ablate.study.settings import Limits
from ablate.workers.cluster.address import ClusterRequest
from ablate.workers.messages import WorkerTask

pytest.importorskip("ray")
from ablate.workers.cluster import cluster as module
from ablate.workers.cluster.cluster import MARK, Cluster, flags_here, open_cluster
from ablate.workers.cluster.connection import ENVIRONMENT
from ablate.workers.cluster.node_record import GIB, NodeRecord
from ablate.workers.cluster.nodes import Node

EPYC = Conditions("p", "code", {}, "tensorflow", "CPU AMD EPYC", 1, 1, {})


def node(name: str, *, seats: int, memory: int = 64 * GIB) -> Node:
    return Node(name, NodeRecord(f"host-{name}", "AMD EPYC", 8, memory, (), EPYC), seats)


def cluster(*first: Node, **asked: Any) -> Cluster:
    nodes: Any = SimpleNamespace(reference=EPYC)
    return Cluster(ClusterRequest("auto", **asked), nodes, list(first), code="code", on_gpu=False)


@pytest.mark.parametrize(("most", "workers"), [(None, 7), (3, 3), (99, 7)])
def test_there_are_as_many_workers_as_seats_and_at_most_as_many_as_asked_for(most, workers):
    found = cluster(node("a", seats=4), node("b", seats=3), most=most, threads=2)
    assert (found.workers, found.threads, found.conditions) == (workers, 2, EPYC)


def test_machines_are_described_as_in_provenance():
    [facts] = cluster(node("a", seats=4, memory=int(15.46 * GIB))).machines()
    assert (facts.host, facts.cpu, facts.cores, facts.memory_gb, facts.workers) == ("host-a", "AMD EPYC", 8, 15.5, 4)


def test_a_worker_has_the_room_of_the_smallest_machine():
    found = cluster(node("a", seats=4), node("b", seats=4, memory=20 * GIB))
    assert found.room(Limits()).n_bytes == 3 * GIB
    assert found.room(Limits(memory_gb=1)).n_bytes == GIB


@pytest.fixture
def put(monkeypatch) -> list[object]:
    """What went into Ray's store."""
    stored: list[object] = []
    monkeypatch.setattr(module.ray, "put", lambda one: stored.append(one) or "ref")
    return stored


@pytest.fixture
def task(tiny_study) -> WorkerTask:
    home = Path("reports/tiny")
    return WorkerTask(tiny_study, home, home / ".cache", 1, home / "worker", folders=home / "trials", kept_in=home)


def test_the_paths_of_a_task_mean_the_same_in_any_working_folder(task, put, tmp_path, monkeypatch, digits):
    monkeypatch.chdir(tmp_path)
    crew = cluster(node("a", seats=1)).crew(task, digits, serve=print, on_notice=print)
    sent = crew._shipment
    home = tmp_path / "reports" / "tiny"
    assert (sent.task.cache, sent.task.folders, sent.task.kept_in) == (home / ".cache", home / "trials", home)
    assert (sent.task.log_of(0), sent.mark) == (home / "worker-0.log", home / MARK)
    assert put == [digits]


def test_a_mark_shows_machines_whether_they_see_this_disk(task, put, tmp_path, monkeypatch, digits):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reports/tiny/.cache/ways").mkdir(parents=True)
    (tmp_path / "reports/tiny/.cache/ways/a.json").write_text("1")
    of = cluster(node("a", seats=1))
    crews = [of.crew(task, digits, serve=print, on_notice=print) for _ in range(2)]
    first, second = (crew._shipment for crew in crews)
    assert first.token != second.token
    assert second.mark.read_text() == second.token
    assert (second.cache, second.code, second.names) == ({"ways/a.json": b"1"}, "code", ENVIRONMENT)
    crews[1].close()
    assert not second.mark.exists()
    assert len(put) == 2


def test_a_folder_that_takes_no_mark_is_named(task, put, tmp_path, monkeypatch, digits):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reports").touch()
    with pytest.raises(StorageError, match=r"/reports/tiny: cannot be written: .*a mark for the cluster's machines"):
        cluster(node("a", seats=1)).crew(task, digits, serve=print, on_notice=print)
    assert put == []


def test_flags_are_the_variables_that_are_set(monkeypatch):
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MKL_CBWR", "AVX")
    monkeypatch.setenv("XLA_FLAGS", "")
    assert flags_here() == {"MKL_CBWR": "AVX"}


class Opening:
    """How a cluster is connected to and looked at, with one machine at once and one a little later."""

    def __init__(self, monkeypatch) -> None:
        self.connected: dict[str, Any] = {}
        self.shipped: dict[str, str] = {}
        self.looked: dict[str, Any] = {}
        self.late = [node("b", seats=1)]
        monkeypatch.setattr(module, "connected", self.connect)
        monkeypatch.setattr(module, "Nodes", self.nodes)
        monkeypatch.setattr(module, "uses_gpus", lambda: True)
        monkeypatch.setattr(module, "cautions_of", lambda _: ["no token"])

    @contextmanager
    def connect(self, address: str, code: Path | None, **given: Any) -> Iterator[None]:
        self.connected = {"address": address, "code": code, **given}
        self.shipped = {path.name: path.read_text() for path in code.iterdir()} if code else {}
        yield

    def nodes(self, _study: Any, **given: Any) -> Any:
        self.looked = given

        def new() -> list[Node]:
            new, self.late = self.late, []
            return new

        return SimpleNamespace(
            first=lambda *_: [node("a", seats=2)],
            is_looking=lambda: bool(self.late),
            new=new,
            reference=EPYC,
            close=lambda: None,
        )


@pytest.fixture
def opening(monkeypatch) -> Opening:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return Opening(monkeypatch)


def test_machines_that_answer_soon_come_along_and_cautions_are_said(opening, tiny_study):
    said: list[str] = []
    with open_cluster(ClusterRequest("auto"), tiny_study, device="CPU X", on_notice=said.append) as opened:
        assert opened.workers == 3
    assert said == ["no token"]
    assert (opening.looked["device"], opening.looked["on_gpu"]) == ("CPU X", True)
    assert (opening.connected["code"], opening.connected["on_cpu"]) == (None, False)


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_without_visible_gpus_workers_get_none(opening, tiny_study, hidden, monkeypatch):
    monkeypatch.setitem(os.environ, "CUDA_VISIBLE_DEVICES", hidden)
    with open_cluster(ClusterRequest("auto"), tiny_study, device="", on_notice=print):
        assert (opening.looked["on_gpu"], opening.connected["on_cpu"]) == (False, True)


def test_a_study_with_code_of_its_own_ships_it(opening, tiny_study, tmp_path):
    (tmp_path / "mine.py").write_text("def build(factors, shape, classes): ...")
    study = tiny_study.model_copy(update={"model": ModelRef.of("mine.py:build"), "base": tmp_path})
    with open_cluster(ClusterRequest("auto"), study, device="", on_notice=print):
        assert opening.shipped == {"mine.py": (tmp_path / "mine.py").read_text()}
        assert not opening.connected["code"].exists()  # Ray has it
    assert len(opening.looked["code"]) == 64
