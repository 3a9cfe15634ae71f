"""Connect this process to a Ray cluster, with the code and the environment that a study's workers need there."""

import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, final

import ray

from ablate.errors import AblateError, reason_of
from ablate.storage.conditions import FLAGS, NUMPY_FLAGS, PACKAGE
from ablate.study.backend import VARIABLE
from ablate.text import printable
from ablate.workers.cluster.address import JOB

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
ENVIRONMENT = (*FLAGS, *NUMPY_FLAGS, VARIABLE)  # what numbers depend on: a machine gets the driver's values


@contextmanager
def connected(address: str, code: Path | None, *, on_cpu: bool, on_notice: Callable[[str], None]) -> Iterator[None]:
    """Connect to a running cluster until the end of the block; none is ever started here.

    `code` is a folder with a study's own code, which goes to the machines, as this package does; `on_cpu`: no GPU is
    visible to workers. What Ray prints meanwhile goes to `on_notice`. Raises `AblateError` if there is no cluster, or
    if it refuses.
    """
    if os.environ.get(JOB):
        os.environ["RAY_OVERRIDE_JOB_RUNTIME_ENV"] = "1"  # the job has an environment of its own, which Ray merges
    with _printing_to(on_notice):
        try:
            ray.init(
                address=address,
                runtime_env=_environment(code, on_cpu=on_cpu),
                log_to_driver=False,
                configure_logging=False,
                include_dashboard=False,
            )
        except Exception as err:  # Ray raises a dozen kinds
            raise AblateError(_refusal(address, err)) from err
        try:
            yield
        finally:
            ray.shutdown()


def _environment(code: Path | None, *, on_cpu: bool) -> dict[str, Any]:  # Any: JSON
    variables = {name: os.environ[name] for name in ENVIRONMENT if os.environ.get(name)}
    if on_cpu:
        variables["CUDA_VISIBLE_DEVICES"] = "-1"  # an actor without a GPU of its own would see all of them
    found: dict[str, Any] = {"py_modules": [os.fspath(PACKAGE)], "env_vars": variables}
    if code is not None:
        found["working_dir"] = os.fspath(code)
    return found


def _refusal(address: str, err: Exception) -> str:
    where = "this machine is in no cluster, and RAY_ADDRESS names none" if address == "auto" else reason_of(err)
    if "token" in str(err).lower() or "auth" in type(err).__name__.lower():
        return (
            f"--cluster {printable(address)}: the cluster asks for its token: {reason_of(err)}\n"
            "  set RAY_AUTH_MODE=token, and put the cluster's token into ~/.ray/auth_token"
        )
    if address == "auto" and isinstance(err, ConnectionError):
        out = "start one with: ray start --head; other machines join with: ray start --address=HOST:6379"
        return f"--cluster auto: {where}\n  {out}"
    out = "is it running there (ray status)? One with a token needs RAY_AUTH_MODE=token and ~/.ray/auth_token"
    return f"--cluster {printable(address)}: cannot connect: {reason_of(err)}\n  {out}"


@contextmanager
def _printing_to(on_notice: Callable[[str], None]) -> Iterator[None]:
    """Send what Ray's own threads print to `on_notice`: it must reach neither a display nor lines of JSON."""
    before = sys.stdout
    sys.stdout = _WithoutRay(before, on_notice)  # a stream in all that is used
    try:
        yield
    finally:
        sys.stdout = before


@final
class _WithoutRay:
    """A text stream that leaves out what threads of Ray's write, which becomes notices line by line."""

    def __init__(self, stream: IO[str], on_notice: Callable[[str], None]) -> None:
        self._stream, self._on_notice = stream, on_notice

    def write(self, text: str) -> int:
        """Write text, or pass on its lines."""
        if not threading.current_thread().name.startswith("ray_"):
            return self._stream.write(text)
        for line in _COLOURS.sub("", text).splitlines():
            if said := line.strip().removeprefix("(raylet)").strip():
                self._on_notice(f"Ray: {printable(said, 300)}")
        return len(text)

    def __getattr__(self, name: str) -> Any:  # Any: other attributes of the stream
        return getattr(self._stream, name)
