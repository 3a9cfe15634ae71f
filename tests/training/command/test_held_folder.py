"""The folder of a trial waits for the processes of an earlier attempt."""

import os
import threading
import time

from ablate.training.command import held_folder as module
from ablate.training.command.held_folder import held_folder


def test_a_folder_is_made_anew(tmp_path):
    with held_folder(tmp_path, "t") as (folder, _):
        (folder / "old").touch()
    with held_folder(tmp_path, "t") as (folder, _):
        assert folder == tmp_path / "t"
        assert list(folder.iterdir()) == []


def test_a_second_attempt_waits_until_nobody_holds_the_first(tmp_path):
    with held_folder(tmp_path, "t") as (folder, descriptor):
        (folder / "old").touch()
        of_supervisor = os.dup(descriptor)
    ended = []
    threading.Timer(0.2, lambda: (ended.append(time.monotonic()), os.close(of_supervisor))).start()
    with held_folder(tmp_path, "t") as (folder, _):
        assert ended
        assert not (folder / "old").exists()


def test_it_does_not_wait_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LEAVE_SECONDS", 0.1)
    with held_folder(tmp_path, "t"), held_folder(tmp_path, "t") as (folder, _):
        assert folder.is_dir()
