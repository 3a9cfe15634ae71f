"""MLflow servers that come and go, and databases that somebody else holds."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self, final

START_SECONDS = 120.0


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


@final
class Server:
    """An `mlflow server` on this machine alone, with its database in `folder` unless `store` names another.

    A context manager.
    """

    def __init__(
        self, folder: Path, port: int, *, store: str = "", environment: Mapping[str, str] | None = None
    ) -> None:
        folder.mkdir(parents=True)
        self.uri = f"http://127.0.0.1:{port}"
        self._folder, self._port = folder, port
        self._store, self._environment = store or f"sqlite:///{folder / 'server.db'}", environment or {}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        from ablate.tracking import UI_ENVIRONMENT

        command = [
            sys.executable, "-m", "mlflow", "server", "--backend-store-uri", self._store,
            "--artifacts-destination", str(self._folder / "artifacts"), "--host", "127.0.0.1", "--port",
            str(self._port), "--workers", "1",
        ]  # fmt: skip
        with (self._folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self._folder, env={**os.environ, **UI_ENVIRONMENT, **self._environment}, stdout=log,
                stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        give_up = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > give_up:
                self.stop()
                raise AssertionError(f"no server: {(self._folder / 'log.txt').read_text()[-1000:]}")
            time.sleep(0.2)

    def stop(self) -> None:
        """End it at once, with all its processes."""
        if self._process is not None:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@contextmanager
def hold(path: Path, seconds: float) -> Iterator[None]:
    """Lock an SQLite file for everybody else, readers too, for some seconds from now; the block goes on."""
    held = threading.Event()

    def work() -> None:
        with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as database:
            database.execute("BEGIN EXCLUSIVE")
            held.set()
            time.sleep(seconds)
            database.execute("ROLLBACK")

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert held.wait(40), f"{path} could not be locked"
        yield
    finally:
        thread.join()
