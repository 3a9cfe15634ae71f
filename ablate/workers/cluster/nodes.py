"""The machines of a cluster: look at each as it comes, and decide which may train."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ablate.errors import AblateError, one_line, reason_of
from ablate.study.settings import StudySettings
from ablate.text import number_of
from ablate.workers.cluster.node_record import GIB, NodeRecord, differences, seats
from ablate.workers.cluster.nurse import look
from ablate.workers.queue import LEAST_MEMORY

if TYPE_CHECKING:
    from ablate.storage.conditions import Conditions

LOOK_SECONDS = 3.0  # between two looks at the cluster's list of machines
DEAD_SECONDS = 20.0  # after which Ray counts a lost machine as dead, if it is


@final
@dataclass(frozen=True, slots=True)
class Node:
    """A machine that may train."""

    id: str  # Ray's
    record: NodeRecord
    seats: int  # workers that it has room for
    is_mixed: bool = False  # its numbers may differ from the others'


@final
class Nodes:
    """The machines of the cluster that this process is connected to.

    Numbers of one study come from machines of one kind: that of the first that answers, on a `device` if one is named.
    Others are left out with a notice, unless `mixed` takes them in.
    """

    def __init__(
        self,
        study: StudySettings,
        *,
        code: str,
        threads: int,
        flags: Mapping[str, str],
        names: tuple[str, ...],
        on_gpu: bool,
        mixed: bool,
        device: str,
        on_notice: Callable[[str], None],
        executor: Executor | None = None,
    ) -> None:
        # A thread, as the question waits up to a minute where the head does not answer, while workers could go on.
        self._executor = executor or ThreadPoolExecutor(1, thread_name_prefix="machines")
        self._listing: Future[list[dict[str, Any]]] | None = None
        self._study, self._code, self._threads, self._on_gpu = study, code, threads, on_gpu
        self._flags, self._names = dict(flags), names
        self._device, self._mixed, self._on_notice = device, mixed, on_notice
        self.reference: Conditions | None = None  # the conditions of the first machine
        self._looks: dict[Any, dict[str, Any]] = {}  # Ray's references and descriptions, which have no types
        self._known = set[str]()  # nodes that were looked at
        self._lost: dict[str, float] = {}  # when a node was lost that Ray may still count as alive
        self._said = set[tuple[str, str]]()  # what was said of nodes that are left out
        self._looked = -LOOK_SECONDS
        self.alive = frozenset[str]()

    def new(self) -> Iterator[Node]:
        """Machines that may train, and that were not given before; a look at the cluster every few seconds."""
        if self._listing is None and time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            self._listing = self._executor.submit(alive_nodes)
        if self._listing is not None and self._listing.done():
            listing, self._listing = self._listing, None
            if listing.exception() is None:  # else the head does not answer
                self._ask(listing.result())
        yield from self._answers()

    def close(self) -> None:
        """Ask no more."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def lose(self, node: str) -> None:
        """Look at a machine afresh after a while: its workers are gone, but the line to it may come back."""
        self._lost[node] = time.monotonic()

    def is_looking(self) -> bool:
        """Whether some machine has not answered yet."""
        return bool(self._looks)

    def first(self, patience: float | None = None) -> list[Node]:
        """Wait for the first machine that may train; those that answer with it come along.

        Raises `AblateError` if there is none after `patience` seconds.
        """
        began, has_said = time.monotonic(), False
        while not (found := list(self.new())):
            waited = time.monotonic() - began
            if patience is not None and waited > patience:
                raise AblateError("no machine of the cluster can train\n  what keeps them from it is said above")
            if not has_said and waited > LOOK_SECONDS and not self._looks:
                has_said = True
                self._on_notice("no machine of the cluster can train this study yet: waiting for one (Ctrl-C stops)")
            time.sleep(0.05)
        return found

    def _ask(self, listed: Sequence[dict[str, Any]]) -> None:
        here = {node["NodeID"]: node for node in listed}
        self.alive = frozenset(here)
        again = {name for name, lost in self._lost.items() if time.monotonic() - lost > DEAD_SECONDS}
        self._known = (self._known & self.alive) - again
        self._lost = {name: lost for name, lost in self._lost.items() if name not in again}
        kind = "GPU" if self._on_gpu else "CPU"
        for name, node in here.items():
            if name not in self._known and node["Resources"].get(kind, 0) >= 1:
                self._known.add(name)
                at = NodeAffinitySchedulingStrategy(name, soft=False)
                ask = ray.remote(num_cpus=0, max_retries=0)(look).options(scheduling_strategy=at)
                answer = ask.remote(self._study, self._code, self._threads, self._flags, self._names)
                self._looks[answer] = node

    def _answers(self) -> Iterator[Node]:
        if not self._looks:
            return
        ready, _ = ray.wait(list(self._looks), num_returns=len(self._looks), timeout=0)
        for answer in ready:
            node = self._looks.pop(answer)
            try:
                record: NodeRecord = ray.get(answer)
            except Exception as err:  # Ray raises a dozen kinds; whatever it is, this machine does not train
                if node["NodeID"] in {one["NodeID"] for one in alive_nodes()}:
                    self.lose(node["NodeID"])  # it may have been short of something for the moment
                    self._leave_out(node, f"ablate cannot run there: {_why(err)}")
                continue
            if (found := self._admitted(node, record)) is not None:
                yield found

    def _admitted(self, node: Mapping[str, Any], record: NodeRecord) -> Node | None:
        if record.conditions.model != self._code:
            self._leave_out(node, "the study's own code is another there, or is missing")
            return None
        unlike = self._unlike(record)
        if unlike and not self._mixed:
            self._leave_out(node, f"its numbers would differ: {unlike[0]}{_more(unlike)} (--mixed takes it in)")
            return None
        has = node["Resources"]
        n = seats(
            cpus=has.get("CPU", 0),
            gpus=has.get("GPU", 0),
            memory=record.memory,
            threads=self._threads,
            on_gpu=self._on_gpu,
        )
        if n < 1:
            self._leave_out(node, f"it has no room for a worker: {_needs(self._threads, self._on_gpu)}")
            return None
        self.reference = self.reference or record.conditions
        if unlike:
            self._on_notice(f"{record.host} is unlike the others: {unlike[0]}{_more(unlike)}; numbers may differ")
        return Node(node["NodeID"], record, n, is_mixed=bool(unlike))

    def _unlike(self, record: NodeRecord) -> list[str]:
        """Why a machine's numbers would not equal the others'."""
        if self.reference is not None:
            return differences(self.reference, record.conditions)
        device = record.conditions.device
        return [f"the study was started on {self._device}, it has {device}"] if self._device not in ("", device) else []

    def _leave_out(self, node: Mapping[str, Any], why: str) -> None:
        said = f"a machine is left out, {node.get('NodeManagerHostname', 'unnamed')}: {why}"
        if (node["NodeID"], said) not in self._said:
            self._said.add((node["NodeID"], said))
            self._on_notice(said)


def _needs(threads: int, on_gpu: bool) -> str:
    """What a worker takes of a machine."""
    gpu = "a GPU and " if on_gpu else ""
    return f"it takes {gpu}{number_of(threads, 'processor')} (--threads) and {LEAST_MEMORY / GIB:g} GiB of memory"


def uses_gpus() -> bool:
    """Whether some machine of the cluster has a GPU for workers."""
    return any(node["Resources"].get("GPU", 0) >= 1 for node in alive_nodes())


def alive_nodes() -> list[dict[str, Any]]:
    """The machines of the cluster as Ray describes them, but for dead ones."""
    found: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return [node for node in found if node["Alive"]]


def _why(err: Exception) -> str:
    cause = getattr(err, "cause", None)
    return str(cause) if isinstance(cause, AblateError) else one_line(reason_of(err))


def _more(found: list[str]) -> str:
    return f", and {len(found) - 1} more" if len(found) > 1 else ""
