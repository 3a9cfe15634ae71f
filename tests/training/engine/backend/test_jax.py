"""What the engine asks of JAX, with answers by hand."""

import keras
import numpy as np
import pytest
from backends import jax_only

jax = pytest.importorskip("jax")
pytestmark = jax_only

from jax import numpy as jnp  # noqa: E402

from ablate.training.engine.backend import jax as backend  # noqa: E402
from ablate.training.trial_error import TrialError  # noqa: E402

JaxRuntimeError = jax.errors.JaxRuntimeError


def test_numbers_of_python_and_arrays_get_the_types_of_the_engine():
    assert [backend.resident(value).dtype for value in (True, 3, 0.5)] == ["bool", "int32", "float32"]
    for dtype in ("uint8", "int32", "float32"):
        assert backend.resident(np.zeros(2, dtype)).dtype == dtype
    assert backend.resident(np.ones(2), "float32").dtype == backend.resident(np.ones(2)).dtype == "float32"


def test_what_is_on_the_device_is_a_copy():
    array = np.zeros(64, np.float32)
    there = backend.resident(array)
    array[:] = 1
    assert not np.asarray(there).any()


def test_rows_come_in_the_shape_of_their_indices():
    tree = {"a": jnp.arange(12).reshape(4, 3), "b": jnp.arange(4)}
    found = backend.rows_of(tree, jnp.array([[3, 0], [1, 3]]))
    assert found["b"].tolist() == [[3, 0], [1, 3]]
    assert found["a"][0].tolist() == [[9, 10, 11], [0, 1, 2]]


def test_a_row_of_a_stack_is_replaced_and_taken_out():
    one, two, three = (((jnp.full(2, n),), (), (jnp.full((), n),)) for n in (1.0, 2.0, 3.0))
    both = backend.stack([one, two])
    changed = backend.replace_row(both, 0, three)
    assert [backend.row_of(changed, row)[0][0].tolist() for row in (0, 1)] == [[3, 3], [2, 2]]
    assert backend.row_of(both, 0)[2][0] == 1  # the stack before is as it was
    assert backend.row_of(changed, 0)[1] == ()


def test_tensors_are_joined_along_their_first_dimension():
    assert backend.joined([jnp.zeros((1, 2)), jnp.ones((2, 2))]).tolist() == [[0, 0], [1, 1], [1, 1]]


def test_a_loop_keeps_the_types_with_which_it_starts():
    start = (jnp.zeros((), "int32"), {"total": jnp.zeros((), "float32"), "n": np.int32(0)})

    def body(i, state):
        return i + 1, {"total": state["total"] + i, "n": state["n"] + 1.0}

    i, state = backend.loop(lambda i, _: i < 5, body, start)
    assert (int(i), float(state["total"]), int(state["n"])) == (5, 10.0, 5)
    assert (state["total"].dtype, state["n"].dtype) == ("float32", "int32")


def test_trials_are_mapped_over_all_tensors_of_their_arguments():
    found = backend.map_trials(lambda state, x: (state[0] + x, {"y": x * 2}), ((jnp.arange(3.0),), jnp.ones(3)))
    assert found[0].tolist() == [1, 2, 3]
    assert found[1]["y"].tolist() == [2, 2, 2]


def test_only_the_loose_dimensions_may_change():
    arguments = (np.zeros((2, 3), np.int32), [np.zeros(4, np.float32)], {"w": np.zeros((1, 5)), "s": np.zeros(2)})
    loose = {0: (0,), 2: {"w": (1,)}}
    graph = backend.compiled(lambda a, b, c: a.sum() + b[0].size + c["w"].size, arguments, loose=loose, xla=True)
    assert graph(np.ones((5, 3), np.int32), arguments[1], {"w": np.zeros((1, 7)), "s": np.zeros(2)}) == 15 + 4 + 7
    for place, wrong in enumerate(
        [np.ones((5, 4), np.int32), [np.zeros(3, np.float32)], {**arguments[2], "s": np.zeros(3)}]
    ):
        given = [*arguments]
        given[place] = wrong
        with pytest.raises(
            ValueError, match=f"argument {place} has other shapes or types than the program was made for"
        ):
            graph(*given)
    with pytest.raises(ValueError, match="argument 0"):
        graph(np.ones((2, 3), np.float32), *arguments[1:])


def test_variables_that_are_made_while_a_program_is_traced_belong_to_no_trace():
    """As those with which Keras counts the losses of several outputs."""
    made = []

    def function(x):
        if not made:
            made.append(keras.Variable(lambda shape, dtype: jnp.full(shape, 3, dtype), shape=(2,)))
        return x + made[0].value

    graph = backend.compiled(function, (np.zeros(2, np.float32),), loose={0: (0,)}, xla=True)
    for _ in range(2):
        assert graph(np.ones(2, np.float32)).tolist() == [4, 4]
    assert made[0].numpy().tolist() == [3, 3]
    assert graph(np.ones(1, np.float32)).tolist() == [4, 4]


def test_no_argument_of_a_program_is_used_up():
    state = (jnp.ones(1000), jnp.zeros(1000))
    graph = backend.compiled(lambda state: tuple(s + 1 for s in state), (state,), loose={}, xla=True)
    first, second = graph(state), graph(state)
    assert not any(tensor.is_deleted() for tensor in state)
    assert np.array_equal(first[0], second[0])


