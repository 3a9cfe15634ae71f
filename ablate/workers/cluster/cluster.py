"""A study's cluster: the machines that may train it, and the crew of workers on them."""

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import final

import ray

from ablate.data import Dataset
from ablate.data.placement import Room
from ablate.storage.conditions import Conditions, model_digest
from ablate.storage.files.atomic import saving, write_aside
from ablate.storage.provenance import NodeFacts
from ablate.study.settings import Limits, StudySettings
from ablate.study.user_code import code_files
from ablate.workers.cluster.address import ClusterRequest, cautions_of
from ablate.workers.cluster.cluster_crew import ClusterCrew
from ablate.workers.cluster.connection import ENVIRONMENT, connected
from ablate.workers.cluster.node_record import GIB
from ablate.workers.cluster.nodes import Node, Nodes, uses_gpus
from ablate.workers.cluster.shipment import Shipment, cache_files
from ablate.workers.messages import WorkerTask
from ablate.workers.process import Serve
from ablate.workers.queue import room_of_worker

MARK = ".cluster"  # in a study's folder while it trains: machines that can read it share the disk
MORE_SECONDS = 1.0  # after the first machine has answered, for others that are there already


@final
class Cluster:
    """The machines that may train a study; made by `open_cluster`."""

    def __init__(self, request: ClusterRequest, nodes: Nodes, first: list[Node], *, code: str, on_gpu: bool) -> None:
        self._request, self._nodes, self._first, self._code, self._on_gpu = request, nodes, first, code, on_gpu

    @property
    def conditions(self) -> Conditions:
        """What numbers depend on, on these machines."""
        assert self._nodes.reference is not None  # of the first machine
        return self._nodes.reference

    @property
    def threads(self) -> int:
        """Threads of each worker."""
        return self._request.threads

    @property
    def workers(self) -> int:
        """Workers that the machines of now have room for, at most as many as were asked for."""
        room = sum(node.seats for node in self._first)
        return min(room, self._request.most) if self._request.most else room

    def machines(self) -> tuple[NodeFacts, ...]:
        """The machines, as provenance describes them."""
        return tuple(
            NodeFacts(
                host=one.record.host,
                cpu=one.record.cpu,
                cores=one.record.cores,
                memory_gb=round(one.record.memory / GIB, 1),
                gpus=list(one.record.gpus),
                workers=one.seats,
            )
            for one in self._first
        )

    def room(self, limits: Limits) -> Room:
        """The memory of each worker on the smallest machine."""
        rooms = [
            room_of_worker(one.seats, memory=one.record.memory, gpu_memory=(), limits=limits) for one in self._first
        ]
        return min(rooms, key=lambda room: room.n_bytes)

    def crew(self, task: WorkerTask, data: Dataset, *, serve: Serve, on_notice: Callable[[str], None]) -> ClusterCrew:
        """Workers for a task of this machine, whose paths are found or replaced on theirs."""
        task = _resolved(task)
        token, mark = secrets.token_hex(16), task.log.parent / MARK
        with saving(mark.parent, "a mark for the cluster's machines"):
            write_aside(mark, token)
        shipment = Shipment(
            task=task,
            code=self._code,
            token=token,
            mark=mark,
            serve=serve,
            flags=flags_here(),
            names=ENVIRONMENT,
            cache=cache_files(task.cache) if task.cache else {},
        )
        return ClusterCrew(
            self._nodes,
            self._first,
            shipment,
            ray.put(data),
            threads=self._request.threads,
            most=self._request.most,
            on_gpu=self._on_gpu,
            on_notice=on_notice,
        )


@contextmanager
def open_cluster(
    request: ClusterRequest,
    study: StudySettings,
    *,
    device: str,
    on_notice: Callable[[str], None],
    patience: float | None = None,
) -> Iterator[Cluster]:
    """Connect to a cluster until the end of the block, and wait for a machine that may train the study.

    `device`: the kind of machine that the study's results are from so far, "" if there are none. `patience`: seconds
    for the first machine, None for ever. Raises `AblateError` if there is no such cluster, or no such machine.
    """
    for caution in cautions_of(request.address):
        on_notice(caution)
    on_cpu = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    with ExitStack() as opened:
        with tempfile.TemporaryDirectory() as copies:  # Ray takes them as it connects
            shipped = copied_code(study, Path(copies))
            opened.enter_context(connected(request.address, shipped, on_cpu=on_cpu, on_notice=on_notice))
        code, on_gpu = model_digest(study), not on_cpu and uses_gpus()
        nodes = Nodes(
            study,
            code=code,
            threads=request.threads,
            flags=flags_here(),
            names=ENVIRONMENT,
            on_gpu=on_gpu,
            mixed=request.mixed,
            device=device,
            on_notice=on_notice,
        )
        opened.callback(nodes.close)
        first = nodes.first(patience)
        until = time.monotonic() + MORE_SECONDS
        while nodes.is_looking() and time.monotonic() < until:
            first += nodes.new()
            time.sleep(0.05)
        yield Cluster(request, nodes, first, code=code, on_gpu=on_gpu)


def copied_code(study: StudySettings, folder: Path) -> Path | None:
    """The folder with copies of the study's own code in their places; None if it has none.

    What lies outside of the study's folder stays behind: machines that have it not are left out.
    """
    for path in (files := code_files(study)):
        if path.resolve().is_relative_to(study.base.resolve()):
            target = folder / path.resolve().relative_to(study.base.resolve())
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    return folder if files else None


def _resolved(task: WorkerTask) -> WorkerTask:
    """The task with paths that mean the same in the working folder of an actor."""
    cache, folders, kept_in = (path and path.resolve() for path in (task.cache, task.folders, task.kept_in))
    return replace(task, log=task.log.resolve(), cache=cache, folders=folders, kept_in=kept_in)


def flags_here() -> dict[str, str]:
    """The variables of this process that numbers depend on."""
    return {name: os.environ[name] for name in ENVIRONMENT if os.environ.get(name)}
