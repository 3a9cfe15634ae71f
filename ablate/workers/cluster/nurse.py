"""The actor beside a worker process on a machine of a cluster: it starts, watches, ends it, and passes on messages."""

import math
import os
import platform
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import final

from ablate import system
from ablate.data import Dataset
from ablate.storage.models import model_path
from ablate.study.settings import StudySettings
from ablate.study.trial import Outcome, TrialSpec
from ablate.text import number_of
from ablate.training.trial_folder import folder_of
from ablate.workers.cluster.node_folder import NodeFolder
from ablate.workers.cluster.node_record import GIB, NodeRecord, look_here, restore
from ablate.workers.cluster.processors import ProcessorClaim
from ablate.workers.cluster.shipment import (
    MOST_KEPT,
    Brought,
    Ended,
    Files,
    Seat,
    Shipment,
    cache_files,
    moved,
    read_files,
    with_code,
    write_missing,
)
from ablate.workers.crew import End, Worker
from ablate.workers.local_crew import LocalCrew
from ablate.workers.logs import log_tail
from ablate.workers.messages import (
    Busy,
    EpochReport,
    Idle,
    Ready,
    Refused,
    Retired,
    TrialRequest,
    WorkerPlace,
    WorkerTask,
)
from ablate.workers.queue import room_of_worker, share_of_memory

ORPHAN_SECONDS = 30 * 60.0  # without a call: the driver is gone in a way that Ray does not see
IDLE_GONE = End("its process is gone", counts=False)  # as was told before, unheard
_ANSWERED = (Ready, EpochReport, TrialRequest, Idle, Refused, Retired)  # after these the worker waits, or ends


def look(study: StudySettings, code: str, threads: int, flags: dict[str, str], names: tuple[str, ...]) -> NodeRecord:
    """What this machine is, for workers of a study; `code` is the digest of its own code on the driver's machine."""
    restore(flags, names)
    return look_here(with_code(study, code), threads=threads)


