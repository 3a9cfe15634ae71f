"""TensorFlow functions that `keras.ops` lacks: compile, loop, map over trials, gradients and out-of-memory errors.

`optimizers.Functional` gives TensorFlow the optimizer step that Keras has on JAX. `XlaOptimizationBarrier` is not in
TensorFlow's public namespace; a test fails when it moves, and `has_barrier` does without it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import tensorflow as tf

from ablate.data.array import Tensor
from ablate.training.engine.backend.memory import is_short_of_memory
from ablate.training.engine.backend.types import Compiled, Loose
from ablate.training.trial_error import contained_by

if TYPE_CHECKING:
    import numpy as np


ALWAYS_XLA = False
EAGER = "tf.config.run_functions_eagerly"  # what switches compiling off
OutOfMemory: type[Exception] = tf.errors.ResourceExhaustedError
WIDE = 512  # inputs of a product; measured: a transposed copy saves 8 to 12 % of a step at 3,072 inputs, nothing at 100
T = TypeVar("T")
try:
    from tensorflow.compiler.tf2xla.python.xla import optimization_barrier
except ImportError:
    optimization_barrier = None


def resident(array: "np.ndarray[Any, Any] | float", dtype: str | None = None) -> Tensor:
    """A copy of an array on the device."""
    return tf.constant(array, dtype)


def fed(batches: Callable[[], Iterator[Any]], *, like: Any, n: int) -> Any:
    """A data set of `n` batches a pass, each pass from a new call of `batches()`; `like` is one of them."""
    signature = tf.nest.map_structure(lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), like)
    made = tf.data.Dataset.from_generator(batches, output_signature=signature)
    return made.apply(tf.data.experimental.assert_cardinality(n)).prefetch(1)


def unpacked(step: Callable[..., Any]) -> Callable[..., Any]:
    """A model's own step that gets inputs without targets as from arrays, as it does here."""
    return step


def rows_of(tree: Any, indices: Tensor) -> Any:
    """The rows of the tensors of a tree at indices of any shape, all ≥ 0."""
    return tf.nest.map_structure(lambda tensor: tf.gather(tensor, indices), tree)


def stack(rows: Sequence[Any]) -> Any:
    """Stack trees of tensors along a new first dimension."""
    return tf.nest.map_structure(lambda *tensors: tf.stack(tensors), *rows)


