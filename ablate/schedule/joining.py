"""A running study's door: other processes of its user on its machine come in, and bring it workers."""

import hmac
import os
import platform
import secrets
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import Self, final

from ablate import provenance
from ablate.files.scratch import scratch_folder
from ablate.schedule.choice import places
from ablate.schedule.greeting import (
    PLATE,
    Hello,
    Plate,
    UnwelcomeError,
    Welcome,
    hear_hello,
    own_cpus,
    own_kin,
    write_plate,
)
from ablate.schedule.messages import Place, Refused, Task
from ablate.source import code_digest

PATIENCE = 10.0  # seconds for the first words of whoever connects
SEATING = 60.0  # seconds for a process that was let in to start its worker
NO_GPU = "-1"  # for CUDA_VISIBLE_DEVICES


@dataclass(frozen=True, slots=True)
class Guest:
    """A worker process that is another one's child. It leaves by closing its end; close `pipe` to send it away."""

    pipe: Connection
    pid: int
    place: Place

    @property
    def number(self) -> int:
        """Of its place; the study's own workers have those from 0."""
        return self.place.number


@final
class Door:
    """Lets workers in while a study runs; a context manager. Enter it within the scheduler's and leave it first.

    Where a door cannot be opened the study runs without one, and `announce` says why.
    """

    def __init__(self, folder: Path, task: Task, *, workers: int, announce: Callable[[str], None]) -> None:
        self._folder, self._task, self._announce = folder, task, announce
        self._own = list(places(workers, threads=task.threads, gpus=provenance.gpu_names()))
        self._size = len(self._own[0].cpus) or len(own_cpus())
        self._kin, self._model = own_kin(), _model_digest(task)
        self._key = secrets.token_hex(32)
        self._lock = threading.Lock()  # over what follows
        self._seats: list[tuple[Place, Connection]] = []  # of all who were let in
        self._waiting: list[Guest] = []
        self._is_shut = False
        self._undo = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            try:
                self._open(undo)
            except (OSError, AttributeError) as err:  # AttributeError: a system without such sockets
                self._announce(f"no other process can join this one: {err}")
            else:
                self._undo = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undo.close()

    def newcomers(self) -> list[Guest]:
        """Who has come since the last call; each with a worker that is about to say it is ready."""
        with self._lock:
            come, self._waiting = self._waiting, []
        return come

    def _open(self, undo: ExitStack) -> None:
        address = undo.enter_context(scratch_folder()) / "door"  # where no other user can enter
        listener = undo.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(address))
        listener.listen()
        listener.settimeout(1.0)
        self._put_up_plate(address)
        undo.callback(self._take_down_plate)
        bell, rope = Pipe(duplex=False)
        thread = threading.Thread(target=self._listen, args=(listener, bell), name="door", daemon=True)
        thread.start()
        undo.callback(self._shut, thread, bell, rope)

    def _put_up_plate(self, address: Path) -> None:
        busy = {cpu for place in self._own for cpu in place.cpus} or own_cpus()
        gpus = tuple(place.gpu for place in self._own if place.gpu)
        plate = Plate(
            str(address), self._key, os.getpid(), platform.node(),
            size=self._size, cpus=tuple(sorted(busy)), gpus=gpus,
        )  # fmt: skip
        write_plate(self._folder, plate)

    def _take_down_plate(self) -> None:
        with suppress(OSError):  # a disk that has become read-only: nobody answers there, which says the same
            (self._folder / PLATE).unlink(missing_ok=True)

    def _listen(self, listener: socket.socket, bell: Connection) -> None:
        while bell not in wait([listener, bell]):
            try:
                newcomer, _ = listener.accept()
            except OSError:  # it has gone again, or there are too many open files here
                time.sleep(0.1)
                continue
            # A thread for each: one that never says a word keeps no other waiting.
            threading.Thread(target=self._receive, args=(newcomer,), name="newcomer", daemon=True).start()

    def _shut(self, thread: threading.Thread, bell: Connection, rope: Connection) -> None:
        rope.close()
        thread.join()
        bell.close()
        with self._lock:
            self._is_shut = True
            for guest in self._waiting:
                guest.pipe.close()
            self._waiting = []

    def _receive(self, newcomer: socket.socket) -> None:
        with newcomer, suppress(OSError, EOFError, ValueError):  # silent, gone, or no process of this program
            hello = hear_hello(newcomer, seconds=PATIENCE)
            if not hmac.compare_digest(hello.key.encode(), self._key.encode()):
                return
            newcomer.settimeout(None)
            # From here on both ends pickle. The other one is a process of the same user on this machine: it came
            # through a folder, and with a key from a file, that only this user can read; nothing comes from outside.
            pipe = Connection(newcomer.detach())
            try:
                self._let_in(pipe, hello)
            except UnwelcomeError as err:
                with pipe:
                    pipe.send(Refused(str(err)))
            except BaseException:
                pipe.close()
                raise

    def _let_in(self, pipe: Connection, hello: Hello) -> None:
        place = self._seat(pipe, hello)
        pipe.send(Welcome(self._task, place, Path.cwd()))
        if not pipe.poll(SEATING):
            raise TimeoutError("it started no worker")
        guest = Guest(pipe, int(pipe.recv()), place)
        with self._lock:
            if self._is_shut:
                pipe.close()
            else:
                self._waiting.append(guest)

    def _seat(self, pipe: Connection, hello: Hello) -> Place:
        """A place that nobody else is given while `pipe` is open. Raises `UnwelcomeError`."""
        if hello.host != platform.node():
            raise UnwelcomeError(f"the study runs on {platform.node()}, and this process on {hello.host}")
        if differences := hello.kin.differences(self._kin):
            raise UnwelcomeError(f"its numbers would differ from the running study's: {'; '.join(differences[:3])}")
        if _model_digest(self._task) != self._model:
            raise UnwelcomeError(f"{self._task.study.model.name} has changed since the study was started")
        with self._lock:
            self._seats = [seat for seat in self._seats if not _has_left(seat[1])]
            taken = [*self._own, *(place for place, _ in self._seats)]
            place = spare_place(taken, hello, size=self._size)
            self._seats.append((place, pipe))
        return place


