import keras
import numpy as np
import pytest
from small_models import kinds, levels, small, weighted

from ablate.models.blocks import restart
from ablate.models.layers import Dropout, LayerSeeds
from ablate.study.catalog import INITIALIZERS

BOTH = ("mlp", "cnn")


def dropouts(**changes) -> list[Dropout]:
    return [layer for layer in small("mlp", **changes).layers if isinstance(layer, Dropout)]


@pytest.mark.parametrize(
    ("activation", "kind", "alpha"),
    [
        ("selu", "auto", True),
        ("relu", "auto", False),
        ("selu", "plain", False),
        ("relu", "alpha", True),
    ],
)
def test_selu_gets_alpha_dropout_and_others_plain_dropout_unless_the_kind_is_named(activation, kind, alpha):
    made = dropouts(dropout=0.1, activation=activation, dropout_kind=kind)
    assert [layer.alpha for layer in made] == [alpha, alpha]


def test_there_is_no_dropout_layer_at_a_rate_of_zero():
    assert "Dropout" not in kinds(small("mlp", dropout=0.0, mc_samples=10))


def test_samples_need_dropout_in_evaluation():
    x = np.ones((30, 8, 8, 1), np.float32)
    plain, sampled = (small("mlp", dropout=0.5, mc_samples=samples) for samples in (0, 10))
    assert np.array_equal(plain(x, training=False), plain(x, training=False))
    assert not np.array_equal(sampled(x, training=False), sampled(x, training=False))


@pytest.mark.parametrize("kind", BOTH)
def test_every_kernel_is_penalized_the_outputs_too(kind):
    model = small(kind, l1=0.01, l2=0.1)
    kernels = [np.asarray(layer.kernel) for layer in weighted(model)]
    expected = [0.01 * np.abs(kernel).sum() + 0.1 * (kernel**2).sum() for kernel in kernels]
    np.testing.assert_allclose([float(loss) for loss in model.losses], expected, rtol=1e-5)
    assert small(kind).losses == []


@pytest.mark.parametrize("kind", BOTH)
def test_the_largest_norm_is_of_what_goes_into_a_hidden_unit_or_filter(kind):
    *hidden, output = weighted(small(kind, max_norm=0.5))
    assert output.kernel_constraint is None
    for layer in hidden:
        bounded = np.asarray(layer.kernel_constraint(10 * layer.kernel))
        norms = np.sqrt((bounded**2).sum(axis=tuple(range(bounded.ndim - 1))))
        np.testing.assert_allclose(norms, 0.5, rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "initializers"),
    [
        ({}, ("he_normal", "orthogonal*2")),
        ({"normalization": "batch", "activation": "prelu", "input_normalization": "batch"}, ("ones", "random_normal")),
        ({"dropout": 0.3, "dropout_kind": "alpha", "augmentation": "all"}, ("random_normal", "zeros")),
    ],
)
@pytest.mark.parametrize("kind", BOTH)
def test_a_restarted_model_has_the_values_of_one_built_anew(kind, change, initializers):
    before, after = ({**change, "initializer": name} for name in initializers)
    if "dropout" in change:
        after = {**after, "dropout": 0.1}
    model, anew = small(kind, **before), small(kind, replicate=2, **after)
    restart(model, levels(kind, **after), layer_seeds=LayerSeeds(0, 2))
    assert_same_values(model, anew)


@pytest.mark.slow
def test_so_it_has_with_every_initializer():
    """One model goes through them all, and keeps nothing of what it was."""
    model = small("cnn")
    for number, name in enumerate([*INITIALIZERS, *(f"{name}*0.5" for name in INITIALIZERS)]):
        restart(model, levels("cnn", initializer=name), layer_seeds=LayerSeeds(0, number))
        assert_same_values(model, small("cnn", initializer=name, replicate=number))


def assert_same_values(model, anew):
    for restarted, built in zip(model.variables, anew.variables, strict=True):
        assert restarted.path.rsplit("/", 1)[-1] == built.path.rsplit("/", 1)[-1]
        assert np.array_equal(restarted.numpy(), built.numpy())


@pytest.mark.parametrize("initializer", ["ones*0.1", "zeros", "he_normal"])
def test_constant_weights_never_break_symmetry(initializer):
    """After training, the hidden units are still copies of one another; unless they differed at the start."""
    model = small("mlp", initializer=initializer, depth=2, width=8)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((40, 8, 8, 1)).astype(np.float32), rng.integers(0, 3, 40)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss, run_eagerly=True)
    start = model.get_weights()
    for _ in range(10):
        model.train_on_batch(x, y)
    assert not np.array_equal(start[-1], model.get_weights()[-1])
    for layer in weighted(model)[:-1]:
        kernel = np.asarray(layer.kernel)
        are_copies = np.allclose(kernel, kernel[:, :1], rtol=1e-5, atol=1e-7)
        assert are_copies == (initializer != "he_normal")
