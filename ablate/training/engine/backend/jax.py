"""JAX functions that `keras.ops` lacks: compile, loop, map over trials, gradients and out-of-memory errors."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

import jax
import keras
import numpy as np
from jax import lax
from jax import numpy as jnp

from ablate.data.array import Tensor
from ablate.storage.program_cache import clear
from ablate.training.engine.backend.memory import is_short_of_memory
from ablate.training.engine.backend.types import Compiled, Loose
from ablate.training.engine.devices.jax import programs_kept
from ablate.training.engine.rewriting.rewritten import rewritten
from ablate.training.trial_error import contained_by

ALWAYS_XLA = True  # JAX has no other compiler
EAGER = "jax_disable_jit"  # what switches compiling off
_PLAIN = {bool: "bool", int: "int32", float: "float32"}  # types of Python's numbers on the device
T = TypeVar("T")


def resident(array: "np.ndarray[Any, Any] | float", dtype: str | None = None) -> Tensor:
    """A copy of an array on the device."""
    return jnp.array(array, dtype or _PLAIN.get(type(array)), copy=True)


def fed(batches: Callable[[], Iterator[Any]], *, like: Any, n: int) -> Any:
    """A data set of `n` batches a pass, each pass from a new call of `batches()`; `like` is one of them."""
    del like
    return _Passes(batches, n)


def unpacked(step: Callable[..., Any]) -> Callable[..., Any]:
    """A model's own step that gets inputs without targets as from arrays; of a data set Keras makes a tuple of one."""

    @wraps(step)
    def call(state: Any, data: Any) -> Any:
        is_alone = isinstance(data, tuple) and len(data) == 1 and not isinstance(data[0], list | tuple)
        return step(state, data[0] if is_alone else data)

    return call


def rows_of(tree: Any, indices: Tensor) -> Any:
    """The rows of the tensors of a tree at indices of any shape, all ≥ 0."""
    return jax.tree.map(lambda tensor: tensor.at[indices].get(mode="promise_in_bounds"), tree)


def stack(rows: Sequence[Any]) -> Any:
    """Stack trees of tensors along a new first dimension."""
    return jax.tree.map(lambda *tensors: jnp.stack(tensors), *rows)


