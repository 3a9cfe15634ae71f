"""The door of a running study into workers for it: children of this process, and what passes between both ends."""

import socket
from collections.abc import Callable
from contextlib import chdir, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Literal, TypeAlias, final

from ablate import provenance
from ablate.errors import AblateError
from ablate.interrupt import on_stop_signal
from ablate.plural import number_of
from ablate.records import Outcome
from ablate.schedule.choice import count_workers
from ablate.schedule.crew import Serve, Worker, dismiss, hire
from ablate.schedule.greeting import Plate, UnwelcomeError, Welcome, introduce, own_cpus, read_plate, say_hello
from ablate.schedule.messages import Refused
from ablate.schedule.worker import work

ANSWER = 60.0  # seconds for the study's process to say who may come in
ALONE = 0.5  # seconds in which an idle worker ends by itself, once its pipe is closed
MOST_LOSSES = 3  # workers replaced one after the other, with no trial trained in between

# The study's process has ended; this one was stopped; that one died; this one's workers did, again and again.
Parting: TypeAlias = Literal["ended", "stopped", "deserted", "given up"]


def join_study(folder: Path, *, workers: int | None, announce: Callable[[str], None]) -> Parting:
    """Lend workers to the process that runs the study in `folder`, until it ends or Ctrl-C or SIGTERM says so.

    `workers` None: as many as its own workers leave processors or GPUs for, at least one. A stop ends them at once,
    and their trials go back. Raises `AblateError` where nobody runs the study here, or this process cannot help.
    """
    plate = read_plate(folder)
    if plate is None:
        raise AblateError(f"{folder}: no process runs this study here that others can join\n  run it without --join")
    if plate.host != (here := introduce(plate).host):
        raise AblateError(
            f"{folder}: the study runs on {plate.host} (pid {plate.pid}), and this is {here}\n"
            "  --join works on one machine only"
        )
    loan = Loan(folder, plate, announce=announce)
    with on_stop_signal(loan.stop):
        return loan.run(workers or spare_workers(plate))


def spare_workers(plate: Plate) -> int:
    """How many workers the study's own ones leave room for; what guests already have is not on the plate."""
    idle = len(set(own_cpus()) - set(plate.cpus)) // max(1, plate.size)
    gpus = len(set(provenance.gpu_names()) - set(plate.gpus)) if plate.gpus else 0
    return count_workers(max(1, idle), gpus=gpus, memory=provenance.memory_bytes())


@dataclass(frozen=True, slots=True)
class _Lent:
    worker: Worker
    log: Path  # of it
    outer: Connection  # to the study's process; the worker's own pipe leads here

    def part(self) -> None:
        """Hang up, in the order in which its trials go back at once, and end the worker."""
        self.outer.close()
        self.worker.pipe.close()
        if self.worker.process is not None:
            self.worker.process.join(ALONE)
        self.worker.kill()


