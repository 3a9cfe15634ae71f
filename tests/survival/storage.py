"""Disks, databases and servers that fail while a study runs, or between two of its runs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from survival.acts import (
    DONE,
    INTERRUPTED,
    MOST_LINES,
    UNFINISHED,
    WRONG,
    NotHereError,
    ended,
    goes_on,
    midway,
    same_table,
)
from survival.kills import check_site
from survival.runs import NAME, PATIENCE, Site
from survival.servers import Server, free_port, hold
from survival.studies import Wholes, make_site

LOCKED_SECONDS = 20.0
CONNECT = "import sys; from ablate.tracking.store import connect; connect(sys.argv[1])"


def disk_full(root: Path, wholes: Wholes) -> list[str]:
    """The file system of the results is full in the middle of the study; then there is room again."""
    with _mounted(root / "reports"), make_site(root) as site:
        with site.run() as run:
            midway(run)
            ballast = _fill(root / "reports")
            said = ended(run, (UNFINISHED,), words=("space", "full"))
        ballast.unlink()
        return said + goes_on(site, wholes)


def disk_full_at_the_end(root: Path, wholes: Wholes) -> list[str]:
    """The same when the last trial has ended and the tables and the report are written."""
    with _mounted(root / "reports"), make_site(root) as site:
        last = len(wholes.of("small").parts)
        with site.run() as run:
            run.wait_until(lambda: len(run.seen("trial_ended")) == last)
            ballast = _fill(root / "reports")
            said = ended(run, (UNFINISHED,), words=("space", "full"))
        ballast.unlink()
        return said + goes_on(site, wholes)


def read_only(root: Path, wholes: Wholes) -> list[str]:
    """The results may not be written any more when the study is resumed."""
    with _mounted(root / "reports"), make_site(root) as site:
        with site.run() as run:
            midway(run)
            run.process.send_signal(signal.SIGINT)
            said = ended(run, (INTERRUPTED,), clear=False)
        _sudo("mount", "-o", "remount,ro", str(root / "reports"))
        try:
            with site.run() as run:
                said += ended(run, (UNFINISHED, WRONG), words=("read-only", "written", "permission"))
            said += _is_clear(site.call("report", NAME))
        finally:
            _sudo("mount", "-o", "remount,rw", str(root / "reports"))
        return said + goes_on(site, wholes)


def search_locked(root: Path, wholes: Wholes) -> list[str]:
    """Another process holds Optuna's file for 20 seconds."""
    return _locked(root, wholes, "reports/tiny/search.db", after=1)


def store_locked(root: Path, wholes: Wholes) -> list[str]:
    """Another process holds MLflow's file for 20 seconds."""
    return _locked(root, wholes, "mlflow.db", after=3)


def search_truncated(root: Path, wholes: Wholes) -> list[str]:
    """Half of Optuna's file is gone."""
    return _truncated(root, wholes, "reports/tiny/search.db")


def store_truncated(root: Path, wholes: Wholes) -> list[str]:
    """Half of MLflow's file is gone."""
    return _truncated(root, wholes, "mlflow.db")


def store_half_made(root: Path, wholes: Wholes) -> list[str]:
    """The process dies while MLflow makes the tables of a fresh file, at several moments; the next one can use it."""
    del wholes
    root.mkdir(parents=True)
    said = []
    for n in range(6):
        file = root / f"{n}.db"
        command = [sys.executable, "-c", CONNECT, f"sqlite:///{file}"]
        with subprocess.Popen(command, start_new_session=True) as process:
            while not file.exists() and process.poll() is None:
                time.sleep(0.01)
            time.sleep(0.4 * n)
            process.kill()
        again = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, start_new_session=True)
        if again.returncode:
            said.append(f"killed {0.4 * n:.1f} s after the file was there: {again.stderr.strip()[-300:]}")
        said += [f"left behind: {path.name}" for path in root.glob(".aside-*")]
    return said


def server_restarted(root: Path, wholes: Wholes) -> list[str]:
    """The MLflow server is gone for a while."""
    with Server(root / "server", free_port()) as server, _site_of(server, root) as site:
        with site.run() as run:
            midway(run)
            server.stop()
            time.sleep(5)
            server.start()
            said = ended(run, (DONE,), clear=False)
        return said + check_site(site, wholes.of("small"), store="server/server.db")


