"""What a CPU cannot show: a GPU's numbers against the CPU's, its stacks, its memory. Run with `pytest -m gpu -n 0`.

The other tests hide GPUs, so name one: CUDA_VISIBLE_DEVICES=0.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
import pytest
from backends import ON_JAX

from ablate.training.engine.backend import is_out_of_memory
from ablate.training.engine.context import TrainingContext
from ablate.training.engine.device import device_name, visible_gpus
from ablate.training.engine.examples import Resident
from ablate.training.engine.optimizers import make_optimizer
from ablate.training.engine.program import Program, Scaling

pytestmark = pytest.mark.gpu

STEPS, BATCH, N, SHAPE = 50, 20, 200, (8, 8, 3)
RNG = np.random.default_rng(0)
X, Y = RNG.integers(0, 256, (N, *SHAPE)).astype(np.uint8), RNG.integers(0, 3, N).astype(np.int32)


@pytest.fixture(autouse=True)
def gpu():
    """Skip without a GPU."""
    if not visible_gpus(keras.backend.backend()):
        pytest.skip("no GPU in sight; CUDA_VISIBLE_DEVICES=0 shows one to the tests")


@contextmanager
def full_float32() -> Iterator[None]:
    """Products of float32 numbers without TF32, which rounds their factors to 10 bits."""
    if ON_JAX:
        import jax

        with jax.default_matmul_precision("highest"):
            yield
        return
    import tensorflow as tf

    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)


def dense() -> keras.Model:
    hidden = [keras.layers.Dense(16, activation="elu") for _ in range(3)]
    return keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), *hidden, keras.layers.Dense(3)])


def convolutional() -> keras.Model:
    layers = [keras.layers.Conv2D(8, 3, use_bias=False), keras.layers.BatchNormalization(), keras.layers.ReLU()]
    end = [keras.layers.MaxPooling2D(), keras.layers.Flatten(), keras.layers.Dense(3)]
    return keras.Sequential([keras.Input(SHAPE), *layers, *end])


def noisy() -> keras.Model:
    hidden = [keras.layers.Dense(16, activation="relu"), keras.layers.Dropout(0.3, seed=5)]
    return keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), *hidden, keras.layers.Dense(3)])


BUILDS = {"dense": dense, "convolutional": convolutional, "noisy": noisy}


def drawn(build, seed: int) -> keras.Model:
    """A model whose kernels NumPy has drawn: Keras' own draws differ between devices in the last digits."""
    model, rng = build(), np.random.default_rng(seed)
    for variable in model.trainable_variables:
        if len(variable.shape) > 1:
            variable.assign(rng.standard_normal(variable.shape) * np.sqrt(2 / np.prod(variable.shape[:-1])))
    return model


def trained(build, seeds, *, optimizer="nadam") -> list[list[np.ndarray]]:
    """The weights of one trial a seed after 50 steps of one program, each with an order of its own."""
    size = len(seeds)
    models = [drawn(build, seed) for seed in seeds]
    program = Program(models[0], make_optimizer(optimizer), size=size, xla=True)
    orders = [[np.random.default_rng([seed, i]).permutation(N)[:BATCH] for i in range(STEPS)] for seed in seeds]
    shift, scale = (np.full((size, *SHAPE), value, np.float32) for value in (127.5, 1 / 64))
    steps = program.train(
        program.stacked([program.initial_state(model) for model in models]),
        Resident.of((X,), (Y,)),
        Scaling(shift, scale),
        order=np.stack(orders, axis=1).astype(np.int32),
        rates=np.full((STEPS, size), 1e-3, np.float32),
        n_steps=np.full(size, STEPS, np.int32),
        max_loss=np.inf,
    )
    assert steps.done.tolist() == [STEPS] * size
    return [[np.asarray(weight) for weight in program.row(steps.state, slot)[0]] for slot in range(size)]


def apart(mine, theirs) -> float:
    """The largest difference in a tensor over its largest weight."""
    return max(float(abs(a - b).max() / abs(b).max()) for a, b in zip(mine, theirs, strict=True))


@pytest.mark.parametrize("kind", BUILDS)
def test_a_gpu_trains_to_the_weights_of_the_cpu(kind):
    with full_float32():
        (mine,) = trained(BUILDS[kind], [1])
        with keras.device("cpu:0"):
            (theirs,) = trained(BUILDS[kind], [1])
    assert apart(mine, theirs) < 1e-3
    (other,) = trained(BUILDS[kind], [2])
    assert apart(mine, other) > 0.1


@pytest.mark.parametrize("kind", BUILDS)
def test_a_stack_of_trials_trains_each_as_it_would_alone(kind):
    with full_float32():
        together = trained(BUILDS[kind], [1, 2, 3, 4])
        alone = [trained(BUILDS[kind], [seed])[0] for seed in (1, 2, 3, 4)]
    for mine, theirs in zip(together, alone, strict=True):
        assert apart(mine, theirs) < 1e-3


@pytest.mark.parametrize("kind", BUILDS)
def test_two_programs_of_one_structure_train_to_the_same_bits(kind):
    """Each program is compiled by itself, so no choice of the compiler may change the bits."""
    first, second = trained(BUILDS[kind], [1, 2]), trained(BUILDS[kind], [1, 2])
    for ones, others in zip(first, second, strict=True):
        for one, other in zip(ones, others, strict=True):
            assert np.array_equal(one, other)


def test_more_than_one_trial_a_program_pays(tiny_study, digits):
    assert TrainingContext(tiny_study, digits).stack_size(tiny_study.baseline) > 1


def test_the_device_is_named():
    assert device_name().startswith("GPU ")


def test_a_full_memory_is_told_from_other_errors():
    with pytest.raises(Exception, match=r"(?i)memory|exhausted|OOM") as full:
        np.asarray(keras.ops.zeros((2**22, 2**22)) + 1)  # 64 TiB
    assert is_out_of_memory(full.value)
