"""This process's TensorFlow, set up before its first operation."""

import os


def prepare_tensorflow(threads: int | None = None) -> None:
    """Quiet, deterministic, with `threads` (None: all) threads an operation, and GPU memory taken as needed.

    Call before TensorFlow has run anything; equal threads give equal numbers to the bit.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")  # it counts the programs of a study's structures as retracing
    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
