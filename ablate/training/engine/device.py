"""Set up TensorFlow in this process before its first operation: determinism, threads, GPU memory, logging."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ablate.errors import AblateError
from ablate.storage.conditions import BACKEND


def prepare_tensorflow(threads: int | None = None) -> None:
    """Make TensorFlow quiet and deterministic, with `threads` (None: all) per operation and GPU memory on demand.

    Call before TensorFlow has run anything; equal threads give equal numbers to the bit. Raises `AblateError` if
    keras.json holds settings that these libraries refuse.
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
    tf.get_logger().setLevel("ERROR")  # it mistakes the programs of a study's structures for retracing


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


def _prepare_keras() -> None:
    """Import Keras, and with it the rest of TensorFlow; no setting of keras.json may decide a number."""
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
    """The device of this process: "GPU" and its model, or "CPU" and its threads. Starts TensorFlow's devices."""
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        return f"GPU {tf.config.experimental.get_device_details(gpu).get('device_name', '')}"
    return f"CPU {tf.config.threading.get_intra_op_parallelism_threads()} threads"


def threads_set() -> int:
    """The threads per operation set up for this process; 0: as many as it sees processors."""
    import tensorflow as tf

    return int(tf.config.threading.get_intra_op_parallelism_threads())


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
        raise AblateError(
            f"{path}: TensorFlow and Keras cannot start with this file{rule}\n  correct or remove the file"
        ) from err


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
