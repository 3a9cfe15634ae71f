"""The folder that all workers of a study share on a machine of a cluster: the data once, and what they keep there."""

import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import final

import filelock

from ablate.data import Dataset, save_arrays
from ablate.storage.files.lock import ABANDONED_LOCK, PREFIX, sweep_scratch
from ablate.workers.cluster.processors import private_folder


@final
class NodeFolder:
    """The folder of a study's token on this machine. It goes with the last process that holds it.

    If that is killed, the next study that runs there removes the folder, as it does with those of killed studies.
    """

    def __init__(self, token: str) -> None:
        sweep_scratch()
        self.path = private_folder(f"{PREFIX}{token}")
        self._held = os.open(self.path / ABANDONED_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._held, fcntl.LOCK_SH)

    def arrays(self, data: Dataset) -> Path:
        """The folder of the data set; the first that asks for it writes it, the others wait."""
        with filelock.FileLock(self.path / ".data.lock"):
            return save_arrays(data, self.path)

    def leave(self) -> None:
        """Release the folder, and remove it if nobody else holds it."""
        with suppress(OSError):
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(self.path, ignore_errors=True)
        with suppress(OSError):
            os.close(self._held)