def spare_place(taken: Sequence[Place], hello: Hello, *, size: int) -> Place:
    """The first free number, with the `size` least used of the newcomer's processors and a GPU that nobody has.

    As many processors as each worker of the study has, since XLA divides its loops by how many a process sees: with
    more or fewer, sums would round differently. Raises `UnwelcomeError`.
    """
    used = Counter(cpu for place in taken for cpu in place.cpus)
    if len(hello.cpus) < size:
        few = f"it may use too few processors: {len(hello.cpus)}, where each worker of the study has {size}"
        raise UnwelcomeError(few)
    cpus = sorted(hello.cpus, key=lambda cpu: (used[cpu], cpu))[:size]
    numbers = {place.number for place in taken}
    number = next(number for number in range(len(taken) + 1) if number not in numbers)
    return Place(number, frozenset(cpus), gpu=_spare_gpu(taken, hello))


def _spare_gpu(taken: Sequence[Place], hello: Hello) -> str:
    used = {place.gpu for place in taken if place.gpu} - {NO_GPU}
    if not used:  # a study that trains on processors
        return NO_GPU
    free = [name for name in hello.gpus if name not in used]
    if not free:
        raise UnwelcomeError("every GPU that this process sees has a worker: a second one would share its memory")
    return free[0]


def _has_left(pipe: Connection) -> bool:
    """Whether either end has hung up, even if nobody has noticed yet."""
    if pipe.closed:
        return True
    poll = select.poll()
    poll.register(pipe, 0)  # a broken line is told of without asking
    return bool(poll.poll(0))


def _model_digest(task: Task) -> str:
    """Of a user's file behind the model; "" where there is none, or none any more."""
    try:
        return code_digest(task.study.model.name, base=task.study.base)
    except OSError:
        return ""
