"""What the engine asks of TensorFlow, against TensorFlow's own way."""

import keras
import numpy as np
import pytest
from backends import tensorflow_only

from ablate.training.engine.backend import tensorflow as backend

tf = pytest.importorskip("tensorflow")
pytestmark = tensorflow_only

RNG = np.random.default_rng(0)


def both_ways(loss, weights, *, xla):
    """The gradients of a program's way and of a tape."""

    @tf.function(jit_compile=xla, autograph=False)
    def ours():
        return backend.gradients(lambda w: (loss(w), ()), weights, xla=xla)[0]

    with tf.GradientTape() as tape:
        tape.watch(weights)
        value = loss(weights)
    return ours(), tape.gradient(value, weights, unconnected_gradients="zero")


@pytest.mark.parametrize("wide", [4, 1000])
@pytest.mark.parametrize("turned", [(False, False), (False, True), (True, False), (True, True)])
def test_products_have_their_gradients_however_their_operands_lie(turned, wide, monkeypatch):
    monkeypatch.setattr(backend, "WIDE", wide)
    a, b = RNG.standard_normal((3, 8)), RNG.standard_normal((8, 5))
    operands = [tf.constant(m.T if t else m, tf.float32) for m, t in zip((a, b), turned, strict=True)]

    def loss(weights):
        return tf.reduce_sum(tf.sin(tf.matmul(*weights, transpose_a=turned[0], transpose_b=turned[1])))

    for mine, tapes in zip(*both_ways(loss, operands, xla=True), strict=True):
        np.testing.assert_allclose(mine, tapes, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("xla", [True, False])
def test_a_weight_that_does_nothing_has_a_gradient_of_zero(xla):
    weights = [tf.ones(3), tf.ones(2)]
    for mine, tapes in zip(*both_ways(lambda w: tf.reduce_sum(w[0] ** 2), weights, xla=xla), strict=True):
        np.testing.assert_array_equal(mine, tapes)


def test_a_loop_in_the_model_is_differentiated_too():
    cell = keras.layers.SimpleRNN(4, seed=1)
    x = tf.constant(RNG.standard_normal((2, 5, 3)), tf.float32)
    cell.build(x.shape)
    weights = [tf.constant(v.value) for v in cell.trainable_variables]

    def loss(w):
        return tf.reduce_sum(cell.stateless_call(w, [v.value for v in cell.non_trainable_variables], x)[0] ** 2)

    for mine, tapes in zip(*both_ways(loss, weights, xla=False), strict=True):
        np.testing.assert_allclose(mine, tapes, rtol=1e-5, atol=1e-5)


def test_the_barrier_is_where_it_was():
    """Without it an epoch of wide layers takes a tenth longer; nothing breaks."""
    assert backend.optimization_barrier is not None
    assert backend.has_barrier()


def test_a_wide_product_keeps_its_transposed_copy(monkeypatch):
    """XLA's compiled program has it as an operation of its own, which the product then reads."""
    x, w = (
        tf.constant(RNG.standard_normal((4, 600)), tf.float32),
        tf.constant(RNG.standard_normal((600, 3)), tf.float32),
    )

    def compiled_text(wide):
        monkeypatch.setattr(backend, "WIDE", wide)

        @tf.function(jit_compile=True, autograph=False)
        def gradient(x, w):
            return backend.gradients(lambda w: (tf.reduce_sum(tf.sin(x @ w[0])), ()), [w], xla=True)[0]

        return gradient.experimental_get_compiler_ir(x, w)(stage="optimized_hlo")

    assert "f32[600,4]" in compiled_text(512)
    assert "f32[600,4]" not in compiled_text(1000)


class Unspeakable(RuntimeError):  # noqa: N818  # a user's
    def __str__(self):
        raise ValueError


def caused(cause):
    err = ValueError("while this was built")
    err.__cause__ = cause
    return err


def its_own_cause():
    err = ValueError("again")
    err.__cause__ = err
    return err


@pytest.mark.parametrize(
    ("err", "is_short"),
    [
        (tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"), True),
        (MemoryError(), True),
        (np._core._exceptions._ArrayMemoryError((10,), np.dtype("f4")), True),
        (
            tf.errors.InternalError(None, None, "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes"),
            True,
        ),
        (tf.errors.InternalError(None, None, "Failed to allocate request for 2.0GiB on device ordinal 0"), True),
        (tf.errors.UnknownError(None, None, "CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("CUDA_ERROR_OUT_OF_MEMORY: out of memory"), True),
        (caused(MemoryError()), True),
        (tf.errors.InternalError(None, None, "something else"), False),
        (ValueError("out of memory, says a model about its own"), False),
        (Unspeakable(), False),
        (its_own_cause(), False),
    ],
)
def test_memory_that_ran_short_is_told_however_it_is_said(err, is_short):
    assert backend.is_out_of_memory(err) is is_short


def test_only_the_loose_dimensions_may_change():
    arguments = (tf.zeros((2, 3), tf.int32), [tf.zeros(4)])
    graph = backend.compiled(lambda a, b: tf.reduce_sum(a) + tf.size(b[0]), arguments, loose={0: (0,)}, xla=False)
    assert graph(tf.ones((5, 3), tf.int32), [tf.zeros(4)]).numpy() == 19
    with pytest.raises(TypeError):
        graph(tf.ones((5, 4), tf.int32), [tf.zeros(4)])


def test_gradients_by_rows_are_added_to_whole_ones():
    rows = tf.IndexedSlices(tf.ones((2, 3)), tf.constant([0, 2]), tf.constant([4, 3]))
    [total] = backend.added([tf.ones((4, 3))], [rows])
    assert total.numpy()[:, 0].tolist() == [2, 1, 2, 1]
