"""Two machines for tests, joined by a line that can be cut: a bridge here, and a node in a network namespace.

The line is cut between bridge and namespace, so that both sides keep their own addresses, as behind a dead switch.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from clusters import BESIDE

HEAD, FAR = "10.213.77.1", "10.213.77.2"
PORT = 26379
START_SECONDS = 90


def can_cut() -> bool:
    """Whether this user may make network namespaces and bridges."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = f"can-{secrets.token_hex(3)}"
    made = [_try("netns", "add", name), _try("link", "add", name, "type", "bridge")]
    _try("netns", "del", name)
    _try("link", "del", name)
    return all(made)


class Line:
    """The line between the head, on this side, and the far node."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.address = f"{HEAD}:{PORT}"
        self.is_cut = False  # or was
        self.is_back = threading.Event()

    def cut(self, seconds: float) -> None:
        """Cut it, and join it again after a while."""
        self.is_cut = True
        _ip("link", "set", f"{self._name}-a", "down")
        timer = threading.Timer(seconds, self._join)
        timer.daemon = True
        timer.start()

    def _join(self) -> None:
        _try("link", "set", f"{self._name}-a", "up")
        self.is_back.set()


@contextmanager
def two_machines() -> Iterator[Line]:
    """A head with one processor here, where the driver is, and a node with one beyond the line."""
    mark = f"ABLATE_CUT={secrets.token_hex(8)}"
    name = f"ab{mark[-5:]}"
    started: list[subprocess.Popen[bytes]] = []
    folder = tempfile.mkdtemp(prefix="cut-")  # a short path: Ray's sockets lie in it
    try:
        _lay(name)
        common = ["--num-cpus=1", f"--object-store-memory={100 * 2**20}", "--disable-usage-stats", "--block"]
        started.append(
            start_ray(mark, ["--head", f"--port={PORT}", f"--node-ip-address={HEAD}", f"--temp-dir={folder}", *common])
        )
        _wait_for(1)
        far = [f"--address={HEAD}:{PORT}", f"--node-ip-address={FAR}", *common]
        started.append(start_ray(mark, far, inside=["ip", "netns", "exec", name]))
        _wait_for(2)
        yield Line(name)
    finally:
        end_all(mark)
        for process in started:
            process.wait()
        _try("netns", "del", name)
        _try("link", "del", f"{name}-a")
        _try("link", "del", name)
        shutil.rmtree(folder, ignore_errors=True)


def _lay(name: str) -> None:
    """A bridge with the head's address, and a pair of interfaces from there into a namespace."""
    near, far = f"{name}-a", f"{name}-b"
    _ip("netns", "add", name)
    _ip("link", "add", name, "type", "bridge")
    _ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", name)
    _ip("link", "set", near, "master", name)
    _ip("addr", "add", f"{HEAD}/24", "dev", name)
    _ip("-n", name, "addr", "add", f"{FAR}/24", "dev", far)
    for options in (["link", "set", name, "up"], ["link", "set", near, "up"]):
        _ip(*options)
    for device in ("lo", far):
        _ip("-n", name, "link", "set", device, "up")


def start_ray(mark: str, options: Sequence[str], *, inside: Sequence[str] = ()) -> "subprocess.Popen[bytes]":
    variable, _, value = mark.partition("=")
    beside = os.pathsep.join([str(BESIDE), os.environ.get("PYTHONPATH", "")])
    environ = {**os.environ, variable: value, "PYTHONPATH": beside, "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
    command = [*inside, sys.executable, "-m", "ray.scripts.scripts", "start", *options]
    return subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _wait_for(nodes: int) -> None:
    """Wait until the cluster has so many nodes."""
    from ray._raylet import GcsClient

    until = time.monotonic() + START_SECONDS
    while True:
        with suppress(Exception):  # it does not listen yet
            there = GcsClient(address=f"{HEAD}:{PORT}").get_all_node_info(timeout=5)
            if len(there) >= nodes:
                return
        if time.monotonic() > until:
            raise TimeoutError(f"no cluster of {nodes} nodes after {START_SECONDS} s")
        time.sleep(0.2)


def end_all(mark: str) -> None:
    """Kill all that was started with the mark in its environment."""
    for _ in range(3):
        for process in Path("/proc").iterdir():
            with suppress(OSError):  # no process, or one that has just ended
                if process.name.isdigit() and mark.encode() in (process / "environ").read_bytes().split(b"\0"):
                    os.kill(int(process.name), signal.SIGKILL)
        time.sleep(0.3)


def _ip(*options: str) -> None:
    subprocess.run(["ip", *options], check=True, capture_output=True)


def _try(*options: str) -> bool:
    return subprocess.run(["ip", *options], check=False, capture_output=True).returncode == 0
