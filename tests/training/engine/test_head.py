"""A model's head training alone, then with all other layers, against plain Keras, weight by weight."""

import keras
import numpy as np
import pytest

from ablate.errors import StudyError
from ablate.models.layers import Dropout
from ablate.training.engine.batches import MicroBatches
from ablate.training.engine.examples import Resident
from ablate.training.engine.head import Head, PretrainedWeights, take_over
from ablate.training.engine.optimizers import OPTIMIZERS, make_optimizer
from ablate.training.engine.program import Program, Scaling
from ablate.training.engine.settings import HEAD_ONLY

N, BATCH, STEPS = 64, 16, 20
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((N, 12)).astype(np.float32), RNG.integers(0, 3, N).astype(np.int32)
ORDER = np.stack([RNG.permutation(N)[:BATCH] for _ in range(STEPS)]).astype(np.int32)


def plain() -> keras.Model:
    """With what would move weights whose gradients are 0: a penalty, a constraint."""
    keras.utils.set_random_seed(1)
    dense = keras.layers.Dense(16, "elu", kernel_regularizer="l2", kernel_constraint=keras.constraints.MaxNorm(0.5))
    return keras.Sequential([keras.Input((12,)), dense, keras.layers.Dense(8, "tanh"), keras.layers.Dense(3)])


def normalized() -> keras.Model:
    """Its statistics are those of other data, as they are after other training."""
    keras.utils.set_random_seed(1)
    normalization = keras.layers.BatchNormalization(momentum=0.5)
    hidden = [keras.layers.Dense(16, use_bias=False), normalization, keras.layers.ReLU()]
    model = keras.Sequential([keras.Input((12,)), *hidden, keras.layers.Dense(3)])
    normalization.moving_mean.assign(np.linspace(-1, 1, 16))
    normalization.moving_variance.assign(np.linspace(0.5, 2, 16))
    return model


def of_keras(build, optimizer: str) -> list[list[np.ndarray]]:
    """The weights after steps with all layers but the last one frozen, and after as many with a new optimizer."""
    model, after = build(), []
    for is_frozen in (True, False):
        for layer in model.layers[:-1]:
            layer.trainable = not is_frozen
        ours = OPTIMIZERS[optimizer]()
        made = getattr(keras.optimizers, type(ours).__name__).from_config({**ours.get_config(), "weight_decay": 0.1})
        made.learning_rate = 0.01
        model.compile(made, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        for rows in ORDER:
            model.train_on_batch(X[rows], Y[rows])
        after.append([v.numpy() for v in [*model.trainable_variables, *model.non_trainable_variables]])
    return after


def of_ours(build, optimizer: str, *, size=1, xla=False, parts=1) -> list[list[np.ndarray]]:
    """The same by one program, from the last slot; in the first one, if that is another, no layer is ever frozen."""
    model = build()
    made = make_optimizer(optimizer, varied=("weight_decay", HEAD_ONLY))
    program, after = Program(model, made, size=size, xla=xla, pieces=MicroBatches(parts)), []
    settings = {"weight_decay": 0.1, HEAD_ONLY: 1.0}
    first = [program.initial_state(model, {**settings, HEAD_ONLY: 0.0})] * (size - 1)
    state = program.stacked([*first, program.initial_state(model, settings)])
    for phase in range(2):
        if phase:
            trial = program.restarted(program.row(state, size - 1), {**settings, HEAD_ONLY: 0.0})
            state = program.replaced(state, size - 1, trial)
        state = program.train(
            state,
            Resident.of((X,), (Y,)),
            Scaling(np.zeros((size, 12), np.float32), np.ones((size, 12), np.float32)),
            order=np.repeat(ORDER[:, None], size, axis=1),
            rates=np.full((STEPS, size), 0.01, np.float32),
            n_steps=np.full(size, STEPS, np.int32),
            max_loss=np.inf,
        ).state
        weights, frozen, _ = program.row(state, size - 1)
        after.append([np.asarray(tensor) for tensor in (*weights, *frozen)])
    return after


def assert_same(mine, theirs, model):
    """Ours are in the order of the model's variables, Keras' in that of those that train in the phase, then others."""
    ours = [*model.trainable_variables, *model.non_trainable_variables]
    with Head(model).alone():
        while_frozen = [*model.trainable_variables, *model.non_trainable_variables]
    for phase, variables in enumerate((while_frozen, ours)):
        expected = {id(v): value for v, value in zip(variables, theirs[phase], strict=True)}
        for variable, value in zip(ours, mine[phase], strict=True):
            np.testing.assert_allclose(value, expected[id(variable)], rtol=1e-5, atol=1e-5, err_msg=variable.path)


@pytest.mark.parametrize(
    ("build", "optimizer"),
    [
        (plain, "nesterov"),
        (normalized, "nadam"),
        *(pytest.param(normalized, name, marks=pytest.mark.slow) for name in ("adamw", "rmsprop", "sgd")),
    ],
)
def test_the_head_alone_then_all_layers_train_as_keras_has_them(build, optimizer):
    theirs = of_keras(build, optimizer)
    assert_same(of_ours(build, optimizer), theirs, build())


@pytest.mark.parametrize(
    "way",
    [{"size": 2}, {"xla": True}, {"size": 2, "xla": True}],
)
@pytest.mark.slow
def test_so_they_do_in_a_stack_beside_a_trial_that_freezes_nothing_and_through_xla(way):
    assert_same(of_ours(normalized, "nadam", **way), of_keras(normalized, "nadam"), normalized())


@pytest.mark.slow
def test_so_they_do_with_batches_in_parts():
    assert_same(of_ours(plain, "adamw", parts=4), of_keras(plain, "adamw"), plain())


def test_without_the_setting_there_is_nothing_of_it_in_the_program():
    assert make_optimizer("adam").varied == ()
    optimizer = make_optimizer("adam", varied=(HEAD_ONLY,))
    program = Program(plain(), optimizer)
    assert [v.name for v in optimizer.variables if v.name == HEAD_ONLY] == [HEAD_ONLY]
    assert len(program.initial_state(plain())[2]) == 1 + len(Program(plain(), make_optimizer("adam"))._slots)


def test_the_head_is_the_last_layer_with_weights_also_of_a_model_in_a_model():
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Softmax()])
    model = keras.Sequential([keras.Input((12,)), keras.layers.Dense(4), keras.layers.Dropout(0.5), inner])
    head = Head(model)
    with head.alone():
        assert [tuple(v.shape) for v in model.trainable_variables] == [(4, 3), (3,)]
    assert [head.owns(v) for v in model.trainable_variables] == [False, False, True, True]