@final
class Loan:
    """Workers lent to a study. Their pipes end here, so that a parting is seen at both ends, whoever goes."""

    def __init__(self, folder: Path, plate: Plate, *, announce: Callable[[str], None], serve: Serve = work) -> None:
        self._folder, self._plate, self._announce, self._serve = folder, plate, announce, serve
        self._lent: list[_Lent] = []
        self._trained = 0
        self._losses = 0  # workers replaced since the last trial that came to an end
        self._is_stopped = False

    def stop(self) -> None:
        """Leave as soon as may be."""
        self._is_stopped = True

    def run(self, n: int) -> Parting:
        """Lend `n` workers, or as many as are wanted, and say how it ended. Raises `AblateError` where none is."""
        try:
            self._lend_first(n)
            while self._lent and not self._is_stopped:
                self._listen()
        finally:
            for lent in self._lent:
                lent.outer.close()
            dismiss([lent.worker for lent in self._lent])
        parting = self._parting()
        trained = f"{number_of(self._trained, 'trial')} trained here"
        self._announce(_FAREWELLS[parting].format(study=self._folder.name, trained=trained))
        return parting

    def _lend_first(self, n: int) -> None:
        try:
            while len(self._lent) < n and not self._is_stopped and self._lend():
                pass
        except AblateError as err:
            if not self._lent:
                raise AblateError(f"{self._folder}: {err}") from err
            self._announce(f"more than {len(self._lent)} cannot join: {err}")
        if self._is_stopped:
            return
        if not self._lent:
            raise AblateError(
                f"{self._folder}: the process that ran this study (pid {self._plate.pid}) is gone\n"
                "  run it without --join: it goes on where that one stopped"
            )
        more = f"{len(self._lent)} more worker{'' if len(self._lent) == 1 else 's'}"
        self._announce(f"joined {self._folder.name} (pid {self._plate.pid} on {self._plate.host}): {more}")

    def _lend(self) -> bool:
        """Start a worker for the study; False where nobody is at its door any more. Raises `AblateError`."""
        outer = _knock(self._plate)
        if outer is None:
            return False
        try:
            welcome = _welcome(outer)
            with chdir(welcome.folder):
                worker = hire(welcome.task, welcome.place, self._serve)
        except (OSError, EOFError):  # the study has ended in the meantime
            outer.close()
            return False
        except BaseException:
            outer.close()
            raise
        self._lent.append(_Lent(worker, welcome.folder / welcome.task.log_of(welcome.place.number), outer))
        with suppress(OSError):  # the study has ended: listening finds that out
            outer.send(worker.pid)
        return True

    def _listen(self) -> None:
        by_pipe = {pipe: lent for lent in self._lent for pipe in (lent.worker.pipe, lent.outer)}
        for pipe in wait(list(by_pipe), timeout=0.5):
            assert isinstance(pipe, Connection)
            if not pipe.closed:  # else its other end went a moment ago
                self._pass_on(by_pipe[pipe], pipe)
        for lent in [lent for lent in self._lent if lent.worker.is_gone()]:  # a child of it may hold its pipe
            self._replace(lent, why=_cause(lent.worker))

    def _pass_on(self, lent: _Lent, pipe: Connection) -> None:
        inner, outer = lent.worker.pipe, lent.outer
        try:
            message = pipe.recv()
        except (EOFError, OSError):
            self._replace(lent, why=_cause(lent.worker) if pipe is inner else "")
            return
        if isinstance(message, Refused):  # not passed on: what this process lacks is no fault of the study
            raise AblateError(message.reason)
        if isinstance(message, Outcome):
            self._trained, self._losses = self._trained + 1, 0
            self._announce(f"{message.trial}  {message.state}")
        with suppress(OSError):  # the other one has gone, as listening finds out next
            (outer if pipe is inner else inner).send(message)

    def _replace(self, lent: _Lent, *, why: str) -> None:
        """Another worker for one that has ended, or that the study's process has sent away."""
        self._lent.remove(lent)
        lent.part()
        if why:
            self._announce(f"a worker was lost, and its trials went back: {why}\n  see {lent.log}")
        if self._losses >= MOST_LOSSES:
            self._announce(f"no other in its place: {MOST_LOSSES} before it trained nothing either")
            return
        try:
            self._losses += self._lend()
        except AblateError as err:
            self._announce(f"no other in its place: {err}")

    def _parting(self) -> Parting:
        if self._is_stopped:
            return "stopped"
        plate = read_plate(self._folder)
        if plate is None or plate.key != self._plate.key:
            return "ended"
        line = _knock(plate)
        if line is None:
            return "deserted"
        line.close()
        return "given up"


_FAREWELLS: dict[Parting, str] = {
    "ended": "the run of {study} has ended: {trained}",
    "stopped": "left {study}: {trained}; what was under way goes back",
    "deserted": "the process that ran {study} is gone: {trained}\n  run it without --join to go on",
    "given up": "left {study}: {trained}; it goes on without these workers",
}


def _knock(plate: Plate) -> Connection | None:
    """A line to the study's process, with the first words said; None where nobody is there."""
    line = socket.socket(socket.AF_UNIX)
    try:
        line.settimeout(ANSWER)
        line.connect(plate.address)
        say_hello(line, introduce(plate))
        line.settimeout(None)
    except OSError:
        line.close()
        return None
    return Connection(line.detach())


def _welcome(outer: Connection) -> Welcome:
    """The answer at the door. Raises `UnwelcomeError`, `EOFError` or `OSError`."""
    if not outer.poll(ANSWER):
        raise EOFError("no answer at the door")
    answer = outer.recv()
    if isinstance(answer, Refused):
        raise UnwelcomeError(answer.reason)
    assert isinstance(answer, Welcome)
    return answer


def _cause(worker: Worker) -> str:
    """Why it ended, where that was against its will: a worker whose memory has grown too far leaves by itself."""
    end = worker.ended()
    return end.reason if worker.process is not None and worker.process.exitcode else ""
