import errno
import fcntl
import os
import platform
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import SoftFileLock

from ablate.errors import AblateError
from ablate.storage.files import lock
from ablate.storage.files.lock import OWNER, SOFT_LOCK, FolderLock

HOLD = """
import sys
from pathlib import Path
from ablate.storage.files.lock import FolderLock
lock = FolderLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def hold(folder: Path) -> subprocess.Popen:
    """A process that holds the folder until it is killed."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdin=-1, stdout=-1, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen) -> None:
    process.kill()
    process.communicate()


def test_a_second_process_is_told_who_holds_the_folder_and_the_two_ways_out(tmp_path):
    process = hold(tmp_path / "x")
    try:
        with pytest.raises(AblateError) as refused:
            FolderLock(tmp_path / "x")
    finally:
        end(process)
    first, second = str(refused.value).splitlines()
    who = f"(pid {process.pid} on {platform.node()}, since "
    assert first.startswith(f"{tmp_path / 'x'}: another process is running this study {who}")
    assert second == "  wait for it, or choose another folder with --out"


def test_what_a_killed_process_held_is_free_and_it_is_said_whose_it_was(tmp_path):
    process = hold(tmp_path)
    end(process)
    mine = FolderLock(tmp_path)
    assert mine.left_by.startswith(f"pid {process.pid} on {platform.node()}, since ")
    mine.release()
    after = FolderLock(tmp_path)
    assert after.left_by == ""
    after.release()


def test_an_owner_alone_locks_nothing_and_cannot_steer_a_terminal(tmp_path):
    (tmp_path / OWNER).write_bytes(b"pid 1 on \x1b[2Jhost\xff\n\n")
    mine = FolderLock(tmp_path)
    assert mine.left_by == "pid 1 on \\x1b[2Jhost\ufffd"
    mine.release()


def test_of_two_processes_that_start_at_once_one_gets_the_folder(tmp_path):
    code = "import sys; from pathlib import Path; from ablate.storage.files.lock import FolderLock\n" + (
        "sys.stdin.readline()\n"
        "try:\n    lock = FolderLock(Path(sys.argv[1])); print('won', flush=True); sys.stdin.read()\n"
        "except Exception as err: print('lost', flush=True)"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "x")], stdin=-1, stdout=-1, text=True)
        for _ in range(2)
    ]
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = sorted(process.stdout.readline() for process in both)
    for process in both:
        end(process)
    assert said == ["lost\n", "won\n"]


def test_a_folder_that_was_renamed_meanwhile_is_not_the_one_that_is_locked(tmp_path):
    folder, aside = tmp_path / "x", tmp_path / "aside"
    first = FolderLock(folder)
    first.rename(folder, aside)
    second = FolderLock(folder)
    assert not (aside / OWNER).exists()
    with pytest.raises(AblateError, match="another process is running this study"):
        FolderLock(folder)
    second.release()


@pytest.mark.parametrize("is_made_anew", [True, False])
def test_a_folder_that_is_renamed_while_its_lock_is_asked_for_is_not_the_one_that_is_held(
    tmp_path, monkeypatch, is_made_anew
):
    folder, aside, locked = tmp_path / "x", tmp_path / "aside", lock._locked

    def too_late(asked):
        got = locked(asked)
        if not aside.exists():
            folder.rename(aside)
            if is_made_anew:
                folder.mkdir()
        return got

    monkeypatch.setattr(lock, "_locked", too_late)
    mine = FolderLock(folder)
    assert (folder / OWNER).exists()
    with pytest.raises(AblateError, match="another process is running this study"):
        FolderLock(folder)
    FolderLock(aside).release()
    mine.release()


@pytest.fixture(params=[errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK])
def no_flock(request, monkeypatch):
    """A file system that cannot lock a file."""

    def refuse(*_):
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(lock, "PATIENCE", 0.1)


def soft_file(folder: Path) -> Path:
    mine = FolderLock(folder)
    assert (folder / SOFT_LOCK).read_text()
    mine.release()
    assert not (folder / SOFT_LOCK).exists()
    return folder / SOFT_LOCK


@pytest.mark.usefixtures("no_flock")
def test_where_files_cannot_be_locked_a_second_process_is_refused_all_the_same(tmp_path):
    path = soft_file(tmp_path)
    mine = FolderLock(tmp_path)
    with pytest.raises(
        AblateError, match=rf"another process is running this study \(pid {os.getpid()} on .*\n.*\n.* remove {path}"
    ):
        FolderLock(tmp_path)
    mine.release()
    FolderLock(tmp_path).release()


@pytest.mark.usefixtures("no_flock")
def test_where_files_cannot_be_locked_a_dead_process_lock_is_taken_over_another_machines_is_not(tmp_path):
    path = soft_file(tmp_path)
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    mine = SoftFileLock(tmp_path / "name")
    with mine:
        host = (tmp_path / "name").read_text().splitlines()[1]
    path.write_text(f"{int(dead.stdout)}\n{host}\n")
    (tmp_path / OWNER).write_text(f"pid {int(dead.stdout)} on {socket.gethostname()}, since yesterday\n")
    mine = FolderLock(tmp_path)
    assert mine.left_by.endswith("since yesterday")
    mine.release()
    path.write_text(f"{os.getpid()}\nfar-away\n")
    (tmp_path / OWNER).write_text("pid 7 on far-away, since yesterday\n")
    with pytest.raises(AblateError, match=rf"pid 7 on far-away(.|\n)*remove {path}"):
        FolderLock(tmp_path)


def test_a_folder_that_cannot_be_made_is_an_error_of_the_disk(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="Not a directory"):
        FolderLock(tmp_path / "file" / "x")
