"""Which cluster is asked for, and what can be said of that before Ray is imported."""

import ipaddress
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from ablate.errors import AblateError
from ablate.text import printable

OLDEST = (2, 60)  # as in the extra "cluster"
JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"  # set inside of `ray job submit`
_INSTALL = 'install it with: pip install "ablate-keras[cluster]"'
_STOP_WAIT = "RAY_JOB_STOP_WAIT_TIME_S"
_LEAST_STOP_WAIT = 15  # seconds from a job's SIGTERM to its SIGKILL in which running epochs end and results are written
_COPIES = "runtime_resources"  # of Ray: below it are copies of a job's files, which go with the job


@dataclass(frozen=True, slots=True)
class ClusterRequest:
    """The cluster on which a study is to run."""

    address: str  # "auto" or HOST:PORT
    threads: int = 1  # processors of each worker
    most: int | None = None  # workers; None: as many as there is room for
    mixed: bool = False  # also on machines whose numbers may differ from the others'


def cluster_request(
    address: str | None, *, threads: int | None, workers: int | None, mixed: bool = False
) -> ClusterRequest | None:
    """The request of a command line or a call; None for this machine."""
    if address is None:
        return None
    return ClusterRequest(address, threads=threads or 1, most=workers, mixed=mixed)


def check_unused(*, threads: int | None, mixed: bool) -> None:
    """Raise `AblateError` for options that mean nothing without a cluster."""
    for option, is_given in (("--threads", threads is not None), ("--mixed", mixed)):
        if is_given:
            raise AblateError(
                f"{option}: only with --cluster\n  on one machine, --workers divides the processors among workers"
            )


def check_cluster(address: str, *, out: Path, environ: Mapping[str, str] = os.environ) -> None:
    """Refuse, before anything starts, what cannot work. Raises `AblateError`."""
    if find_spec("ray") is None:
        raise AblateError(f"--cluster: Ray is not installed\n  {_INSTALL}")
    if (found := _numbers("ray")) and found < OLDEST:
        raise AblateError(f"--cluster: ray {version('ray')} is older than {'.'.join(map(str, OLDEST))}\n  {_INSTALL}")
    if address.startswith("ray://"):
        raise AblateError(
            f"--cluster {printable(address)}: Ray's client passes every call through a process of its own\n"
            "  run the study on a machine of the cluster with --cluster auto, or send it there with: ray job submit"
        )
    if address != "auto" and not _is_address(address):
        raise AblateError(f"--cluster {printable(address)}: must be auto or HOST:PORT, as in --cluster 10.0.0.5:6379")
    if _COPIES in out.resolve().parts and environ.get(JOB):
        raise AblateError(
            f"--out {printable(str(out))}: lies in the job's copy of its files, which Ray deletes with the job\n"
            "  name a folder that stays, on a disk that the cluster's machines share: --out /shared/reports"
        )


def cautions_of(address: str, *, environ: Mapping[str, str] = os.environ) -> Iterator[str]:
    """What the user should know of how this cluster is reached and stopped."""
    if environ.get("RAY_AUTH_MODE") != "token" and not _is_here(address if address != "auto" else _named(environ)):
        yield (
            "this cluster asks for no token: whoever reaches its ports runs code on its machines "
            "(RAY_AUTH_MODE=token, and a private network; docs/cluster.md says how)"
        )
    if environ.get(JOB) and _seconds(environ.get(_STOP_WAIT, "")) < _LEAST_STOP_WAIT:
        yield (
            "`ray job stop` kills this job 3 seconds after asking it to stop: set "
            f'{_STOP_WAIT}=60 in the job\'s "env_vars", so that running epochs can end'
        )


def token_faults(*, environ: Mapping[str, str] = os.environ) -> Iterator[tuple[str, str]]:
    """What is wrong with the file of this user's token, and the command that repairs it."""
    named = environ.get("RAY_AUTH_TOKEN_PATH")
    path = Path(named) if named else Path.home() / ".ray" / "auth_token"
    with suppress(OSError):
        if path.stat().st_mode & 0o077:
            yield f"{path} can be read by others on this machine", f"chmod 600 {path}"


def _named(environ: Mapping[str, str]) -> str:
    return environ.get("RAY_ADDRESS", "")


def _is_here(address: str) -> bool:
    """Whether an address is this machine's own, and so reaches nobody else; yes without an address."""
    host = address.removeprefix("http://").rpartition(":")[0] or address
    if not host or host in ("auto", "localhost", "local", socket.gethostname()):
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    return False


def _is_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return bool(host) and port.isdigit() and 0 < int(port) < 65536 and "/" not in text


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _numbers(library: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in version(library).split(".")[:2] if part.isdigit())
    except PackageNotFoundError:
        return ()
