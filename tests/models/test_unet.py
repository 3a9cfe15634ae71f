import keras
import numpy as np
import pytest
from small_models import built, kinds, weighted

from ablate.errors import StudyError
from ablate.models.build import count_parameters
from ablate.models.model_data import ModelData
from ablate.study.task import Target


def unet(shape=(8, 8, 2), classes=3, **changes) -> keras.Model:
    target = Target("classes", shape[:2], n_classes=classes)
    return built("unet", ModelData(shape, {"": target}), **changes)


def test_the_parameters_are_those_counted_by_hand():
    down = (9 * 2 * 3 + 3) + (9 * 3 * 6 + 6) + (9 * 6 * 12 + 12)
    up = (4 * 12 * 6 + 6) + (9 * 12 * 6 + 6) + (4 * 6 * 3 + 3) + (9 * 6 * 3 + 3)
    assert count_parameters(unet()) == down + up + (3 * 3 + 3)


def test_stages_halve_the_sides_and_double_them_again_beside_what_they_passed_on():
    model = unet(dropout=0.1, convolutions=2, normalization="batch")
    steps = ["Conv2D", "BatchNormalization", "Activation"] * 2
    down, up = [*steps, "MaxPooling2D"], ["Conv2DTranspose", "Concatenate", *steps]
    assert kinds(model) == [*down, *down, *steps, "Dropout", *up, *up, "Conv2D"]
    joined = [layer.output.shape[1:] for layer in model.layers if isinstance(layer, keras.layers.Concatenate)]
    assert joined == [(4, 4, 12), (8, 8, 6)]
    assert kinds(unet(dropout=0.1, dropout_at="stages")).count("Dropout") == 5


def test_what_the_first_stage_passed_on_reaches_the_end():
    """With transposed convolutions of zeros, the bottom changes nothing, and the first stage still does."""
    model = unet()
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2DTranspose):
            layer.kernel.assign(np.zeros(layer.kernel.shape))
    x = np.random.default_rng(0).standard_normal((1, 8, 8, 2)).astype(np.float32)
    before = np.asarray(model(x))
    weighted(model)[2].kernel.assign(np.ones(weighted(model)[2].kernel.shape))  # at the bottom
    assert np.array_equal(before, model(x))
    weighted(model)[0].kernel.assign(np.ones(weighted(model)[0].kernel.shape))
    assert not np.allclose(before, model(x))


@pytest.mark.parametrize(
    ("shape", "stages", "way_out"),
    [
        ((28, 28, 1), 3, r"set stages = 2 or fewer in \[model\], or pad images and masks to 32 × 32"),
        ((24, 20, 1), 3, r"set stages = 2 or fewer in \[model\], or pad images and masks to 24 × 24"),
        ((7, 8, 1), 2, r"pad images and masks to 8 × 8"),
    ],
)
def test_sides_that_cannot_be_halved_are_refused_with_the_way_out(shape, stages, way_out):
    said = (
        f"halves the sides {stages} times, so both must be divisible by {2**stages}, .* {shape[0]} × {shape[1]} pixels"
    )
    with pytest.raises(StudyError, match=rf"model.stages: unet {said}\n  {way_out}"):
        unet(shape, stages=stages)
    assert unet((28, 28, 1), stages=2).output_shape == (None, 28, 28, 3)


@pytest.mark.slow
def test_it_learns_to_find_bright_pixels():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((8, 8, 8, 1)).astype(np.float32)
    y = (x[..., 0] > 0.5).astype(np.int32)
    model = unet((8, 8, 1), classes=2, normalization="batch")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.02), loss, run_eagerly=True)
    losses = [float(model.train_on_batch(x, y)) for _ in range(25)]
    assert losses[-1] < 0.25 < 0.5 < losses[0]
