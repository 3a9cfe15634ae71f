"""Set up Keras and its backend in this process before their first operation."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from ablate.errors import AblateError
from ablate.study.backend import VARIABLE, Backend


class Devices(Protocol):
    """A module of `ablate.training.engine.devices`."""

    def prepare(self, threads: int | None) -> None:
        """Set up the backend."""

    def gpu_names(self) -> list[str]:
        """The GPUs that it sees."""

    def device_name(self) -> str:
        """The device of this process."""

    def threads_set(self) -> int:
        """The threads of this process."""


def prepare_backend(backend: Backend, threads: int | None = None) -> None:
    """Let Keras run on a backend, quiet and deterministic, with `threads` (None: all) and GPU memory on demand.

    Call before the backend has run anything; equal threads give equal numbers to the bit. Raises `AblateError` if Keras
    runs on another backend here already, or if keras.json holds settings that these libraries refuse.
    """
    check_backend(backend)
    os.environ[VARIABLE] = backend
    with _quiet_standard_error(), _explained():
        _devices(backend).prepare(threads)
        _prepare_keras(backend)


def check_backend(backend: Backend) -> None:
    """Raise `AblateError` if Keras runs on another backend in this process: it cannot change."""
    running = running_backend()
    if running and running != backend:
        raise AblateError(
            f"Keras runs on {running} in this process, but the study trains on {backend}\n"
            f'  set {VARIABLE}={backend} before Keras is imported, or training.backend = "{running}"'
        )


def running_backend() -> str:
    """The backend that Keras runs on in this process; "" if Keras is not imported."""
    if "keras" not in sys.modules:
        return ""
    import keras

    return str(keras.backend.backend())


def limit_tensorflow(threads: int) -> None:
    """Limit the TensorFlow that user code has imported to `threads` per operation and to GPU memory on demand.

    Keras' settings stay the user's. What TensorFlow has begun with cannot be changed, and stays, too.
    """
    import tensorflow as tf

    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.experimental.enable_op_determinism()
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)


def visible_gpus(backend: Backend) -> list[str]:
    """The GPUs that a backend sees, by name. Starts its devices."""
    with _quiet_standard_error():
        return _devices(backend).gpu_names()


def device_name() -> str:
    """The device of this process: "GPU" and its model, or "CPU" and its threads. Starts the backend's devices."""
    return _running().device_name()


def threads_set() -> int:
    """The threads per operation set up for this process; 0: as many as it sees processors."""
    return _running().threads_set()


def _running() -> Devices:
    import keras

    return _devices(cast("Backend", keras.backend.backend()))


def _devices(backend: Backend) -> Devices:
    return cast("Devices", import_module(f"ablate.training.engine.devices.{backend}"))


def _prepare_keras(backend: Backend) -> None:
    """Import Keras; no setting of keras.json may decide a number."""
    import keras

    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    if backend == "jax":  # its messages are errors made anew from a text, which JAX's errors cannot be
        keras.config.disable_traceback_filtering()


@contextmanager
def _explained() -> Iterator[None]:
    """Name the file that TensorFlow and Keras read on import, if they cannot accept its content."""
    try:
        yield
    except (AssertionError, ValueError) as err:
        path = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "keras.json"
        if not path.is_file():
            raise
        rule = f": {err}" if str(err) else ""
        raise AblateError(f"{path}: Keras cannot start with this file{rule}\n  correct or remove the file") from err


@contextmanager
def _quiet_standard_error() -> Iterator[None]:
    """Capture what C++ prints during start-up, and show it only on failure.

    TensorFlow logs before it has read TF_CPP_MIN_LOG_LEVEL, straight to the file descriptor.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        except BaseException:
            said.seek(0)
            os.write(kept, said.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
