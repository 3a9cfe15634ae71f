"""Set up TensorFlow before its first operation: determinism, threads, GPU memory, logging."""

import os


def prepare(threads: int | None) -> None:
    """Make TensorFlow quiet and deterministic, with `threads` (None: all) per operation and GPU memory on demand."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    tf.get_logger().setLevel("ERROR")  # it mistakes the programs of a study's structures for retracing


def gpu_names() -> list[str]:
    """The GPUs that TensorFlow sees."""
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
