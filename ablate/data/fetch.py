"""Download a `keras.datasets` set as an .npz file, in a subprocess that gives up soon without a network.

A subprocess, because Keras prints its progress, takes seconds to import and waits on sockets without a timeout;
its output is kept from the terminal, and stopping it leaves nothing behind in this process.
"""

import _thread
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

SILENT_SECONDS = 10.0  # longest wait for a connection or for the next bytes
TOTAL_SECONDS = 1800.0  # CIFAR-10 is 170 MB
_GRACE_SECONDS = 60.0  # seconds for the subprocess to clean up


class FetchError(Exception):
    """The data set could not be fetched; the message is one line."""


def fetch_from_keras(name: str, path: Path) -> None:
    """Write `keras.datasets.<name>.load_data()` to `path`; raises `FetchError` if that fails."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    command = [sys.executable, "-P", "-m", "ablate.data.fetch", name, str(path)]
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=TOTAL_SECONDS + _GRACE_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired as err:
        raise FetchError(f"not finished after {TOTAL_SECONDS:.0f} s") from err
    except OSError as err:
        raise FetchError(str(err)) from err
    if done.returncode != 0 or not path.exists():
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise FetchError(lines[-1].removeprefix("Exception: "))


def _fetch_here(name: str, path: Path) -> None:
    import importlib

    import keras

    from ablate.data.npz import write_npz

    _bound_waiting()
    keras.config.set_image_data_format("channels_last")
    (x_train, y_train), (x_test, y_test) = importlib.import_module(f"keras.datasets.{name}").load_data()
    write_npz(path, {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test})


def _bound_waiting() -> None:
    """Limit waiting to `TOTAL_SECONDS` in all and `SILENT_SECONDS` for each address of the host."""
    # Not a kill from outside: when interrupted, Keras removes its partial file, which it would take for complete next
    # time.
    timer = threading.Timer(TOTAL_SECONDS, _thread.interrupt_main)
    timer.daemon = True
    timer.start()
    socket.setdefaulttimeout(SILENT_SECONDS)


if __name__ == "__main__":
    _fetch_here(sys.argv[1], Path(sys.argv[2]))