def joined(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors one after the other along their first dimension."""
    return jnp.concatenate(tensors)


def replace_row(tree: Any, place: int, row: Any) -> Any:
    """A tree of stacked tensors with one row replaced."""
    return jax.tree.map(lambda tensor, new: tensor.at[place].set(new), tree, row)


def row_of(tree: Any, place: int) -> Any:
    """One row of a tree of stacked tensors."""
    return jax.tree.map(lambda tensor: tensor[place], tree)


def loop(goes_on: Callable[..., Tensor], body: Callable[..., Any], start: Any, *, at_once: int = 10) -> Any:
    """Repeat `body` on a tree of tensors while `goes_on` holds, in sequence: `at_once` is TensorFlow's."""
    del at_once
    leaves, shape = jax.tree.flatten(start)
    first = [jnp.asarray(leaf) for leaf in leaves]

    def again(state: Sequence[Tensor]) -> list[Tensor]:
        after = jax.tree.leaves(body(*jax.tree.unflatten(shape, state)))
        return [new.astype(old.dtype) for new, old in zip(after, first, strict=True)]

    last = lax.while_loop(lambda state: goes_on(*jax.tree.unflatten(shape, state)), again, first)
    return jax.tree.unflatten(shape, last)


def map_trials(function: Callable[..., Any], arguments: Any) -> Any:
    """Apply `function` to each row of its arguments at once."""
    return jax.vmap(function)(*arguments)


def compiled(
    function: Callable[..., Any], arguments: tuple[Any, ...], *, loose: Mapping[int, Loose], xla: bool
) -> Compiled:
    """`function` compiled once for each shape of the `loose` arguments: rows of an order, examples of a data set.

    `loose` maps an argument's position to its dimensions that may change, or to those of some tensors of a mapping, by
    name. Raises `ValueError` in a call whose other dimensions differ from those of `arguments`.
    """
    del xla
    is_gpu = jax.default_backend() == "gpu"
    options = {"xla_gpu_deterministic_ops": True} if is_gpu else None  # two compilations give equal bits
    graph = jax.jit(function if is_gpu else rewritten(function), compiler_options=options)
    signature = [_signature(argument, loose.get(place, ())) for place, argument in enumerate(arguments)]
    seen: set[Any] = set()  # shapes that are compiled

    def call(*given: Any) -> Any:
        for place, argument in enumerate(given):
            if _signature(argument, loose.get(place, ())) != signature[place]:
                raise ValueError(f"argument {place} has other shapes or types than the program was made for")
        if (shapes := tuple(np.shape(leaf) for leaf in jax.tree.leaves(given))) in seen:
            return graph(*given)
        seen.add(shapes)
        # Variables that Keras makes while it is traced, as a loss of several outputs does, are filled behind the scope:
        # inside, their values would be the trace's own.
        with keras.StatelessScope(), _damage_cleared():
            return graph(*given)

    return call


def added(sums: Sequence[Tensor], gradients: Sequence[Tensor]) -> list[Tensor]:
    """The sums of two lists of gradients."""
    return [total + gradient for total, gradient in zip(sums, gradients, strict=True)]


def is_out_of_memory(err: BaseException) -> bool:
    """Whether an error or one of its causes reports a lack of memory: XLA, CUDA or Python."""
    return is_short_of_memory(err, always=(MemoryError,), by_message=(RuntimeError,))


def gradients(
    loss: Callable[[Sequence[Tensor]], tuple[Tensor, Any]], weights: Sequence[Tensor], *, xla: bool
) -> tuple[list[Tensor], Any]:
    """The gradients of the first result of `loss` by the weights, and its second result. Only inside a graph."""
    del xla
    (_, more), found = jax.value_and_grad(loss, has_aux=True)(list(weights))
    return found, more


def either(flag: Tensor, one: Callable[[], Any], other: Callable[[], Any], *, both: bool) -> Any:
    """The tensors of `one` if the flag holds, otherwise those of `other`. Only inside a graph.

    With `both`, both are computed and one is selected: trials mapped over in one program cannot branch.
    """
    if not both:
        return lax.cond(flag, one, other)
    return jax.tree.map(lambda t, f: jnp.where(flag, t, f), one(), other())


def compile_functions() -> bool:
    """Compile functions again; returns whether that was off, as for debugging."""
    was_off = bool(jax.config.jax_disable_jit)  # type: ignore[attr-defined]  # JAX types it in part
    if was_off:
        jax.config.update("jax_disable_jit", False)  # type: ignore[no-untyped-call]  # JAX types it in part
    return was_off


def contained(work: Callable[[], T]) -> T:
    """Call `work()` and turn whatever it raises, including an exit or interrupt, into `TrialError`."""
    return contained_by(work, is_out_of_memory)


@contextmanager
def _damage_cleared() -> Iterator[None]:
    """Clear the cache of programs if one cannot be read in the block: JAX compiles it, but never replaces its file."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    folder = programs_kept()
    for warning in caught:
        if folder is not None and "persistent compilation cache" in str(warning.message):
            clear(folder)
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def _signature(argument: Any, free: Loose) -> Any:
    """The structure of an argument with the types and fixed dimensions of its tensors."""
    if isinstance(free, Mapping):
        return {name: _signature(inner, free.get(name, ())) for name, inner in argument.items()}
    leaves, shape = jax.tree.flatten(argument)
    return shape, [(_fixed(np.shape(leaf), free), jnp.result_type(leaf)) for leaf in leaves]


def _fixed(shape: Sequence[int], free: Sequence[int]) -> tuple[int | None, ...]:
    return tuple(None if axis in free else length for axis, length in enumerate(shape))


class _Passes(keras.utils.PyDataset):  # type: ignore[misc]  # keras has no types
    """Batches that are read in order, one pass after the other."""

    def __init__(self, batches: Callable[[], Iterator[Any]], n: int) -> None:
        super().__init__(workers=1)
        self._batches, self._n, self._pass = batches, n, iter(())

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, place: int) -> Any:
        if place == 0:
            self._pass = self._batches()
        return next(self._pass)
