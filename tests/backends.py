"""What tests need of the backend that Keras runs on in this process: `KERAS_BACKEND` names it, else TensorFlow's."""

import os

import pytest

ON_JAX = os.environ.get("KERAS_BACKEND") == "jax"
tensorflow_only = pytest.mark.skipif(ON_JAX, reason="of TensorFlow's backend")
NO_ROOM = "JaxRuntimeError: RESOURCE_EXHAUSTED: no room" if ON_JAX else "ResourceExhaustedError: no room"
# Keras, or a user's code, asks for numbers of 64 bits, which JAX narrows; workers leave its warning out.
narrowed = pytest.mark.filterwarnings("ignore:Explicitly requested dtype:UserWarning")
jax_only = pytest.mark.skipif(not ON_JAX, reason="of JAX's backend")


def short_of_memory() -> Exception:
    """The error that the backend raises where a device has no memory left."""
    if ON_JAX:
        import jax

        return jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: no room")
    import tensorflow as tf

    return tf.errors.ResourceExhaustedError(None, None, "no room")


def internal_error(message: str) -> Exception:
    """The error in which the backend says that something failed within it."""
    if ON_JAX:
        import jax

        return jax.errors.JaxRuntimeError(message)
    import tensorflow as tf

    return tf.errors.InternalError(None, None, message)


def gradient(loss, variable):
    """The gradient of the first result of `loss()` by a variable of Keras, by the backend itself; the second result."""
    if ON_JAX:
        import jax
        import keras

        def at(value):
            with keras.StatelessScope([(variable, value)]):
                return loss()

        return jax.grad(at, has_aux=True)(variable.value)
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value, more = loss()
    return tape.gradient(value, variable.value), more
