"""Every built-in model on every kind of target that it takes: outputs, restart, and what it refuses."""

import keras
import numpy as np
import pytest
from small_models import built, levels, weighted

from ablate.errors import StudyError
from ablate.models.blocks import restart
from ablate.models.build import BUILT_IN, count_parameters
from ablate.models.layers import LayerSeeds
from ablate.models.model_data import ModelData
from ablate.models.resnet import restart_residual
from ablate.study.task import Target

TARGETS = {
    "classes": Target("classes", n_classes=4),
    "binary": Target("classes", n_classes=2),
    "one-hot": Target("one-hot", (4,), n_classes=4),
    "tags": Target("tags", (5,), n_classes=5),
    "one number": Target("numbers"),
    "numbers": Target("numbers", (3,)),
    "forecast": Target("numbers", (6,)),
    "steps": Target("numbers", (6, 2)),
    "mask": Target("classes", (8, 8), n_classes=3),
    "depths": Target("numbers", (8, 8)),
    "pixel tags": Target("tags", (8, 8, 2), n_classes=2),
}
OUTPUTS = {
    "classes": (4,), "binary": (2,), "one-hot": (4,), "tags": (5,), "one number": (1,), "numbers": (3,),
    "forecast": (6,), "steps": (6, 2), "mask": (8, 8, 3), "depths": (8, 8), "pixel tags": (8, 8, 2),
}  # fmt: skip
FLAT, DENSE = list(TARGETS)[:7], list(TARGETS)[7:]
IMAGES, SERIES, TABLE, IDS = (8, 8, 3), (12, 2), (7,), (9,)
# Models, shapes of examples, and targets.
TAKEN = [
    *(("mlp", shape, target) for shape in (IMAGES, SERIES, TABLE) for target in TARGETS),
    *(("cnn", IMAGES, target) for target in TARGETS),
    *(("text", IDS, target) for target in [*FLAT, "steps"]),
    *(("unet", IMAGES, target) for target in ("mask", "depths", "pixel tags")),
    *(("resnet", IMAGES, target) for target in FLAT),
]
CHANGES = {"normalization": "batch", "activation": "prelu", "dropout": 0.3}
SEVERAL = {"price": TARGETS["one number"], "kind": TARGETS["classes"], "future": TARGETS["steps"]}


def data_of(shape, *targets, **named) -> ModelData:
    names = {"": targets[0]} if targets else named
    return ModelData(shape, {name: TARGETS.get(kind, kind) for name, kind in names.items()}, ids=lambda: (0, 19))


def examples(shape) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 20, (3, *shape)) if shape == IDS else rng.standard_normal((3, *shape)).astype(np.float32)


@pytest.mark.parametrize(("kind", "shape", "target"), TAKEN)
def test_the_output_has_the_shape_of_the_target_and_no_activation(kind, shape, target):
    model = built(kind, data_of(shape, target))
    assert model.output_shape == (None, *OUTPUTS[target])
    outputs = np.asarray(model(examples(shape)))
    assert np.isfinite(outputs).all()
    *_, last = weighted(model)
    assert last.activation is keras.activations.linear
    assert isinstance(model.layers[-1], type(last) | keras.layers.Reshape)


@pytest.mark.parametrize(("kind", "shape", "target"), [one for one in TAKEN if one[2] in ("numbers", "steps", "mask")])
def test_a_restarted_model_has_the_values_of_one_built_anew(kind, shape, target):
    data, after = data_of(shape, target), {**CHANGES, "initializer": "orthogonal*2", "dropout": 0.1}
    model, anew = built(kind, data, **CHANGES), built(kind, data, replicate=2, **after)
    restarted_like(kind, model, anew, after)


def test_so_has_one_with_several_inputs_and_outputs():
    data, after = data_of({"b": TABLE, "a": IMAGES}, **SEVERAL), {**CHANGES, "initializer": "lecun_uniform"}
    model, anew = built("mlp", data, **CHANGES), built("mlp", data, replicate=2, **after)
    restarted_like("mlp", model, anew, after)


@pytest.mark.parametrize("encoder", ["average", "max", "gru", "lstm"])
def test_so_has_a_network_for_texts_with_its_words_and_recurrent_layer(encoder):
    data, after = data_of(IDS, "classes"), {**CHANGES, "initializer": "he_uniform", "encoder": encoder}
    model, anew = (built("text", data, encoder=encoder, **CHANGES), built("text", data, replicate=2, **after))
    restarted_like("text", model, anew, after)


def restarted_like(kind, model, anew, after):
    before = [variable.numpy() for variable in model.variables]
    values = levels(kind, **after)
    (restart_residual if kind == "resnet" else restart)(model, values, layer_seeds=LayerSeeds(0, 2))
    assert not all(map(np.array_equal, before, model.get_weights()))
    for restarted, fresh in zip(model.variables, anew.variables, strict=True):
        assert restarted.path.rsplit("/", 1)[-1] == fresh.path.rsplit("/", 1)[-1]
        assert np.array_equal(restarted.numpy(), fresh.numpy())


