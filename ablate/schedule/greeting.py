"""A study's folder into a connection to the process that runs it: the plate at its door, and the first words there."""

import json
import os
import platform
import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

import ablate
from ablate import provenance
from ablate.errors import AblateError
from ablate.files.whole import write_aside
from ablate.schedule.messages import Place, Task
from ablate.source import package_digest
from ablate.trial.cache import FLAGS, LIBRARIES

PLATE = ".door.json"  # in the study's folder, while the process that runs the study lets others in
LONGEST = 64 * 1024  # bytes of a plate or of first words: a thousand processors and all flags are a tenth of it


class UnwelcomeError(AblateError):
    """Who has come to a study's door cannot help, and why."""


@dataclass(frozen=True, slots=True)
class Plate:
    """Where a running study's door is, and what its own workers have of the machine."""

    address: str  # path of an AF_UNIX socket
    key: str
    pid: int
    host: str
    size: int  # processors of a worker
    cpus: tuple[int, ...]  # that the study's own workers have; empty where the system does not say
    gpus: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kin:
    """What may differ between two processes on one machine and changes how they round, or what they say."""

    code: str  # digest of this package's modules that decide numbers
    versions: dict[str, str]
    flags: dict[str, str]  # of the environment

    def differences(self, theirs: "Kin") -> list[str]:
        """As "keras 3.15 here, 3.14 there"; empty where both would give the same numbers to the bit."""
        said = ["another version of this program's code"] if self.code != theirs.code else []
        for here, there in ((self.versions, theirs.versions), (self.flags, theirs.flags)):
            said += [
                f"{name} {here.get(name, 'unset')} here, {there.get(name, 'unset')} there"
                for name in sorted({*here, *there})
                if here.get(name) != there.get(name)
            ]
        return said


@dataclass(frozen=True, slots=True)
class Hello:
    """The first words of a process at the door of another."""

    key: str
    pid: int
    host: str
    kin: Kin
    cpus: tuple[int, ...]  # that it may use; empty where the system does not say
    gpus: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Welcome:
    """The answer to who may come in: what its worker is started with, and in which working folder."""

    task: Task  # its paths may be relative to `folder`
    place: Place
    folder: Path


def own_kin() -> Kin:
    """Of this process."""
    installed = provenance.versions()
    versions = {name: installed[name] for name in LIBRARIES if name in installed}
    flags = {name: os.environ[name] for name in FLAGS if name in os.environ}
    return Kin(package_digest(), {"ablate": ablate.__version__, "python": installed["python"], **versions}, flags)


def own_cpus() -> tuple[int, ...]:
    """The processors that this process may use; empty where the system does not say."""
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()


def introduce(plate: Plate) -> Hello:
    """This process, as it would come in at that door."""
    gpus = tuple(provenance.gpu_names())
    return Hello(plate.key, os.getpid(), platform.node(), own_kin(), cpus=own_cpus(), gpus=gpus)


def read_plate(folder: Path) -> Plate | None:
    """The plate in a study's folder; None where there is none.

    Raises `AblateError` for one that another user wrote: whoever is let in does what the other end says.
    """
    path = folder / PLATE
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as err:
        raise AblateError(
            f"{path}: cannot be read ({err.strerror})\n  only the user who runs the study can join it"
        ) from err
    with os.fdopen(handle, "rb") as file:
        if os.fstat(handle).st_uid != os.getuid():
            raise AblateError(f"{path}: another user runs this study\n  only that user can join it")
        text = file.read(LONGEST)
    try:
        return TypeAdapter(Plate).validate_json(text, strict=True)
    except ValueError as err:
        raise AblateError(
            f"{path}: is not what a running study writes there\n  remove it, and run the study without --join"
        ) from err


def write_plate(folder: Path, plate: Plate) -> None:
    """Put it into a study's folder, where from its first byte on only this user can read it. Raises `OSError`."""
    write_aside(folder / PLATE, TypeAdapter(Plate).dump_json(plate), mode=0o600)


def say_hello(line: socket.socket, hello: Hello) -> None:
    """Send first words: one line of JSON."""
    line.sendall(json.dumps(asdict(hello)).encode() + b"\n")


def hear_hello(line: socket.socket, *, seconds: float) -> Hello:
    """First words, within so many seconds; raises `OSError` or `ValueError` where none come.

    Read byte by byte, as a thousand of them are nothing: what follows on the line is not taken with them.
    """
    until, heard = time.monotonic() + seconds, bytearray()
    while not heard.endswith(b"\n"):
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no word in {seconds:g} seconds")
        line.settimeout(left)
        byte = line.recv(1)
        if not byte or len(heard) >= LONGEST:
            raise ValueError("the line ends without a word, or does not end")
        heard += byte
    return TypeAdapter(Hello).validate_json(bytes(heard), strict=True)
