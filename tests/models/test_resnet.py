import keras
import numpy as np
import pytest

from ablate.errors import StudyError
from ablate.models.augmentation import ImageAugmentation
from ablate.models.build import count_parameters
from ablate.models.layers import LayerSeeds
from ablate.models.model_data import classification
from ablate.models.outputs import is_softmax
from ablate.models.resnet import resnet, resnet50, restart_residual
from ablate.training.engine.examples import Resident
from ablate.training.engine.optimizers import make_optimizer
from ablate.training.engine.program import Program, Scaling

NORMALIZATIONS = ("none", "batch", "layer")


def small(*, normalization="batch", augmentation="none", replicate=1, blocks=1, shape=(8, 8, 3)) -> keras.Model:
    factors = {"normalization": normalization, "augmentation": augmentation}
    return resnet(factors, classification(shape, 10), layer_seeds=LayerSeeds(0, replicate), blocks=blocks)


def large(*, normalization="batch", shape=(32, 32, 3), n_classes=10, replicate=1, **more) -> keras.Model:
    seeds = LayerSeeds(0, replicate)
    return resnet50({"normalization": normalization, **more}, classification(shape, n_classes), layer_seeds=seeds)


def kernels(model) -> list[np.ndarray]:
    weighted = (keras.layers.Conv2D, keras.layers.Dense)
    return [layer.kernel.numpy() for layer in model.layers if isinstance(layer, weighted)]


def trained(model, *, steps, rate) -> np.ndarray:
    """The losses of steps on one batch of 16 images of noise, of two classes."""
    rng = np.random.default_rng(0)
    shape = model.input_shape[1:]
    images, labels = rng.integers(0, 256, (16, *shape)).astype(np.uint8), np.arange(16, dtype=np.int32) % 2
    program = Program(model, make_optimizer("adam"), xla=False)
    return program.train(
        program.initial_state(model),
        Resident.of((images,), (labels,)),
        Scaling(np.full((1, *shape), 127.5, np.float32), np.full((1, *shape), 1 / 64, np.float32)),
        order=np.tile(np.arange(16, dtype=np.int32), (steps, 1, 1)),
        rates=np.full((steps, 1), rate, np.float32),
        n_steps=np.array([steps], np.int32),
        max_loss=np.inf,
    ).losses[0]


def test_resnet_20_has_the_parameters_counted_by_hand():
    convolutions = 9 * (3 * 16 + 6 * 16 * 16 + 16 * 32 + 5 * 32 * 32 + 32 * 64 + 5 * 64 * 64)
    filters, dense = 16 + 6 * (16 + 32 + 64), 64 * 10 + 10
    model = small(blocks=3, shape=(32, 32, 3))
    assert count_parameters(model) == convolutions + 4 * filters + dense == 271_098
    assert sum(v.shape.num_elements() for v in model.trainable_variables) == 269_722  # "0.27 M" in table 6
    assert len(kernels(model)) == 6 * 3 + 2


@pytest.mark.parametrize(("normalization", "a_filter"), [("none", 1), ("batch", 4), ("layer", 2)])
def test_without_a_normalization_the_convolutions_have_a_bias(normalization, a_filter):
    weights = 9 * (3 * 16 + 2 * 16 * 16 + 16 * 32 + 32 * 32 + 32 * 64 + 64 * 64) + 64 * 10 + 10
    model = small(normalization=normalization)
    assert count_parameters(model) == weights + a_filter * (16 + 2 * (16 + 32 + 64))
    assert model.output_shape == (None, 10)
    assert not is_softmax(model)


def test_shortcuts_pass_every_second_pixel_and_zeros_as_further_channels():
    """With convolutions of zeros in the blocks, what reaches the end came along the shortcuts."""
    model = small(normalization="none")
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    for layer in convolutions[1:]:
        layer.kernel.assign(np.zeros(layer.kernel.shape))
    first = next(layer for layer in model.layers if isinstance(layer, keras.layers.Activation))
    last = next(layer for layer in model.layers if isinstance(layer, keras.layers.GlobalAveragePooling2D))
    images = np.random.default_rng(0).standard_normal((5, 8, 8, 3)).astype(np.float32)
    begun, ended = keras.Model(model.input, [first.output, last.output])(images)
    passed = np.asarray(begun)[:, ::4, ::4].mean(axis=(1, 2))
    np.testing.assert_allclose(ended, np.pad(passed, ((0, 0), (0, 48))), rtol=1e-5)