def test_several_inputs_are_flattened_and_joined():
    model = built("mlp", data_of({"age": (1,), "scan": (4, 4, 1)}, "classes"), depth=1, width=5)
    assert count_parameters(model) == (1 + 16) * 5 + 5 + 5 * 4 + 4
    x = {"scan": np.ones((2, 4, 4, 1), np.float32), "age": np.zeros((2, 1), np.float32)}
    kernel, bias = (np.asarray(v) for v in weighted(model)[0].variables)
    np.testing.assert_allclose(hidden(model)(x), np.maximum(np.tile(kernel[1:].sum(0) + bias, (2, 1)), 0), rtol=1e-5)
    alone = built("mlp", data_of({"only": TABLE}, "classes"), depth=1, width=5)
    assert alone({"only": np.ones((2, 7), np.float32)}).shape == (2, 4)


def hidden(model) -> keras.Model:
    return keras.Model(model.input, next(x for x in model.layers if isinstance(x, keras.layers.Activation)).output)


def test_several_targets_have_an_output_layer_each_by_name():
    model = built("mlp", data_of(TABLE, **SEVERAL), depth=1, width=5, initializer="zeros")
    outputs = model(np.ones((2, 7), np.float32))
    assert {name: tensor.shape for name, tensor in outputs.items()} == {
        "price": (2, 1),
        "kind": (2, 4),
        "future": (2, 6, 2),
    }
    assert count_parameters(model) == (7 * 5 + 5) + 5 * (1 + 4 + 12) + (1 + 4 + 12)
    other = built("mlp", data_of(TABLE, **SEVERAL), depth=1, width=5, initializer="he_normal")
    kernels = [np.asarray(layer.kernel) for layer in weighted(other)]
    assert not any(np.array_equal(a[:, :1], b[:, :1]) for a in kernels[1:] for b in kernels[1:] if a is not b)


@pytest.mark.parametrize(
    ("kind", "shape", "target", "message"),
    [
        ("cnn", TABLE, "classes", r'cnn needs images .*\n  choose a data set of images, or model "mlp"'),
        ("cnn", {"a": IMAGES, "b": TABLE}, "classes", r'cnn takes one input, .* have 2: a, b\n  choose model "mlp"'),
        ("resnet", {"a": IMAGES}, "classes", "resnet takes one input, but these data have 1: a"),
        ("resnet", IMAGES, "mask", r'one row of numbers .* targets of shape \(8, 8, 3\)\n  choose model "mlp"'),
        ("text", IMAGES, "classes", r"rows of ids \(length,\), but these examples have shape \(8, 8, 3\)\n  choose"),
        ("unet", TABLE, "mask", "unet needs images"),
        ("unet", IMAGES, "classes", r"unet needs one target for each pixel, so \(n, 8, 8\), .* of shape \(\)\n"),
        ("unet", (8, 4, 1), "mask", r"unet needs one target for each pixel, so \(n, 8, 4\), .* of shape \(8, 8\)\n"),
    ],
)  # fmt: skip
def test_data_that_a_model_cannot_take_are_refused_with_the_way_out(kind, shape, target, message):
    with pytest.raises(StudyError, match=message):
        built(kind, data_of(shape, target))


@pytest.mark.parametrize("kind", ["mlp", "cnn", "text", "unet", "resnet"])
def test_no_model_of_this_package_learns_without_targets(kind):
    with pytest.raises(
        StudyError, match=rf"{kind} needs targets, .*\n  give them y_train, or name a model that makes its own"
    ):
        built(kind, data_of(IMAGES, Target("none")))


def test_images_are_not_changed_where_their_targets_or_another_input_would_stay():
    with pytest.raises(
        StudyError, match=r'augmentation: "flip" would change the images, but not the targets of their pixels'
    ):
        built("cnn", data_of(IMAGES, "mask"), augmentation="flip")
    with pytest.raises(StudyError, match=r'augmentation: "zoom" would change one of several inputs without the others'):
        built("mlp", data_of({"a": IMAGES, "b": IMAGES}, "classes"), augmentation="zoom")
    assert built("cnn", data_of(IMAGES, "numbers"), augmentation="flip").output_shape == (None, 3)


@pytest.mark.parametrize("kind", ["mlp", "cnn", "text", "unet"])
def test_penalties_and_the_largest_norm_are_those_of_every_kernel(kind):
    target, shape = ("mask", IMAGES) if kind == "unet" else ("classes", IDS if kind == "text" else IMAGES)
    model = built(kind, data_of(shape, target), l2=0.1, max_norm=0.5)
    *inner, output = weighted(model)
    assert len(model.losses) == len(inner) + 1
    assert output.kernel_constraint is None
    for layer in inner:
        bounded = np.asarray(layer.kernel_constraint(10 * layer.kernel))
        incoming = bounded.swapaxes(-1, -2) if isinstance(layer, keras.layers.Conv2DTranspose) else bounded
        norms = np.sqrt((incoming**2).sum(axis=tuple(range(bounded.ndim - 1))))
        np.testing.assert_allclose(norms, 0.5, rtol=1e-5)


def test_every_built_in_model_is_covered_here():
    assert {kind for kind, _, _ in TAKEN} == set(BUILT_IN) - {"resnet50"}  # too large