@final
class Nurse:
    """One worker process, and the calls by which the driver talks to it.

    A call returns what the worker said up to where it waits for an answer, or its `Ended`. Without a call for half an
    hour the actor ends, and its worker with it.
    """

    def __init__(self, shipment: Shipment, data: Dataset, seat: Seat) -> None:
        restore(dict(shipment.flags), shipment.names)
        self._folder = NodeFolder(shipment.token)
        self._claim = ProcessorClaim(0 if seat.on_gpu else seat.threads)
        self._place = WorkerPlace(seat.number, self._claim.cpus)
        self._is_shared = _reads(shipment.mark, shipment.token)
        self._task = self._own(shipment, seat, self._folder.arrays(data))
        if self._task.cache and not self._is_shared:
            write_missing(self._task.cache, shipment.cache)
        self._known = frozenset(shipment.cache)
        self._crew = LocalCrew(self._task, [self._place], shipment.serve, neighbours=self._claim.others)
        self._files = dict[str, bytes]()  # of trials that have ended, for the driver
        self._timer: threading.Timer | None = None
        self._left_at = math.inf  # when the last call ended; infinite during one

    def hire(self) -> list[object]:
        """Start a worker, the first or in the place of one that is gone."""
        with self._called():
            for worker in self._crew.workers:
                worker.line.kill()
            self._crew.workers.clear()
            self._crew.hire(self._place)
            self._claim.of_worker(self._worker.pid)
            return self._follow()

    def exchange(self, answer: list[TrialSpec] | list[bool], files: Files) -> list[object]:
        """Give the worker what it waits for: specs, or verdicts. `files` are new in the driver's cache."""
        with self._called():
            if gone := self._gone():
                return gone
            if self._task.cache and not self._is_shared:
                write_missing(self._task.cache, files)
                self._known |= frozenset(files)
            specs = [one for one in answer if isinstance(one, TrialSpec)]
            if specs:
                self._worker.begin(specs)
            self._worker.line.say(answer)
            return self._follow()

    def look(self) -> list[object]:
        """A sign of life to an idle worker; its end if it is gone."""
        with self._called():
            return self._gone()

    def leave(self) -> None:
        """End the worker, and clean up."""
        self._crew.close()
        self._claim.release()
        self._folder.leave()

    @property
    def _worker(self) -> Worker:
        return self._crew.workers[0]

    def _own(self, shipment: Shipment, seat: Seat, arrays: Path) -> WorkerTask:
        """The task of workers on this machine."""
        study, memory = with_code(shipment.task.study, shipment.code), system.memory_bytes()
        task = replace(
            shipment.task,
            study=study,
            arrays=arrays,
            max_memory=share_of_memory(seat.neighbours, memory=memory),
            room=room_of_worker(
                seat.neighbours,
                memory=memory,
                gpu_memory=system.gpu_memory_bytes() if seat.on_gpu else (),
                limits=study.limits,
            ),
        )
        return task if self._is_shared else moved(task, study=study, folder=self._folder.path, arrays=arrays)

    def _follow(self) -> list[object]:
        """What the worker says until it waits for an answer, or ends."""
        said = list[object]()
        while True:
            for worker, message in self._crew.hear(timeout=0.5):
                if isinstance(message, End):
                    return [*said, *self._brought(said), self._ended(message)]
                worker.heard(message)
                if not isinstance(message, Busy):
                    said.append(self._with_files(message) if isinstance(message, Outcome) else message)
                if isinstance(message, _ANSWERED):
                    return [*self._brought(said), *said]
            for _, end in self._crew.look_after():
                return [*said, *self._brought(said), self._ended(end)]

    def _gone(self) -> list[object]:
        """The end of a worker that died while it was idle: no try of the trial that it was to train next."""
        if not self._crew.workers:
            return [Ended(IDLE_GONE)]
        if not self._worker.is_idle:
            return []
        ends = [said for _, said in self._crew.hear(timeout=0) if isinstance(said, End)]
        if not ends and not self._worker.line.is_gone():
            return []
        return [self._ended(replace(ends[0] if ends else self._worker.ended(), counts=False))]

    def _ended(self, end: End) -> Ended:
        worker = self._crew.workers.pop()
        return Ended(end, "" if self._is_shared else log_tail(worker.log))

    def _brought(self, said: Sequence[object]) -> Iterator[Brought]:
        """The files that trials and caches have got on this machine, if the driver cannot read them here."""
        if self._is_shared:
            return
        study, self._files = self._files, {}
        new = cache_files(self._task.cache, but=self._known) if self._task.cache and any(map(_may_bring, said)) else {}
        self._known |= frozenset(new)
        if study or new:
            yield Brought(study, new)

    def _with_files(self, outcome: Outcome) -> Outcome:
        """Take up the files of a trial: its model, and what a user's function or program wrote.

        The outcome, with a note if there are too many for the driver.
        """
        if self._is_shared or (kept := self._task.kept_in) is None:
            return outcome
        paths = [model_path(kept, outcome.trial)]
        if self._task.folders is not None:
            paths += sorted(folder_of(self._task.folders, outcome.trial).rglob("*"))
        paths = [path for path in paths if path.is_file()]
        files = read_files(kept, paths, most=MOST_KEPT)
        self._files |= files
        if len(files) == len(paths):
            return outcome
        lost = number_of(len(paths) - len(files), "file")
        note = (
            f"{lost} of its folder did not come back from {platform.node()}: more than {MOST_KEPT / GIB:g} GiB in all"
        )
        return replace(outcome, notes=(*outcome.notes, note))

    @contextmanager
    def _called(self) -> Iterator[None]:
        """Wait for the next call only while there is none."""
        self._left_at = math.inf
        try:
            yield
        finally:
            self._left_at = time.monotonic()
            if self._timer is None:
                self._look_in(ORPHAN_SECONDS)

    def _look_in(self, seconds: float) -> None:
        """One timer at a time: to start a thread in every call took 0.1 ms of it."""
        self._timer = threading.Timer(seconds, self._end_if_orphaned)
        self._timer.daemon = True
        self._timer.start()

    def _end_if_orphaned(self) -> None:
        left = self._left_at + ORPHAN_SECONDS - time.monotonic()
        if left <= 0:
            os._exit(1)
        else:
            self._look_in(min(left, ORPHAN_SECONDS))


def _may_bring(message: object) -> bool:
    """Whether a trial may have written to the cache before it said this: at its start, or by its end."""
    begins = isinstance(message, EpochReport) and any(epoch.epoch == 1 for epoch in message.epochs)
    return begins or isinstance(message, Outcome)


def _reads(mark: Path, token: str) -> bool:
    try:
        return mark.read_text() == token
    except OSError:
        return False
