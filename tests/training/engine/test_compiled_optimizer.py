"""The optimizer that a user's model is compiled with, against `train_on_batch` of the same model, weight by weight."""

import keras
import numpy as np
import pytest
from keras import ops

from ablate.errors import StudyError
from ablate.training.engine.compiled_optimizer import optimizer_for, optimizer_key, reason_not_compiled
from ablate.training.engine.compiling import uses_xla
from ablate.training.engine.examples import Resident
from ablate.training.engine.program import Program, Scaling

STEPS, BATCH, RATE = 50, 16, 0.01
K = keras.optimizers
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((64, 20)).astype(np.float32), RNG.integers(0, 3, 64).astype(np.int32)
ORDER = np.stack([RNG.permutation(64)[:BATCH] for _ in range(STEPS)]).astype(np.int32)


class Signed(K.SGD):
    """Steps along the sign of the gradient and half of the gradient, smaller for biases."""

    def update_step(self, gradient, variable, learning_rate):
        rate = ops.cast(learning_rate, variable.dtype) * (0.5 if "bias" in variable.name else 1.0)
        self.assign_sub(variable, rate * (ops.sign(gradient) + 0.5 * gradient))


class Decaying(K.Optimizer):
    """Adagrad with a forgetting sum and a slot of its own."""

    def __init__(self, learning_rate=0.01, keep=0.9, name="decaying", **settings):
        super().__init__(learning_rate=learning_rate, name=name, **settings)
        self.keep = keep

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.sums = self.add_optimizer_variables(variables, "sum")

    def update_step(self, gradient, variable, learning_rate):
        total = self.sums[self._get_variable_index(variable)]
        self.assign(total, self.keep * total + ops.square(gradient))
        step = ops.cast(learning_rate, variable.dtype) * gradient / (ops.sqrt(total) + 1e-3)
        self.assign_sub(variable, step)

    def get_config(self):
        return {**super().get_config(), "keep": self.keep}


class Forgetful(K.SGD):
    """Its config leaves out `power`."""

    def __init__(self, learning_rate=0.01, power=1.0, **settings):
        super().__init__(learning_rate, **settings)
        self.power = power


class Counting(K.SGD):
    """Counts its steps in Python."""

    calls = 0

    def update_step(self, gradient, variable, learning_rate):
        self.calls += 1
        super().update_step(gradient / self.calls, variable, learning_rate)


class Branching(K.SGD):
    """Branches in Python on a number of the graph."""

    def update_step(self, gradient, variable, learning_rate):
        if ops.sum(gradient) > 0:
            super().update_step(gradient, variable, learning_rate)


def net(optimizer, *, excludes=(), **how) -> keras.Model:
    keras.utils.set_random_seed(1)
    dense, normalize = keras.layers.Dense(16, activation="relu"), keras.layers.BatchNormalization()
    model = keras.Sequential([keras.Input((20,)), dense, normalize, keras.layers.Dense(3)])
    if excludes:
        optimizer.exclude_from_weight_decay(var_names=list(excludes))
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), **how)
    return model


def of_keras(optimizer, **how) -> list[np.ndarray]:
    model = net(optimizer, **how)
    model.optimizer.learning_rate = RATE
    for rows in ORDER:
        model.train_on_batch(X[rows], Y[rows])
    return [variable.numpy() for variable in (*model.trainable_variables, *model.non_trainable_variables)]


def of_program(optimizer, factors=None, *, settings=None, xla=True, **how) -> list[np.ndarray]:
    model = net(optimizer, **how)
    assert uses_xla(model, on_gpu=False)
    program = Program(model, optimizer_for(model, factors or {}, precision="float32"), xla=xla)
    steps = program.train(
        program.stacked([program.initial_state(model, settings)]),
        Resident.of((X,), (Y,)),
        Scaling(np.zeros((1, 20), np.float32), np.ones((1, 20), np.float32)),
        order=ORDER[:, None],
        rates=np.full((STEPS, 1), RATE, np.float32),
        n_steps=np.full(1, STEPS, np.int32),
        max_loss=np.inf,
    )
    weights, frozen, _ = program.row(steps.state, 0)
    return [np.asarray(tensor) for tensor in (*weights, *frozen)]


def check_equal(mine, theirs):
    for own, kerass in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(own, kerass, rtol=1e-5, atol=1e-5)


CASES = {
    "momentum": lambda: K.SGD(0.3, momentum=0.8, nesterov=True),
    "plain": lambda: K.SGD(0.3),
    "adam, norm of each": lambda: K.Adam(0.3, beta_1=0.7, epsilon=1e-4, clipnorm=0.05),
    "adam, norm of all": lambda: K.Adam(0.3, amsgrad=True, global_clipnorm=0.05),
    "adam, values": lambda: K.Adam(0.3, clipvalue=0.01),
    "centered": lambda: K.RMSprop(0.3, rho=0.8, momentum=0.5, centered=True),
    "nadam": lambda: K.Nadam(0.3, beta_2=0.9, weight_decay=0.1),
    "scaled loss": lambda: K.Adam(0.3, epsilon=1e-2, loss_scale_factor=64.0),
    "own step": lambda: Signed(0.3, weight_decay=0.2),
    "own state": lambda: Decaying(0.3, keep=0.5, clipnorm=0.1),
    "loss scale": lambda: K.LossScaleOptimizer(K.Adam(0.3, epsilon=1e-2), initial_scale=256, dynamic_growth_steps=7),
}


