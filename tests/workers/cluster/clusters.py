"""A Ray cluster on this machine for tests: a head without processors, and nodes that come and go."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pretend import Listed, spec

from ablate.study.settings import Limits, Retries, StudySettings
from ablate.study.trial import Outcome
from ablate.workers.cluster.address import ClusterRequest
from ablate.workers.messages import WorkerTask
from ablate.workers.pool import TrialScheduler

ray = pytest.importorskip("ray")
BESIDE = Path(__file__).parents[1]  # where the pretend workers are, for the nodes


class Nodes:
    """The nodes of a cluster, each of one processor."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        os.environ["PYTHONPATH"] = os.pathsep.join([str(BESIDE), os.environ.get("PYTHONPATH", "")])
        os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"
        self.cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        self.address = self.cluster.address
        self.there: list[Any] = []

    def be(self, n: int) -> None:
        """Add nodes, or remove the last ones, until there are `n`."""
        while len(self.there) < n:
            self.add()
        while len(self.there) > n:
            self.kill()

    def add(self) -> None:
        self.there.append(self.cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20))

    def kill(self) -> None:
        """End the last node as a power cut would."""
        self.cluster.remove_node(self.there.pop(), allow_graceful=False)


class OnCluster:
    """A scheduler of pretend workers on a cluster, and what it said."""

    def __init__(self, nodes: Nodes, task: WorkerTask, *, serve: Any, **limits: Any) -> None:
        killed = limits.pop("killed", 2)
        update = {"limits": Limits(**limits), "retries": Retries(killed=killed)}
        self.study: StudySettings = task.study.model_copy(update=update)
        self.task, self._nodes, self._serve = task, nodes, serve
        self.begun: list[str] = []
        self.lost: list[tuple[str, str]] = []
        self.notices: list[str] = []
        self.stop = threading.Event()
        self.is_shared = True  # whether nodes find the mark of the driver's disk
        self.on_notice: Callable[[str], None] = lambda _: None

    def say(self, notice: str) -> None:
        self.notices.append(notice)
        self.on_notice(notice)

    def train(self, data: Any, *trials: str, on_epoch: Any = lambda _: True) -> dict[str, Outcome]:
        plan = Listed([spec(trial) for trial in trials], on_epoch)
        with self.scheduler(data) as scheduler:
            scheduler.run(plan)
        return plan.outcomes

    @contextmanager
    def scheduler(self, data: Any) -> Iterator[TrialScheduler]:
        from ablate.workers.cluster.cluster import open_cluster

        task = replace(self.task, study=self.study)
        request = ClusterRequest(self._nodes.address)
        with open_cluster(request, self.study, device="", on_notice=self.say) as cluster:
            crew = cluster.crew(task, data, serve=self._serve, on_notice=self.say)
            if not self.is_shared:
                crew._shipment = replace(crew._shipment, mark=Path("nowhere"))
            with TrialScheduler(
                task,
                crew,
                stop=self.stop,
                on_start=lambda one: self.begun.append(one.trial),
                on_lost=lambda one, reason: self.lost.append((one.trial, reason)),
                on_notice=self.say,
            ) as scheduler:
                yield scheduler
