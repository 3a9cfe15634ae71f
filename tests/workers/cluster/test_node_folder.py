import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from ablate.data import load_arrays
from ablate.data import shared as module
from ablate.storage.files.lock import PREFIX
from ablate.workers.cluster.node_folder import NodeFolder


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_data_are_saved_once_for_all_workers(digits, monkeypatch):
    first, second, saved = NodeFolder("token"), NodeFolder("token"), []
    write = module._write
    monkeypatch.setattr(module, "_write", lambda data, folder: (saved.append(folder), write(data, folder)))
    arrays = first.arrays(digits)
    assert second.arrays(digits) == arrays
    assert len(saved) == 1
    assert load_arrays(arrays).digest == digits.digest
    assert arrays.parent == first.path
    assert first.path.stat().st_mode & 0o777 == 0o700
    first.leave()
    second.leave()


def test_the_folder_goes_with_the_last_that_holds_it(temporary):
    first, second, another = NodeFolder("token"), NodeFolder("token"), NodeFolder("another")
    first.leave()
    assert second.path.is_dir()
    second.leave()
    assert list(temporary.iterdir()) == [another.path]
    another.leave()


def test_a_folder_whose_holders_were_killed_is_removed_by_the_next_study(temporary, monkeypatch):
    code = "import os; from ablate.workers.cluster.node_folder import NodeFolder as F; F('killed'); os._exit(1)"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(temporary)}, check=False)
    killed, held = temporary / f"{PREFIX}killed", NodeFolder("held")
    assert killed.is_dir()  # it might have been made just now
    later = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: later)
    NodeFolder("next").leave()
    assert not killed.exists()
    assert held.path.is_dir()
    held.leave()
