"""A study into processes of its own that are followed by their JSON lines, and killed wherever one likes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, final

MARK = "ABLATE_SURVIVAL"  # in the environment of all that a site starts, the workers of its workers included
NAME = "tiny"
PATIENCE = 600.0  # seconds for anything that ends; what takes longer hangs
Happening = dict[str, Any]  # one line of --json; Any: JSON


def processes(root: Path) -> list[int]:
    """All living processes of the site at `root`, whoever is their parent by now."""
    mark, found = f"{MARK}={root}".encode(), []
    for folder in Path("/proc").iterdir():
        with suppress(OSError):  # it ended, or is another user's
            if folder.name.isdigit() and mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def kill(pids: Iterable[int], number: int = signal.SIGKILL) -> None:
    """Send a signal to those that still live."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@final
class Run:
    """One process of a study. A context manager: leaving it ends the process, if it still runs, and its workers."""

    def __init__(self, command: Sequence[str], *, root: Path, environment: Mapping[str, str]) -> None:
        self.began, self.ended = time.monotonic(), 0.0
        self.events: list[Happening] = []
        self.times: list[float] = []  # of the events, seconds from the start
        self._root, self._news, self._is_over = root, threading.Condition(), False
        self._errors = root / f"stderr-{time.time_ns()}.txt"
        with self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                command, cwd=root, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=errors, start_new_session=True, text=True,
            )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            kill([*self.workers(), self.process.pid])
        self.process.wait()
        self._reader.join(1)  # a worker that has lost its parent may still hold the pipe
        if not self._reader.is_alive() and self.process.stdout is not None:
            self.process.stdout.close()

    def workers(self) -> list[int]:
        """The processes that train."""
        found = []
        for pid in processes(self._root):
            with suppress(OSError):
                is_spawned = b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
                parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
                if is_spawned and parent == self.process.pid:
                    found.append(pid)
        return found

    def wait_until(self, happened: Callable[[], object], *, timeout: float = PATIENCE) -> bool:
        """Whether it happened before the process ended; looked at with every event, and every 20 ms."""
        give_up = time.monotonic() + timeout
        with self._news:
            while not happened():
                if self._is_over or time.monotonic() > give_up:
                    return bool(happened())
                self._news.wait(0.02)
        return True

    def seen(self, kind: str) -> list[Happening]:
        """The events of a kind so far."""
        return [event for event in list(self.events) if event.get("event") == kind]

    def wait(self, timeout: float = PATIENCE) -> int:
        """The exit code, negative where a signal ended it. Raises `subprocess.TimeoutExpired` where it hangs."""
        code = self.process.wait(timeout)
        self.ended = time.monotonic() - self.began
        self._reader.join(5)
        return code

    def errors(self) -> str:
        """What it said on the error stream."""
        return self._errors.read_text(errors="replace")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                event = {"event": "text", "text": line}
            with self._news:
                self.times.append(time.monotonic() - self.began)
                self.events.append(event)
                self._news.notify_all()
        with self._news:
            self._is_over = True
            self._news.notify_all()


@dataclass(frozen=True)
class Site:
    """A folder of one study, with a store and a place for temporary files of its own.

    A context manager: leaving it ends every process that still runs here.
    """

    root: Path
    study: str  # the text of the study file
    options: tuple[str, ...] = ("--workers", "2", "--stack", "1", "--no-cache")
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.root / "tmp").mkdir(parents=True, exist_ok=True)
        self.write(self.study)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        kill(processes(self.root))

    @property
    def file(self) -> Path:
        """The study file."""
        return self.root / f"{NAME}.toml"

    @property
    def folder(self) -> Path:
        """Where its results go."""
        return self.root / "reports" / NAME

    @property
    def store(self) -> Path:
        """MLflow's database, unless an option names another store."""
        return self.root / "mlflow.db"

    def write(self, study: str) -> None:
        """Another text for the study file."""
        self.file.write_text(study)

    def whole_environment(self) -> dict[str, str]:
        """Of all processes here."""
        kept = {k: v for k, v in os.environ.items() if k not in ("MLFLOW_TRACKING_URI", "ABLATE_DATA_DIR")}
        own = {MARK: str(self.root), "TMPDIR": str(self.root / "tmp"), "NO_COLOR": "1", "CUDA_VISIBLE_DEVICES": "-1"}
        return {**kept, **own, "TF_CPP_MIN_LOG_LEVEL": "3", **self.environment}

    def command(self, *options: str) -> list[str]:
        """The command line that runs the study."""
        return [sys.executable, "-m", "ablate.cli.main", "study", str(self.file), *self.options, *options]

    @contextmanager
    def run(self, *options: str) -> Iterator[Run]:
        """The study's command, followed by its JSON lines."""
        environment = self.whole_environment()
        with Run(self.command("--json", *options), root=self.root, environment=environment) as run:
            yield run

    def call(self, *arguments: str, timeout: float = PATIENCE) -> subprocess.CompletedProcess[str]:
        """Another command of ablate, to its end."""
        command = [sys.executable, "-m", "ablate.cli.main", *arguments]
        environment = self.whole_environment()
        return subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, timeout=timeout,
            start_new_session=True,
        )  # fmt: skip

    def settled(self) -> set[str]:
        """The trials that the journal knows the end of."""
        from ablate.storage.journal import Journal

        return set(Journal(self.folder / "trials.jsonl").known())