def test_a_weight_that_does_nothing_has_a_gradient_of_zero():
    found, more = backend.gradients(
        lambda w: (jnp.sum(w[0] ** 2), {"n": w[1].size}), (jnp.ones(3), jnp.ones(2)), xla=True
    )
    assert [gradient.tolist() for gradient in found] == [[2, 2, 2], [0, 0]]
    assert more == {"n": 2}


def test_a_loop_in_the_model_is_differentiated_too():
    cell = keras.layers.SimpleRNN(4, seed=1)
    x = jnp.asarray(np.random.default_rng(0).standard_normal((2, 5, 3)), "float32")
    cell.build(x.shape)
    frozen = [v.value for v in cell.non_trainable_variables]

    def loss(w):
        return jnp.sum(cell.stateless_call(w, frozen, x)[0] ** 2), ()

    weights = [v.value for v in cell.trainable_variables]
    found, _ = jax.jit(lambda w: backend.gradients(loss, w, xla=True))(weights)
    moved = [weights[0].at[1, 2].add(1e-2), *weights[1:]], [weights[0].at[1, 2].add(-1e-2), *weights[1:]]
    by_hand = (loss(moved[0])[0] - loss(moved[1])[0]) / 2e-2
    assert float(found[0][1, 2]) == pytest.approx(float(by_hand), rel=1e-2)


@pytest.mark.parametrize("both", [True, False])
def test_one_of_two_branches_counts(both):
    def chosen(flag):
        return backend.either(
            flag, lambda: (jnp.ones(2), [jnp.zeros(())]), lambda: (-jnp.ones(2), [jnp.ones(())]), both=both
        )

    assert jax.jit(chosen)(jnp.array(True))[0].tolist() == [1, 1]
    assert jax.jit(chosen)(jnp.array(False))[1][0] == 1
    several = jax.jit(jax.vmap(chosen))(jnp.array([True, False]))
    assert several[0].tolist() == [[1, 1], [-1, -1]]


def test_gradients_of_an_embedding_add_up():
    embedding = keras.layers.Embedding(4, 3)
    embedding.build(())

    def loss(w):
        return jnp.sum(embedding.stateless_call(w, [], jnp.array([0, 2, 2]))[0]), ()

    found, _ = backend.gradients(loss, [embedding.embeddings.value], xla=True)
    [total] = backend.added([jnp.ones((4, 3))], found)
    assert total[:, 0].tolist() == [2, 1, 3, 1]


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
        (JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1125899906842624 bytes."), True),
        (JaxRuntimeError("INTERNAL: CUDA_ERROR_OUT_OF_MEMORY: out of memory"), True),
        (JaxRuntimeError("INTERNAL: Failed to allocate request for 2.0GiB on device ordinal 0"), True),
        (JaxRuntimeError("UNKNOWN: CUDNN_STATUS_ALLOC_FAILED"), True),
        (MemoryError(), True),
        (caused(JaxRuntimeError("RESOURCE_EXHAUSTED: x")), True),
        (JaxRuntimeError("INTERNAL: something else"), False),
        (ValueError("out of memory, says a model about its own"), False),
        (Unspeakable(), False),
        (its_own_cause(), False),
    ],
)
def test_memory_that_ran_short_is_told_however_it_is_said(err, is_short):
    assert backend.is_out_of_memory(err) is is_short


def test_a_program_that_asks_for_more_than_there_is_is_short_of_memory():
    """What JAX itself raises, of an array of a petabyte."""
    graph = backend.compiled(lambda k: jnp.zeros((2**20, 2**20, 2**8)) + k, (np.float32(1),), loose={}, xla=True)
    with pytest.raises(TrialError) as caught:
        backend.contained(lambda: graph(np.float32(1)))
    assert caught.value.state == "out_of_memory"


def test_compiling_that_was_switched_off_is_switched_on_again():
    assert not backend.compile_functions()
    jax.config.update(backend.EAGER, True)
    assert backend.compile_functions()
    assert not jax.config.jax_disable_jit


def test_batches_are_read_in_their_order_and_each_pass_asks_anew():
    asked = []

    def batches():
        asked.append(len(asked))
        for place in range(3):
            yield np.full((2, 1), 10 * len(asked) + place, np.float32), np.zeros((2, 1), np.float32)

    class Seen(keras.Model):
        """Reports the first number of each batch."""

        def train_step(self, state, data):
            return {"loss": data[0][0, 0]}, state

    class Noting(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append((batch, float(logs["loss"])))

    seen: list[tuple[int, float]] = []
    inputs = keras.Input((1,))
    model = Seen(inputs, keras.layers.Dense(1)(inputs))
    model.compile("sgd", "mse")
    model.fit(backend.fed(batches, like=None, n=3), epochs=2, shuffle=False, verbose=0, callbacks=[Noting()])
    tens = {int(number // 10) for _, number in seen}
    assert len(tens) == 2
    assert [(place, number % 10) for place, number in seen] == [(place, place) for place in (0, 1, 2, 0, 1, 2)]


def test_a_step_gets_inputs_without_targets_as_from_arrays():
    step = backend.unpacked(lambda _, data: data)
    x, y = np.ones(2), np.zeros(2)
    assert step(None, (x,)) is step(None, x) is x
    for data in ((x, y), ([x, y],), ((x, y),), {"left": x}, (x, None, y)):
        assert step(None, data) is data