@pytest.mark.parametrize("name", CASES)
def test_fifty_steps_give_the_weights_that_train_on_batch_gives(name):
    check_equal(of_program(CASES[name]()), of_keras(CASES[name]()))


def test_weights_that_are_excluded_from_weight_decay_do_not_decay():
    def make():
        return K.AdamW(0.3, weight_decay=0.5)

    excluded, decayed = (of_keras(make(), excludes=names) for names in (("bias", "gamma"), ()))
    assert not np.allclose(excluded[1], decayed[1], atol=1e-4)
    check_equal(of_program(make(), excludes=("bias", "gamma")), excluded)
    check_equal(of_program(make()), decayed)


def test_factors_of_the_study_decide_over_the_settings_of_the_optimizer():
    settings = {"weight_decay": 0.3, "momentum": 0.5}
    mine = of_program(K.SGD(0.1), settings, settings=settings, xla=False)
    check_equal(mine, of_keras(K.SGD(0.1, momentum=0.5, weight_decay=0.3)))
    clipped = of_program(K.Adam(0.1, global_clipnorm=9.0), {"clip_norm": 0.05})
    check_equal(clipped, of_keras(K.Adam(0.1, clipnorm=0.05)))
    check_equal(of_program(K.Adam(0.1, clipnorm=0.01), {"clip_value": 0.0}), of_keras(K.Adam(0.1)))
    zero = {"momentum": 0.0}
    check_equal(of_program(K.SGD(0.1, momentum=0.9), zero, settings=zero, xla=False), of_keras(K.SGD(0.1)))


def test_a_factor_optimizer_decides_over_that_of_the_model():
    assert type(optimizer_for(net(K.AdamW(0.1)), {"optimizer": "nadam"}, precision="float32")).__name__.endswith(
        "Nadam"
    )


REFUSED = {
    "use_ema": (lambda: K.Adam(use_ema=True), "Adam with use_ema replaces the weights by their running mean"),
    "steps": (lambda: K.Adam(gradient_accumulation_steps=4), "gradient_accumulation_steps updates the weights only"),
    "schedule": (lambda: K.SGD(K.schedules.CosineDecay(0.1, 50)), "the learning rate of SGD follows a schedule"),
    "config": (lambda: Forgetful(0.1, power=2.0), "get_config of Forgetful leaves out power"),
    "python": (Counting, "Counting changes its attribute calls from step to step"),
    "branch": (Branching, "Branching fails when it is made again from its config, or in a compiled step: "),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_optimizer_that_programs_cannot_use_is_refused_with_the_reason(name):
    make, said = REFUSED[name]
    model = net(make())
    before = [variable.numpy() for variable in model.trainable_variables]
    assert said in reason_not_compiled(model.optimizer, model.trainable_variables)
    check_equal([variable.numpy() for variable in model.trainable_variables], before)
    with pytest.raises(StudyError, match=r"model: build compiles it with an optimizer that .*\n  name an optimizer in"):
        optimizer_for(model, {}, precision="float32")


def test_an_optimizer_that_has_taken_steps_is_refused():
    model = net(K.Adam())
    model.train_on_batch(X[:4], Y[:4])
    said = reason_not_compiled(model.optimizer, model.trainable_variables)
    assert said == "Adam comes with the state of 1 earlier step"


def test_a_momentum_that_cannot_be_set_is_refused():
    with pytest.raises(
        StudyError, match=r"baseline.momentum: build .* RMSprop, whose momentum .*\n  rename the factor"
    ):
        optimizer_for(net(K.RMSprop(0.1)), {"momentum": 0.5}, precision="float32")


@pytest.mark.parametrize(("how", "said"), [({}, "uncompiled"), ({"optimizer": None}, "without an optimizer")])
def test_without_any_optimizer_both_ways_out_are_named(how, said):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    if how:
        model.compile(loss="mse", **how)
    with pytest.raises(StudyError, match=rf'build returns the model {said}\n  add optimizer = "adam" .*, or compile'):
        optimizer_for(model, {}, precision="float32")


def test_builds_with_different_optimizers_share_no_program():
    def key(optimizer, factors=None, **how):
        return optimizer_key(net(optimizer, **how), factors or {})

    assert key(K.Adam(0.1)) == key(K.Adam(0.2, name="mine"))
    different = [K.Adam(), K.AdamW(), K.Adam(beta_2=0.9), K.Adam(clipnorm=1.0), K.LossScaleOptimizer(K.Adam())]
    assert len({key(optimizer) for optimizer in different}) == len(different)
    assert key(K.AdamW(), excludes=("bias",)) != key(K.AdamW(), excludes=("kernel",))
    decay = {"weight_decay": 0.1}
    assert key(K.AdamW(weight_decay=0.1), decay) == key(K.AdamW(weight_decay=0.2), decay)
    assert key(K.Adam(), {"optimizer": "adam"}) == ""
