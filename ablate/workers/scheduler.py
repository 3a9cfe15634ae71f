"""Open the workers that train: the only place that decides where trials run."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ablate import system
from ablate.clock import Clock
from ablate.data import Dataset, save_arrays
from ablate.data.shared import copied_bytes
from ablate.errors import AblateError
from ablate.plans.protocol import Plan
from ablate.storage.files.lock import scratch_folder
from ablate.study.settings import StudySettings
from ablate.study.trial import TrialSpec
from ablate.workers.messages import WorkerTask
from ablate.workers.pool import LocalScheduler, TrialScheduler
from ablate.workers.process import Serve
from ablate.workers.queue import room_of_worker, share_of_memory
from ablate.workers.worker import work

if TYPE_CHECKING:
    from ablate.workers.cluster.cluster import Cluster

WORTH_SAYING = 2**30  # bytes of the workers' copy of the examples


class Scheduler(Protocol):
    """Trains the trials that plans ask for."""

    @property
    def clock(self) -> Clock:
        """The workers' time outside of trials, summed over them: "start" and "idle"."""
        ...

    def run(self, plan: Plan) -> None:
        """Train until the plan has nothing left and no trial is running; after a stop, until no trial is running."""
        ...


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """The number of workers, and the resources of each."""

    workers: int
    threads: int  # per worker
    cache: Path | None = None  # as in `WorkerTask`
    log: Path | None = None  # as in `WorkerTask`; None: logs are deleted when the workers end
    stack: int | None = None  # as in `WorkerTask`
    folders: Path | None = None  # as in `WorkerTask`; None: deleted when the workers end
    kept_in: Path | None = None  # as in `WorkerTask`
    cluster: "Cluster | None" = None  # None: on this machine


@contextmanager
def open_workers(
    study: StudySettings,
    data: Dataset,
    options: WorkerOptions,
    *,
    stop: threading.Event,
    on_start: Callable[[TrialSpec], None] = lambda _: None,
    on_lost: Callable[[TrialSpec, str], None] = lambda _spec, _reason: None,
    on_notice: Callable[[str], None] = lambda _: None,
    serve: Serve = work,
) -> Iterator[Scheduler]:
    """Run workers for a study's trials until the end of the block; `stop` ends the trials earlier.

    `on_start` is called when a worker starts a trial, `on_lost` with the reason when a worker died and the trial begins
    again, and `on_notice` with messages for the user. Raises `AblateError` if there is no room for the data, or if no
    worker starts.
    """
    memory = system.memory_bytes()
    with scratch_folder() as scratch:
        task = WorkerTask(
            study=study,
            arrays=scratch if options.cluster else _save(data, scratch, on_notice),
            cache=options.cache,
            threads=options.threads,
            log=options.log or scratch / "worker",
            max_memory=share_of_memory(options.workers, memory=memory),
            room=room_of_worker(
                options.workers, memory=memory, gpu_memory=system.gpu_memory_bytes(), limits=study.limits
            ),
            stack=options.stack,
            folders=options.folders,
            kept_in=options.kept_in,
            is_log_kept=options.log is not None,
        )
        if options.cluster is None:
            opened: TrialScheduler = LocalScheduler(
                task,
                workers=options.workers,
                stop=stop,
                on_start=on_start,
                on_lost=on_lost,
                on_notice=on_notice,
                serve=serve,
            )
        else:
            crew = options.cluster.crew(task, data, serve=serve, on_notice=on_notice)
            opened = TrialScheduler(task, crew, stop=stop, on_start=on_start, on_lost=on_lost, on_notice=on_notice)
        with opened as scheduler:
            yield scheduler


def _save(data: Dataset, scratch: Path, on_notice: Callable[[str], None]) -> Path:
    try:
        folder = save_arrays(data, scratch)
        if (n_bytes := copied_bytes(folder)) >= WORTH_SAYING:
            on_notice(f"workers read a copy of the examples in {scratch.parent}: {n_bytes / 2**30:.3g} GB on the disk")
        return folder
    except OSError as err:
        raise AblateError(
            f"{scratch.parent}: cannot hold the data for the workers: {err.strerror or err}\n"
            "  free some space there, or set the environment variable TMPDIR to another folder"
        ) from err
