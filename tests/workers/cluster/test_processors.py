import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ablate.errors import AblateError
from ablate.workers.cluster.processors import ProcessorClaim, private_folder

CPUS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
pytestmark = pytest.mark.skipif(len(CPUS) < 2, reason="needs two processors that can be chosen")
HOLD = """
import sys
from pathlib import Path
from ablate.workers.cluster.processors import ProcessorClaim
claim = ProcessorClaim(int(sys.argv[1]), folder=Path(sys.argv[2]))
claim.of_worker(4711)
print(*claim.cpus, flush=True)
sys.stdin.read()
"""


@contextmanager
def another(n: int, folder: Path) -> Iterator[set[int]]:
    """The processors of another process, which is killed at the end of the block."""
    command = [sys.executable, "-c", HOLD, str(n), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield {int(cpu) for cpu in process.stdout.readline().split()}
        process.kill()


@pytest.fixture
def two_cpus(monkeypatch) -> set[int]:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(CPUS[:2]))
    return set(CPUS[:2])


def test_two_processes_have_different_processors_until_one_is_killed(tmp_path):
    with another(len(CPUS) - 1, tmp_path) as theirs:
        mine = ProcessorClaim(1, folder=tmp_path)
        assert mine.cpus == set(CPUS) - theirs
        assert mine.others() == [4711]
    assert mine.others() == []
    after = ProcessorClaim(len(CPUS) - 1, folder=tmp_path)
    assert after.cpus == theirs
    for claim in (mine, after):
        claim.release()


def test_where_too_few_are_left_they_are_shared(tmp_path, two_cpus):
    first, second, third = (ProcessorClaim(n, folder=tmp_path) for n in (1, 2, 1))
    assert len(first.cpus) == 1
    assert second.cpus == two_cpus
    assert len(third.cpus) == 1
    first.release()
    fourth = ProcessorClaim(1, folder=tmp_path)
    assert fourth.cpus == first.cpus
    for claim in (second, third, fourth):
        claim.release()


@pytest.mark.usefixtures("two_cpus")
def test_a_worker_of_more_threads_than_processors_is_not_pinned(tmp_path):
    assert ProcessorClaim(3, folder=tmp_path).cpus == frozenset()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("two_cpus")
def test_others_are_told_by_the_processes_of_their_workers(tmp_path):
    mine, theirs = ProcessorClaim(1, folder=tmp_path), ProcessorClaim(1, folder=tmp_path)
    assert mine.others() == []  # it has no worker yet
    theirs.of_worker(1234567)
    theirs.of_worker(99)
    assert (mine.others(), theirs.others()) == ([99], [])
    theirs.release()
    assert mine.others() == []
    after = ProcessorClaim(1, folder=tmp_path)
    assert mine.others() == []  # not the process before
    after.release()
    mine.release()


def test_processors_are_taken_in_no_order(tmp_path, monkeypatch):
    """Several containers of a machine may see the same ones, and a temporary folder each."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    claims = [ProcessorClaim(1, folder=tmp_path / str(n)) for n in range(8) if not (tmp_path / str(n)).mkdir()]
    assert len({claim.cpus for claim in claims}) > 1
    for claim in claims:
        claim.release()


def test_a_folder_is_this_users_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "mine").mkdir(mode=0o755)
    assert private_folder("mine").stat().st_mode & 0o777 == 0o700
    assert private_folder("new").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("kind", ["another's", "link", "file", "dangling"])
def test_a_folder_that_others_have_made_is_refused(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    path, there = tmp_path / "ablate", tmp_path / "there"
    match kind:
        case "another's":
            path.mkdir()
            monkeypatch.setattr(os, "getuid", lambda: 12345)
        case "link":
            there.mkdir()
            path.symlink_to(there)
        case "dangling":
            path.symlink_to(there)
        case "file":
            path.touch()
    with pytest.raises(AblateError, match=r"/ablate: belongs to another user\n  set the environment variable TMPDIR"):
        private_folder("ablate")
