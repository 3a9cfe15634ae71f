"""This process's TensorFlow, set up before its first operation."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ablate.errors import AblateError
from ablate.storage.conditions import BACKEND


def prepare_tensorflow(threads: int | None = None) -> None:
    """Quiet, deterministic, with `threads` (None: all) threads an operation, and GPU memory taken as needed.

    Call before TensorFlow has run anything; equal threads give equal numbers to the bit. Raises `AblateError` where
    keras.json holds what these libraries refuse.
    """
    os.environ["KERAS_BACKEND"] = BACKEND
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _quiet_standard_error(), _explained():
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        if threads is not None:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.experimental.enable_op_determinism()
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)
        _prepare_keras()
    tf.get_logger().setLevel("ERROR")  # it counts the programs of a study's structures as retracing


def _prepare_keras() -> None:
    """Import Keras, and with it the rest of TensorFlow; what keras.json says must decide no number."""
    import keras

    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")


def visible_gpus() -> list[str]:
    """The GPUs that TensorFlow sees, by name."""
    with _quiet_standard_error():
        import tensorflow as tf

        return [gpu.name for gpu in tf.config.list_physical_devices("GPU")]


def device_name() -> str:
    """What this process trains on: "GPU" and its model, or "CPU" and its threads. Starts TensorFlow's devices."""
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        return f"GPU {tf.config.experimental.get_device_details(gpu).get('device_name', '')}"
    return f"CPU {tf.config.threading.get_intra_op_parallelism_threads()} threads"


def threads_set() -> int:
    """The threads of an operation that this process was set up with; 0: as many as it sees processors."""
    import tensorflow as tf

    return int(tf.config.threading.get_intra_op_parallelism_threads())


@contextmanager
def _explained() -> Iterator[None]:
    """Name the file that TensorFlow and Keras read when they are imported, where they cannot take what it says."""
    try:
        yield
    except (AssertionError, ValueError) as err:
        path = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "keras.json"
        if not path.is_file():
            raise
        rule = f": {err}" if str(err) else ""
        raise AblateError(
            f"{path}: TensorFlow and Keras cannot start with this file{rule}\n  correct or remove the file"
        ) from err


@contextmanager
def _quiet_standard_error() -> Iterator[None]:
    """Keep what C++ says while it starts, and say it only where that fails.

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