def server_gone(root: Path, wholes: Wholes) -> list[str]:
    """The MLflow server is gone for good; the study ends without it, and a later run tells it everything."""
    with Server(root / "server", free_port()) as server, _site_of(server, root) as site:
        with site.run() as run:
            midway(run)
            server.stop()
            said = ended(run, (DONE,), clear=False)
        said += same_table(site, wholes)
        server.start()
        with site.run() as run:
            said += ended(run, (DONE,), clear=False)
            if run.seen("trial_began"):
                said.append("a trial was trained again to tell MLflow of it")
        return said + check_site(site, wholes.of("small"), store="server/server.db")


def server_gone_at_the_start(root: Path, wholes: Wholes) -> list[str]:
    """The MLflow server does not answer when a study with results is resumed: refused, or spooled, and never lost."""
    with Server(root / "server", free_port()) as server, _site_of(server, root) as site:
        with site.run() as run:
            midway(run)
            run.process.send_signal(signal.SIGINT)
            said = ended(run, (INTERRUPTED,), clear=False)
        server.stop()
        with site.run() as run:
            said += ended(run, (DONE, WRONG), clear=False)
        server.start()
        with site.run() as run:
            said += ended(run, (DONE,), clear=False)
        return said + check_site(site, wholes.of("small"), store="server/server.db")


# What they share


def _is_clear(done: subprocess.CompletedProcess[str]) -> list[str]:
    if done.returncode == DONE or (done.returncode == WRONG and len(done.stderr.strip().splitlines()) <= MOST_LINES):
        return []
    return [f"{' '.join(done.args[2:])}: {done.returncode}: {done.stderr[-1000:]}"]


def _site_of(server: Server, root: Path) -> Site:
    return make_site(root, "small", "--tracking-uri", server.uri)


def _locked(root: Path, wholes: Wholes, file: str, *, after: int) -> list[str]:
    with make_site(root) as site:
        with site.run() as run:
            midway(run, after)
            with hold(root / file, LOCKED_SECONDS):
                said = ended(run, (DONE,), clear=False)
        return said + check_site(site, wholes.of("small"))


def _truncated(root: Path, wholes: Wholes, file: str) -> list[str]:
    """Stop a study, cut the file: there still is a report, and an error until the file is back, or it is healed."""
    with make_site(root) as site:
        with site.run() as run:
            midway(run)
            run.process.send_signal(signal.SIGINT)
            said = ended(run, (INTERRUPTED,), clear=False)
        whole, table = (root / file).read_bytes(), (site.folder / "results.csv").read_bytes()
        os.truncate(root / file, len(whole) // 2 + 100)
        report = site.call("report", NAME)
        if report.returncode != DONE:
            said.append(f"no report: {report.stderr[-600:]}")
        with site.run() as run:
            run.wait(PATIENCE)
            if run.process.returncode == DONE:
                return said + check_site(site, wholes.of("small"))
            said += ended(run, (UNFINISHED, WRONG), words=(Path(file).name,))
        if (site.folder / "results.csv").read_bytes() != table:
            said.append("results.csv is another one")
        (root / file).write_bytes(whole)
        return said + goes_on(site, wholes)


@contextmanager
def _mounted(folder: Path, *, megabytes: int = 48) -> Iterator[None]:
    """A small file system of its own at `folder`: ext4 in a file, or in memory where there are no loop devices."""
    folder.mkdir(parents=True)
    image = folder.with_suffix(".img")
    with image.open("wb") as file:
        file.truncate(megabytes * 2**20)
    try:
        subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True, capture_output=True)
        _sudo("mount", "-o", "loop", str(image), str(folder))
    except (OSError, subprocess.CalledProcessError, NotHereError):
        _sudo("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder))
    try:
        yield
    finally:
        _sudo("umount", str(folder))


def _sudo(*command: str) -> None:
    """Run what only the system's administrator may. Raises `NotHereError` where that is somebody else."""
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as err:
        raise NotHereError(f"{' '.join(command)}: {getattr(err, 'stderr', err)}") from err


def _fill(folder: Path) -> Path:
    """A file that takes all the room there is in the file system of `folder`."""
    ballast = folder / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        for size in (2**20, 2**12, 1):
            with suppress(OSError):
                while True:
                    file.write(b"\0" * size)
    return ballast
