import keras
import numpy as np
import pytest
import tensorflow as tf

from ablate.errors import StudyError
from ablate.models.augmentation import augmented, flipped, restart_augmentation, rotated, zoomed
from ablate.models.layers import LayerSeeds
from ablate.training.engine.examples import Resident
from ablate.training.engine.optimizers import make_optimizer
from ablate.training.engine.program import Program, Scaling

KINDS = ("flip", "rotation", "zoom", "all")
SIDE, N = 33, 64
RNG = np.random.default_rng(0)


def augmenting(kind, *, replicate=1, side=SIDE, channels=1) -> keras.Model:
    """A model that does nothing else."""
    inputs = keras.Input((side, side, channels))
    return keras.Model(inputs, augmented(inputs, kind, layer_seeds=LayerSeeds(0, replicate)))


def changed(model, images, *, frozen=None):
    """The images as a training step sees them, and the frozen state after it."""
    frozen = [v.value for v in model.non_trainable_variables] if frozen is None else frozen
    outputs, after = model.stateless_call([], frozen, images, training=True)
    return np.asarray(outputs), after


def spots(*, row, column) -> np.ndarray:
    """N equal images of one blurred spot, at pixels from the centre."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE // 2
    one = np.exp(-((y - row) ** 2 + (x - column) ** 2) / 8).astype(np.float32)
    return np.tile(one[None, ..., None], (N, 1, 1, 1))


def places(images) -> tuple[np.ndarray, np.ndarray]:
    """Where the spots are: rows and columns from the centre, (N,) each."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE // 2
    shares = images[..., 0] / images[..., 0].sum(axis=(1, 2), keepdims=True)
    return (shares * y).sum(axis=(1, 2)), (shares * x).sum(axis=(1, 2))


def test_a_flip_mirrors_half_of_the_images_and_leaves_the_others():
    images = RNG.random((N, SIDE, SIDE, 1), np.float32)
    after, _ = changed(augmenting("flip"), images)
    mirrored = [np.array_equal(new, old[:, ::-1]) for new, old in zip(after, images, strict=True)]
    kept = [np.array_equal(new, old) for new, old in zip(after, images, strict=True)]
    assert [a != b for a, b in zip(mirrored, kept, strict=True)] == [True] * N
    assert 16 < sum(mirrored) < 48


def test_a_rotation_turns_by_up_to_15_degrees_to_either_side():
    row, column = places(changed(augmenting("rotation"), spots(row=0, column=8))[0])
    degrees = np.degrees(np.arctan2(row, column))
    assert np.hypot(row, column) == pytest.approx(8, abs=0.1)
    assert -15.5 < degrees.min() < -12
    assert 12 < degrees.max() < 15.5


def test_a_zoom_goes_up_to_a_tenth_in_and_out_and_keeps_the_ratio_of_the_sides():
    row, column = places(changed(augmenting("zoom"), spots(row=6, column=3))[0])
    factors = row / 6
    np.testing.assert_allclose(column / 3, factors, atol=0.03)
    assert 1 / 1.11 < factors.min() < 0.95
    assert 1.05 < factors.max() < 1 / 0.89


def test_all_is_the_three_in_a_row_and_flips_as_the_flip_alone_does():
    assert [layer.kind for layer in augmenting("all").layers[1:]] == ["flip", "rotation", "zoom"]
    before = spots(row=0, column=8)
    flipped, _ = changed(augmenting("flip"), before)
    everything, _ = changed(augmenting("all"), before)
    assert np.array_equal(np.sign(places(flipped)[1]), np.sign(places(everything)[1]))


@pytest.mark.parametrize("kind", KINDS)
def test_images_are_a_pure_function_of_the_generators_state_and_differ_between_steps_and_replicates(kind):
    images, model = RNG.random((N, SIDE, SIDE, 1), np.float32), augmenting(kind)
    first, after = changed(model, images)
    assert np.array_equal(first, changed(model, images)[0])
    assert np.array_equal(first, changed(augmenting(kind), images)[0])
    assert not np.array_equal(first, changed(model, images, frozen=after)[0])
    assert not np.array_equal(first, changed(augmenting(kind, replicate=2), images)[0])


@pytest.mark.parametrize("kind", KINDS)
def test_evaluation_sees_the_images_as_they_are_and_draws_nothing(kind):
    images, model = RNG.random((4, SIDE, SIDE, 1), np.float32), augmenting(kind)
    frozen = [v.value for v in model.non_trainable_variables]
    outputs, after = model.stateless_call([], frozen, images, training=False)
    assert np.array_equal(outputs, images)
    assert all(np.array_equal(new, old) for new, old in zip(after, frozen, strict=True))


