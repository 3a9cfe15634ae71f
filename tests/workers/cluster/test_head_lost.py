"""The head of a cluster is killed while a study runs: nothing of it is lost, and a new head is enough to go on."""

import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cut_line import end_all, start_ray

sys.path.insert(0, str(Path(__file__).parents[2]))  # for the studies that are killed

from survival.kills import check_site
from survival.studies import Wholes, make_site

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
START_SECONDS = 60
RAYS_PATIENCE = 60  # seconds after which Ray ends a driver whose head is gone


@contextmanager
def head() -> Iterator[tuple[str, str]]:
    """A head with two processors: its address, and the mark in the environment of all its processes."""
    mark, port = f"ABLATE_HEAD={secrets.token_hex(8)}", _free_port()
    folder = tempfile.mkdtemp(prefix="head-")  # a short path: Ray's sockets lie in it
    options = ["--head", f"--port={port}", "--num-cpus=2", f"--temp-dir={folder}", "--include-dashboard=false"]
    started = start_ray(mark, [*options, f"--object-store-memory={100 * 2**20}", "--disable-usage-stats", "--block"])
    try:
        until = time.monotonic() + START_SECONDS
        while not _listens(port):
            assert time.monotonic() < until, "the head does not start"
            time.sleep(0.2)
        yield f"127.0.0.1:{port}", mark
    finally:
        end_all(mark)
        started.wait()
        shutil.rmtree(folder, ignore_errors=True)


def kill_head(mark: str) -> None:
    """Kill the process that keeps the cluster's state, and nothing else."""
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            is_ours = process.name.isdigit() and mark.encode() in (process / "environ").read_bytes().split(b"\0")
            if is_ours and b"gcs_server" in (process / "cmdline").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)


def test_after_the_heads_death_the_same_command_goes_on_with_a_new_head(tmp_path):
    whole = Wholes(tmp_path / "wholes").of("function")
    with make_site(tmp_path / "site", "function", safe=("--stack", "1", "--no-cache")) as site:
        with head() as (address, mark), site.run("--cluster", address) as run:
            assert run.wait_until(lambda: len(run.seen("trial_ended")) >= 3), run.errors()[-2000:]
            kill_head(mark)
            assert run.wait(RAYS_PATIENCE + 60) != 0 or len(run.seen("trial_ended")) == len(whole.results)
        settled = site.settled()
        assert settled
        with head() as (address, _), site.run("--cluster", address) as run:
            assert run.wait() == 0, run.errors()[-2000:]
            assert {event["trial"] for event in run.seen("trial_began")}.isdisjoint(settled)
        assert check_site(site, whole, without=("trained_on",)) == []


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
