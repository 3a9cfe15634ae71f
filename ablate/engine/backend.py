"""What the engine asks of TensorFlow and `keras.ops` has not: compile, loop, map over trials, gradient, memory.

With `optimizers.Functional`, which gives TensorFlow the optimizer step that Keras has on JAX, this is all that a twin
on another backend would replace. `XlaOptimizationBarrier` is not in TensorFlow's public namespace; a test fails when it
moves, and `has_barrier` does without it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import tensorflow as tf

if TYPE_CHECKING:
    import numpy as np

Tensor: TypeAlias = Any  # TensorFlow has no types
Compiled: TypeAlias = Callable[..., Any]

OutOfMemory: type[Exception] = tf.errors.ResourceExhaustedError
WIDE = 512  # inputs of a product: measured, a transposed copy saves 8 to 12 % of a step at 3,072 and nothing at 100

try:
    from tensorflow.compiler.tf2xla.python.xla import optimization_barrier
except ImportError:
    optimization_barrier = None


def resident(array: "np.ndarray[Any, Any] | float", dtype: str | None = None) -> Tensor:
    """A copy on the device."""
    return tf.constant(array, dtype)


def rows_of(tensor: Tensor, indices: Tensor) -> Tensor:
    """The rows of a tensor at indices of any shape, all ≥ 0."""
    return tf.gather(tensor, indices)


def stack(rows: Sequence[Any]) -> Any:
    """Trees of tensors into one tree whose tensors have them as their first dimension."""
    return tf.nest.map_structure(lambda *tensors: tf.stack(tensors), *rows)


def replace_row(tree: Any, place: int, row: Any) -> Any:
    """A tree of stacked tensors with another row."""
    return tf.nest.map_structure(lambda t, new: tf.tensor_scatter_nd_update(t, [[place]], new[None]), tree, row)


def row_of(tree: Any, place: int) -> Any:
    """One row of a tree of stacked tensors."""
    return tf.nest.map_structure(lambda tensor: tensor[place], tree)


def loop(goes_on: Callable[..., Tensor], body: Callable[..., Any], start: Any) -> Any:
    """`body` on a tree of tensors while `goes_on` holds."""
    return tf.while_loop(goes_on, body, start)


def map_trials(function: Callable[..., Any], arguments: Any) -> Any:
    """`function` for each row of its arguments at once."""
    return tf.vectorized_map(lambda rows: function(*rows), arguments)


def compiled(
    function: Callable[..., Any], arguments: tuple[Any, ...], *, varying: tuple[int, ...], xla: bool
) -> Compiled:
    """`function` as a graph that is traced once; XLA compiles it for each shape of the `varying` arguments.

    Of these, the first dimension is loose: rows of an order, examples of a data set. An order's last one is, too.
    """

    def spec(tensor: Tensor) -> tf.TensorSpec:
        tensor = tf.convert_to_tensor(tensor)
        return tf.TensorSpec(tensor.shape, tensor.dtype)

    def loose(tensor: Tensor) -> tf.TensorSpec:
        shape = [None, *tensor.shape[1:].as_list()]
        if tensor.dtype == tf.int32 and len(shape) == 3:
            shape[2] = None
        return tf.TensorSpec(shape, tensor.dtype)

    signature = [
        loose(argument) if place in varying else tf.nest.map_structure(spec, argument)
        for place, argument in enumerate(arguments)
    ]
    graph: Compiled = tf.function(function, input_signature=signature, jit_compile=xla, autograph=False)
    return graph


def gradients(
    loss: Callable[[Sequence[Tensor]], tuple[Tensor, Any]], weights: Sequence[Tensor], *, xla: bool
) -> tuple[list[Tensor], Any]:
    """The gradients of the first result of `loss` by the weights, and its second result. Only inside a graph."""
    weights = [tf.identity(weight) for weight in weights]
    with _transposed_copies() if xla and has_barrier() else tf.name_scope("loss"):
        value, more = loss(weights)
    found = tf.gradients(value, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return found, more


def has_barrier() -> bool:
    """Whether wide products' gradients can be taken from transposed copies here, and should be: on a CPU."""
    return optimization_barrier is not None and not tf.config.list_physical_devices("GPU")


@contextmanager
def _transposed_copies() -> Iterator[None]:
    """Take the gradients of products that are built in the block by `_product_gradient`."""
    with tf.compat.v1.get_default_graph().gradient_override_map({"MatMul": _PRODUCT}):
        yield


_PRODUCT = "AblateMatMul"


@tf.RegisterGradient(_PRODUCT)  # type: ignore[untyped-decorator]  # TensorFlow has no types
def _product_gradient(op: tf.Operation, grad: Tensor) -> tuple[Tensor, Tensor]:
    """The gradient of a·b. A wide a is copied transposed before aᵀ·grad.

    XLA's product on a CPU reads a transposed left operand at half speed, and takes every transposition into the product
    that no barrier keeps out.
    """
    a, b = op.inputs
    turned = op.get_attr("transpose_a"), op.get_attr("transpose_b")
    match turned:
        case (False, False) if a.shape[1] is not None and a.shape[1] >= WIDE and b.shape[1] < a.shape[1]:
            by_b = tf.matmul(optimization_barrier(tf.transpose(a))[0], grad)
            return tf.matmul(grad, b, transpose_b=True), by_b
        case (False, False):
            return tf.matmul(grad, b, transpose_b=True), tf.matmul(a, grad, transpose_a=True)
        case (False, True):
            return tf.matmul(grad, b), tf.matmul(grad, a, transpose_a=True)
        case (True, False):
            return tf.matmul(b, grad, transpose_b=True), tf.matmul(a, grad)
        case _:
            both = {"transpose_a": True, "transpose_b": True}
            return tf.matmul(b, grad, **both), tf.matmul(grad, a, **both)