SHAPES = [(9, 12, 1), (8, 8, 3), (1, 5, 2), (5, 1, 1), (2, 2, 1)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("turn", [0.0, 0.04, -0.04, 0.25, -0.4])
def test_a_rotation_is_that_of_keras_by_the_same_angle(shape, turn):
    images = RNG.random((3, *shape), np.float32)
    theirs = keras.layers.RandomRotation((turn, turn))(images, training=True)
    np.testing.assert_allclose(rotated(images, np.full(3, 2 * np.pi * turn, np.float32)), theirs, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", [0.0, 0.1, -0.1, 0.9, -0.7])
def test_a_zoom_is_that_of_keras_by_the_same_factor(shape, share):
    images = RNG.random((3, *shape), np.float32)
    theirs = keras.layers.RandomZoom((share, share))(images, training=True)
    np.testing.assert_allclose(zoomed(images, np.full(3, 1 + share, np.float32)), theirs, atol=1e-5)


def test_each_image_is_changed_by_its_own_number():
    images = RNG.random((3, 7, 6, 2), np.float32)
    assert np.array_equal(
        flipped(images, np.array([True, False, True])), [images[0, :, ::-1], images[1], images[2, :, ::-1]]
    )
    for change, numbers in ((rotated, [0.1, 0.0, -0.2]), (zoomed, [0.9, 1.0, 1.1])):
        together = np.asarray(change(images, np.array(numbers, np.float32)))
        np.testing.assert_allclose(together[1], images[1], atol=1e-6)
        for image, number, made in zip(images, numbers, together, strict=True):
            np.testing.assert_allclose(change(image[None], np.array([number], np.float32))[0], made, atol=1e-6)


def test_a_layer_is_rebuilt_from_its_configuration():
    layer = augmenting("zoom").layers[1]
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert (again.kind, again.seed, again.compute_dtype) == ("zoom", layer.seed, "float32")


def test_half_precision_elsewhere_leaves_the_images_in_full_precision():
    kept = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        made, _ = changed(augmenting("all"), RNG.random((4, SIDE, SIDE, 1), np.float32))
    finally:
        keras.config.set_dtype_policy(kept)
    assert made.dtype == np.float32


def test_none_changes_nothing_and_has_no_layer():
    assert [type(layer).__name__ for layer in augmenting("none").layers] == ["InputLayer"]


def test_a_restarted_model_has_the_generators_of_one_built_anew():
    model, anew = augmenting("all"), augmenting("all", replicate=2)
    images = RNG.random((4, SIDE, SIDE, 1), np.float32)
    changed_by = [v.numpy().tolist() for v in anew.non_trainable_variables]
    assert [v.numpy().tolist() for v in model.non_trainable_variables] != changed_by
    model(images, training=True)  # a step on
    restart_augmentation(model, layer_seeds=LayerSeeds(0, 2))
    assert [v.numpy().tolist() for v in model.non_trainable_variables] == changed_by


def test_examples_that_are_no_images_are_refused():
    with pytest.raises(StudyError, match=r'augmentation: "flip" needs images .* shape \(64,\)\n  set augmentation to'):
        augmented(keras.Input((64,)), "flip", layer_seeds=LayerSeeds(0, 1))


@pytest.mark.parametrize(("kind", "xla"), [("flip", True), ("flip", False), ("all", True), ("all", False)])
def test_in_the_compiled_loop_each_step_sees_the_images_that_the_plain_layers_make(kind, xla):
    """At a rate of 0 a step's loss tells only of its images."""
    side, batch, steps = 8, 16, 3
    inputs = keras.Input((side, side, 2))
    x = augmented(inputs, kind, layer_seeds=LayerSeeds(0, 1))
    dense = keras.layers.Dense(3, kernel_initializer=keras.initializers.HeNormal(seed=1))
    model = keras.Model(inputs, dense(keras.layers.Flatten()(x)))
    images = RNG.integers(0, 256, (batch, side, side, 2)).astype(np.uint8)
    labels = RNG.integers(0, 3, batch).astype(np.int32)
    weights, frozen = ([v.value for v in some] for some in (model.trainable_variables, model.non_trainable_variables))
    plain = tf.function(lambda w, f, x: model.stateless_call(w, f, x, training=True))
    expected = []
    for _ in range(steps):
        logits, frozen = plain(weights, frozen, images.astype(np.float32))
        losses = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        expected.append(float(np.mean(losses)))
    program = Program(model, make_optimizer("sgd"), xla=xla)
    unscaled = Scaling(np.zeros((1, side, side, 2), np.float32), np.ones((1, side, side, 2), np.float32))
    once, again = (
        program.train(
            program.initial_state(model),
            Resident.of((images,), (labels,)),
            unscaled,
            order=np.tile(np.arange(batch, dtype=np.int32), (steps, 1, 1)),
            rates=np.zeros((steps, 1), np.float32),
            n_steps=np.array([steps], np.int32),
            max_loss=np.inf,
        ).losses[0]
        for _ in range(2)
    )
    assert np.array_equal(once, again)
    np.testing.assert_allclose(once, expected, rtol=1e-5)
    assert len(set(once.tolist())) == steps
