"""Start a program below a supervisor, and read what it prints until it has ended."""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeAlias, final

from ablate.training.command.report_file import VARIABLE

Stream: TypeAlias = Literal["stdout", "stderr"]
GRACE_SECONDS = 3.0  # for a program to end after SIGTERM
LOOK_SECONDS = 0.05  # between two empty chunks, at which the report file is read
CHUNK = 2**18  # bytes
MOST_LEFT = 64  # chunks in a pipe whose program has ended: a process that cannot be killed may go on writing
_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_LINE = 200  # bytes of a status at most


@dataclass(frozen=True, slots=True)
class ProgramEnd:
    """How a program ended."""

    code: int | None = None  # its exit code
    signal: int | None = None  # the signal that ended it
    error: int | None = None  # the system's error number, where it could not be started
    left: int = 0  # number of its processes that could not be killed

    def in_words(self) -> str:
        """The end of the program as a clause without a subject: "exit code 3"."""
        if self.error is not None:
            return f"it cannot be started: {os.strerror(self.error)}"
        if self.signal is not None:
            names = {number.value: number.name for number in signal.Signals}
            name = names.get(self.signal, "unnamed")
            why = ", often a sign that the system ran out of memory" if name == "SIGKILL" else ""
            return f"killed by signal {self.signal} ({name}){why}"
        return f"exit code {self.code}"


@final
class Supervised:
    """A program and its supervisor. A context manager: leaving it ends the program with all that it started.

    The first of its `words` is its path. The descriptors `held` stay open in the supervisor until no process of the
    program is left.
    """

    def __init__(
        self, words: Sequence[str], *, folder: Path, environment: Mapping[str, str], held: Sequence[int] = ()
    ) -> None:
        self._words, self._folder = list(words), folder
        self._environment, self._held = environment, held
        self.end = ProgramEnd()  # once the program has ended

    def __enter__(self) -> Self:
        self._status, status = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_SUPERVISOR), str(status), str(GRACE_SECONDS), *self._words],
                cwd=self._folder,
                env=dict(self._environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(status, *self._held),
                start_new_session=True,
                bufsize=0,
            )
        except BaseException:
            os.close(self._status)
            raise
        finally:
            os.close(status)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for _ in self.ending():
                pass
        finally:
            for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
                if pipe is not None:
                    pipe.close()
            os.close(self._status)
            self._process.wait()

    @property
    def is_over(self) -> bool:
        """Whether the program has ended, and no process of it is left."""
        return self.end != ProgramEnd()

    def chunks(self) -> Iterator[tuple[Stream, bytes]]:
        """What the program prints until it has ended; an empty chunk where it is silent for a moment."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        with selectors.DefaultSelector() as waiting:
            streams: dict[int, Stream] = {
                self._process.stdout.fileno(): "stdout",
                self._process.stderr.fileno(): "stderr",
            }
            for descriptor in (*streams, self._status):
                os.set_blocking(descriptor, False)
                waiting.register(descriptor, selectors.EVENT_READ)
            while not self.is_over:
                ready = [key.fd for key, _ in waiting.select(LOOK_SECONDS)]
                for descriptor in ready:
                    if (stream := streams.get(descriptor)) is None:
                        continue
                    if chunk := _read(descriptor, CHUNK):
                        yield stream, chunk
                    elif chunk is not None:
                        waiting.unregister(descriptor)
                if not ready:
                    yield "stdout", b""
                if self._status in ready:
                    line = _read(self._status, _LINE)
                    if not line:
                        _kill_marked(self._environment)
                    self.end = _read_status(line)
            for descriptor, stream in streams.items():  # what is left in the pipes, which hold a megabyte at most
                for _ in range(MOST_LEFT):
                    if not (chunk := _read(descriptor, CHUNK)):
                        break
                    yield stream, chunk

    def ending(self) -> Iterator[tuple[Stream, bytes]]:
        """End the program: `chunks` until that is done."""
        if not self.is_over:
            assert self._process.stdin is not None
            with suppress(OSError):  # it is over just now
                self._process.stdin.close()
            yield from self.chunks()


def _read(descriptor: int, most: int) -> bytes | None:
    """Bytes that are there; None where there are none yet, b"" where none will come."""
    try:
        return os.read(descriptor, most)
    except BlockingIOError:
        return None


def _kill_marked(environment: Mapping[str, str]) -> None:
    """Kill what is left of a program whose supervisor was killed: the processes with its trial's report file."""
    mark = f"{VARIABLE}={environment[VARIABLE]}".encode() if VARIABLE in environment else b""
    for _ in range(100):
        left = [folder for folder in Path("/proc").glob("[0-9]*") if mark and mark in _environment_of(folder)]
        if not left:
            return
        for folder in left:
            with suppress(OSError):
                os.kill(int(folder.name), signal.SIGKILL)
        time.sleep(0.02)


def _environment_of(folder: Path) -> list[bytes]:
    try:
        return (folder / "environ").read_bytes().split(b"\0")
    except OSError:  # gone, or another user's
        return []


def _read_status(line: bytes | None) -> ProgramEnd:
    """The supervisor's last line; without one, it was killed, and the program with it."""
    kind, number, left = (line or b"signal 9 0").decode().split()[:3]
    match kind:
        case "exit":
            return ProgramEnd(code=int(number), left=int(left))
        case "signal":
            return ProgramEnd(signal=int(number), left=int(left))
        case _:
            return ProgramEnd(error=int(number), left=int(left))
