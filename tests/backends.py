"""What tests need of the backend that Keras runs on in this process: `KERAS_BACKEND` names it, else TensorFlow's."""

import os

import pytest

ON_JAX = os.environ.get("KERAS_BACKEND") == "jax"
tensorflow_only = pytest.mark.skipif(ON_JAX, reason="of TensorFlow's backend")
NO_ROOM = "JaxRuntimeError: RESOURCE_EXHAUSTED: no room" if ON_JAX else "ResourceExhaustedError: no room"
jax_only = pytest.mark.skipif(not ON_JAX, reason="of JAX's backend")


def short_of_memory() -> Exception:
    """The error that the backend raises where a device has no memory left."""
    if ON_JAX:
        import jax

        return jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: no room")
    import tensorflow as tf

    return tf.errors.ResourceExhaustedError(None, None, "no room")