def state_of(model: keras.Model):
    return tuple(tuple(v.numpy() for v in some) for some in (model.trainable_variables, model.non_trainable_variables))


def test_all_but_head_noise_and_dropout_rates_is_taken_over():
    def network(n_classes: int, seed: int) -> keras.Model:
        keras.utils.set_random_seed(seed)
        layers = [keras.layers.Dense(4), keras.layers.BatchNormalization(), Dropout(0.1 * seed, seed=seed)]
        return keras.Sequential([keras.Input((12,)), *layers, keras.layers.Dense(n_classes)])

    model, source = network(2, 1), network(8, 2)
    for variable in (*source.trainable_variables, *source.layers[1].non_trainable_variables):
        variable.assign(variable + 1)
    own, theirs = state_of(model), state_of(source)
    merged = take_over(model, (*own, ("the optimizer's",)), PretrainedWeights(*theirs))
    assert [t is o for t, o in zip(merged[0], own[0], strict=True)] == [False] * 4 + [True] * 2  # dense, normalization
    assert [t is o for t, o in zip(merged[1], own[1], strict=True)] == [False] * 2 + [True] * 2  # mean, variance
    for number, place in [(0, i) for i in range(4)] + [(1, 0), (1, 1)]:
        np.testing.assert_array_equal(merged[number][place], theirs[number][place])
    assert merged[2] == ("the optimizer's",)


def test_networks_that_differ_below_their_heads_are_refused():
    wide = keras.Sequential([keras.Input((12,)), keras.layers.Dense(17), keras.layers.Dense(8), keras.layers.Dense(3)])
    deep = keras.Sequential([keras.Input((12,)), keras.layers.Dense(16), keras.layers.Dense(3)])
    model = plain()
    for other in (wide, deep):
        with pytest.raises(
            StudyError, match="transfer: the networks of both tasks must be equal except for the last layer"
        ):
            take_over(model, (*state_of(model), ()), PretrainedWeights(*state_of(other)))
