"""This process's TensorFlow, set up before its first operation."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


def prepare_tensorflow(threads: int | None = None) -> None:
    """Quiet, deterministic, with `threads` (None: all) threads an operation, and GPU memory taken as needed.

    Call before TensorFlow has run anything; equal threads give equal numbers to the bit.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _quiet_standard_error():
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        if threads is not None:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.experimental.enable_op_determinism()
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)
        import keras  # noqa: F401  # it imports the rest of TensorFlow
    tf.get_logger().setLevel("ERROR")  # it counts the programs of a study's structures as retracing


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