def joined(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors one after the other along their first dimension."""
    return tf.concat(tensors, 0)


def replace_row(tree: Any, place: int, row: Any) -> Any:
    """A tree of stacked tensors with one row replaced."""
    return tf.nest.map_structure(lambda t, new: tf.tensor_scatter_nd_update(t, [[place]], new[None]), tree, row)


def row_of(tree: Any, place: int) -> Any:
    """One row of a tree of stacked tensors."""
    return tf.nest.map_structure(lambda tensor: tensor[place], tree)


def loop(goes_on: Callable[..., Tensor], body: Callable[..., Any], start: Any, *, at_once: int = 10) -> Any:
    """Repeat `body` on a tree of tensors while `goes_on` holds, with up to `at_once` rounds in parallel."""
    return tf.while_loop(goes_on, body, start, parallel_iterations=at_once)


def map_trials(function: Callable[..., Any], arguments: Any) -> Any:
    """Apply `function` to each row of its arguments at once."""
    return tf.vectorized_map(lambda rows: function(*rows), arguments)


def compiled(
    function: Callable[..., Any], arguments: tuple[Any, ...], *, loose: Mapping[int, Loose], xla: bool
) -> Compiled:
    """`function` as a graph that is traced once; XLA compiles it for each shape of the `loose` arguments.

    `loose` maps an argument's position to its dimensions that may change: rows of an order, examples of a data set; or
    to those of some tensors of a mapping, by name.
    """

    def spec(tensor: Tensor, free: tuple[int, ...] = ()) -> tf.TensorSpec:
        tensor = tf.convert_to_tensor(tensor)
        shape = [None if axis in free else length for axis, length in enumerate(tensor.shape)]
        return tf.TensorSpec(shape, tensor.dtype)

    def specs(argument: Any, free: Loose) -> Any:
        if isinstance(free, Mapping):
            return {name: specs(inner, free.get(name, ())) for name, inner in argument.items()}
        return tf.nest.map_structure(partial(spec, free=free), argument)

    signature = [specs(argument, loose.get(place, ())) for place, argument in enumerate(arguments)]
    graph: Compiled = tf.function(function, input_signature=signature, jit_compile=xla, autograph=False)
    return graph


def added(sums: Sequence[Tensor], gradients: Sequence[Tensor]) -> list[Tensor]:
    """The sums of two lists of gradients; sparse gradients of an embedding's rows become dense."""
    whole = [tf.reshape(tf.convert_to_tensor(g), total.shape) for total, g in zip(sums, gradients, strict=True)]
    return [total + gradient for total, gradient in zip(sums, whole, strict=True)]


def is_out_of_memory(err: BaseException) -> bool:
    """Whether an error or one of its causes reports a lack of memory: TensorFlow, XLA, CUDA or Python."""
    return is_short_of_memory(err, always=(OutOfMemory, MemoryError), by_message=(tf.errors.OpError, RuntimeError))


def gradients(
    loss: Callable[[Sequence[Tensor]], tuple[Tensor, Any]], weights: Sequence[Tensor], *, xla: bool
) -> tuple[list[Tensor], Any]:
    """The gradients of the first result of `loss` by the weights, and its second result. Only inside a graph."""
    weights = [tf.identity(weight) for weight in weights]
    with _transposed_copies() if xla and has_barrier() else tf.name_scope("loss"):
        value, more = loss(weights)
    found = tf.gradients(value, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return found, more


def either(flag: Tensor, one: Callable[[], Any], other: Callable[[], Any], *, both: bool) -> Any:
    """The tensors of `one` if the flag holds, otherwise those of `other`. Only inside a graph.

    With `both`, both are computed and one is selected: trials mapped over in one program cannot branch.
    """

    def whole(function: Callable[[], Any]) -> Callable[[], Any]:  # an embedding's gradient is sparse
        return lambda: tf.nest.map_structure(tf.convert_to_tensor, function())

    if not both:
        return tf.cond(flag, whole(one), whole(other))
    return tf.nest.map_structure(lambda t, f: tf.where(flag, t, f), whole(one)(), whole(other)())


def compile_functions() -> bool:
    """Run functions as graphs again; returns whether eager mode was on, as for debugging."""
    was_off = bool(tf.config.functions_run_eagerly())
    if was_off:
        tf.config.run_functions_eagerly(False)
    return was_off


def has_barrier() -> bool:
    """Whether the gradients of wide products should use transposed copies here: if possible, and on a CPU."""
    return optimization_barrier is not None and not tf.config.list_physical_devices("GPU")


@contextmanager
def _transposed_copies() -> Iterator[None]:
    """Compute the gradients of products built in the block with `_product_gradient`."""
    with tf.compat.v1.get_default_graph().gradient_override_map({"MatMul": _PRODUCT}):
        yield


_PRODUCT = "AblateMatMul"


@tf.RegisterGradient(_PRODUCT)  # type: ignore[untyped-decorator]  # TensorFlow has no types
def _product_gradient(op: tf.Operation, grad: Tensor) -> tuple[Tensor, Tensor]:
    """The gradient of a·b. A wide a is copied transposed before aᵀ·grad.

    XLA's product on a CPU reads a transposed left operand at half speed, and merges every transposition into the
    product unless a barrier prevents it.
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


def contained(work: Callable[[], T]) -> T:
    """Call `work()` and turn whatever it raises, including an exit or interrupt, into `TrialError`."""
    return contained_by(work, is_out_of_memory)