def test_a_convolution_that_halves_the_side_looks_around_the_pixel_that_its_shortcut_passes():
    model = small(normalization="none")
    halving = next(
        layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D) and layer.strides == (2, 2)
    )
    centre = np.zeros(halving.kernel.shape, np.float32)
    centre[1, 1] = np.eye(16, 32)
    halving.kernel.assign(centre)
    pooling = next(layer for layer in model.layers if isinstance(layer, keras.layers.MaxPooling2D))
    images = np.random.default_rng(0).standard_normal((5, 8, 8, 3)).astype(np.float32)
    convolved, passed = keras.Model(model.input, [halving.output, pooling.output])(images)
    np.testing.assert_allclose(np.asarray(convolved)[..., :16], passed, rtol=1e-5)


def test_each_layer_draws_the_same_in_every_normalization_and_anew_in_every_replicate():
    batch, other = kernels(small()), kernels(small(replicate=2))
    for normalization in ("none", "layer"):
        assert all(map(np.array_equal, batch, kernels(small(normalization=normalization))))
    assert not any(map(np.array_equal, batch, other))
    assert not np.array_equal(batch[1], batch[2])
    assert batch[4].std() == pytest.approx(np.sqrt(2 / (9 * 32)), rel=0.05)  # He et al. 2015


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_a_restarted_network_has_the_values_of_one_built_anew(normalization):
    change = {"normalization": normalization, "augmentation": "all"}
    model, anew = small(**change), small(**change, replicate=2)
    restart_residual(model, change, layer_seeds=LayerSeeds(0, 2))
    for restarted, built in zip(model.variables, anew.variables, strict=True):
        assert np.array_equal(restarted.numpy(), built.numpy())


def test_augmentation_stands_before_the_first_convolution():
    kinds = [type(layer).__name__ for layer in small(augmentation="flip").layers]
    assert kinds[:3] == ["InputLayer", "ImageAugmentation", "Conv2D"]


@pytest.mark.parametrize("shape", [(28, 28, 1), (7, 5, 3), (1, 1, 2)])
def test_it_takes_images_of_any_size(shape):
    assert np.isfinite(small(shape=shape)(np.ones((2, *shape), np.float32), training=False)).all()


def test_it_learns_in_the_compiled_loop():
    losses = trained(small(), steps=8, rate=0.01)
    assert losses[-1] < 0.1 < losses[0]


def test_what_is_no_image_or_too_small_a_one_is_refused():
    with pytest.raises(
        StudyError, match=r"resnet needs images \(height, width, channels\), .* shape \(64,\)\n  choose"
    ):
        small(shape=(64,))
    with pytest.raises(StudyError, match=r"resnet50 needs images of at least 32 × 32 pixels, but these have 28 × 28\n"):
        large(shape=(28, 28, 1))


@pytest.mark.slow
def test_resnet50_is_that_of_keras_with_logits():
    mine = large(shape=(224, 224, 3), n_classes=1000)
    assert count_parameters(mine) == 25_636_712
    theirs = keras.applications.ResNet50(weights=None)
    theirs.set_weights(mine.get_weights())
    images = np.random.default_rng(0).standard_normal((2, 224, 224, 3)).astype(np.float32)
    logits = mine(images, training=False)
    assert not is_softmax(mine)
    np.testing.assert_allclose(keras.ops.softmax(logits), theirs(images, training=False), rtol=1e-3, atol=1e-7)


@pytest.mark.slow
def test_other_normalizations_stand_where_resnet50_had_batch_normalization_with_the_same_draws():
    batch, none, layer = (large(normalization=name, augmentation="all") for name in ("batch", "none", "layer"))
    n_normalized = 26_560  # channels
    of_batch = count_parameters(batch)
    assert of_batch == 25_636_712 - 2048 * 990 - 990
    assert count_parameters(none) == of_batch - 4 * n_normalized
    assert count_parameters(layer) == of_batch - 2 * n_normalized
    for other in (none, layer):
        assert all(map(np.array_equal, kernels(batch), kernels(other)))
        assert not any(isinstance(part, keras.layers.BatchNormalization) for part in other.layers)
        assert other.layers[1].__class__ is ImageAugmentation
    again = kernels(large(replicate=2))
    assert not any(map(np.array_equal, kernels(batch), again))


@pytest.mark.slow
def test_resnet50_learns_a_small_sample():
    losses = trained(large(), steps=6, rate=1e-3)
    assert losses[-1] < losses[0] / 4
