import keras
import pytest
from keras import layers

from ablate.errors import StudyError
from ablate.models.model_data import ModelData, classification
from ablate.models.shapes import check_shapes, input_order, output_order
from ablate.study.task import Target

BINARY, CLASSES = Target("classes", n_classes=2), Target("classes", n_classes=3)
PRICE, AMOUNTS, TAGS = Target("numbers"), Target("numbers", (4,)), Target("tags", (5,), n_classes=5)
MASK, BINARY_MASK = Target("classes", (4, 4), n_classes=3), Target("classes", (4, 4), n_classes=2)
FORECAST, LATENT = Target("numbers", (6, 2)), Target("none")


def returning(*shapes, example=(8,), batch=None, names=()) -> keras.Model:
    """A model whose outputs have these shapes; by these names, if there are any."""
    inputs = keras.Input(example, batch_size=batch)
    x = layers.Flatten()(inputs)
    outputs = [shaped(x, shape) for shape in shapes]
    if names:
        return keras.Model(inputs, dict(zip(names, outputs, strict=True)))
    return keras.Model(inputs, outputs if len(outputs) > 1 else outputs[0])


def shaped(x, shape):
    if shape == ():
        return keras.ops.squeeze(layers.Dense(1)(x), -1)
    flat = layers.Dense(keras.ops.prod(shape).numpy().item())(x)
    return layers.Reshape(shape)(flat) if len(shape) > 1 else flat


@pytest.mark.parametrize(
    ("target", "shape"),
    [
        (CLASSES, (3,)), (BINARY, (2,)), (BINARY, (1,)), (Target("one-hot", (3,), n_classes=3), (3,)), (TAGS, (5,)),
        (PRICE, (1,)), (PRICE, ()), (Target("numbers", (1,)), (1,)), (AMOUNTS, (4,)), (FORECAST, (6, 2)),
        (MASK, (4, 4, 3)), (BINARY_MASK, (4, 4, 2)), (BINARY_MASK, (4, 4, 1)), (LATENT, (77, 2)),
    ],
)  # fmt: skip
def test_an_output_that_fits_its_target_is_taken(target, shape):
    check_shapes(returning(shape), ModelData((8,), {"": target}))


@pytest.mark.parametrize(
    ("target", "shape", "message"),
    [
        (CLASSES, (7,), r"with output \(None, 3\), got output shape \(None, 7\)\n  return one number per class"),
        (CLASSES, (1,), r"got output shape \(None, 1\)\n  return one number per class: logits, or a softmax"),
        (
            BINARY,
            (3,),
            r"output \(None, 2\), got .*\n  return two numbers for two classes, Dense\(2\), or one, Dense\(1\)",
        ),
        (
            TAGS,
            (1,),
            r"output \(None, 5\), got .*\n  return one number per tag: Dense\(5\), logits, or after a sigmoid",
        ),
        (
            PRICE,
            (2,),
            r"output \(None, 1\), got .*\n  return the amounts themselves: Dense\(1\), without an activation",
        ),
        (AMOUNTS, (), r"output \(None, 4\), got output shape \(None,\)\n  return the amounts themselves: Dense\(4\)"),
        (FORECAST, (12,), r"output \(None, 6, 2\), got .*\n  return \(None, 6, 2\): amounts in each place"),
        (
            MASK,
            (4, 4, 1),
            r"output \(None, 4, 4, 3\), .*\n  return \(None, 4, 4, 3\): one number per class in each place",
        ),
        (MASK, (3,), r"output \(None, 4, 4, 3\), got output shape \(None, 3\)\n  return"),
    ],
)
def test_an_output_that_does_not_fit_is_refused_with_the_way_out(target, shape, message):
    with pytest.raises(StudyError, match=message):
        check_shapes(returning(shape), ModelData((8,), {"": target}))


def test_a_batch_of_a_fixed_size_is_refused():
    with pytest.raises(StudyError, match=r"got output shape \(32, 3\)\n  leave the batch size open"):
        check_shapes(returning((3,), batch=32), classification((8,), 3))


def test_a_network_of_convolutions_may_leave_the_sides_open_but_not_the_classes():
    def convolutions(filters):
        inputs = keras.Input((None, None, 1))
        return keras.Model(inputs, layers.Conv2D(filters, 3, padding="same")(inputs))

    data = ModelData((4, 4, 1), {"": MASK})
    check_shapes(convolutions(3), data)
    with pytest.raises(StudyError, match=r"got output shape \(None, None, None, 4\)"):
        check_shapes(convolutions(4), data)


BOTH = ModelData((8,), {"price": PRICE, "kind": CLASSES})


def test_several_outputs_match_by_name_or_by_order():
    for model in (returning((1,), (3,)), returning((3,), (1,), names=("kind", "price"))):
        check_shapes(model, BOTH)
    inputs = keras.Input((8,))
    kind, price = layers.Dense(3, name="kind")(inputs), layers.Dense(1, name="price")(inputs)
    named = keras.Model(inputs, [kind, price])  # a list in another order, with the targets' names
    check_shapes(named, BOTH)
    assert output_order(named, BOTH.targets) == ("kind", "price")
    assert output_order(returning((1,), (3,)), BOTH.targets) == ("price", "kind")
    assert output_order(returning((1,), (3,), names=("price", "kind")), BOTH.targets) == (
        "kind",
        "price",
    )  # Keras sorts


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            lambda: returning((1,)),
            r"with outputs price \(None, 1\), kind \(None, 3\), got output shape \(None, 1\)\n  return one",
        ),
        (
            lambda: returning((1,), (3,), names=("price", "sort")),
            r"got outputs price, sort\n  return one output for each",
        ),
        (lambda: returning((3,), (1,)), r"got shape \(None, 3\) for price\n  return the amounts themselves"),
        (
            lambda: returning((1,), (4,), names=("price", "kind")),
            r"got shape \(None, 4\) for kind\n  return one number per",
        ),
    ],
)
def test_outputs_that_miss_a_target_are_refused(model, message):
    with pytest.raises(StudyError, match=message):
        check_shapes(model(), BOTH)


def test_one_output_by_name_is_none_for_targets_without_a_name():
    with pytest.raises(
        StudyError, match=r"with output \(None, 3\), got outputs kind\n  return one output for each target: keras"
    ):
        check_shapes(returning((3,), names=("kind",)), classification((8,), 3))


TWO = ModelData({"scan": (4, 4, 1), "age": (1,)}, {"": CLASSES})


def taking(*shapes, names=(), by_name=False) -> keras.Model:
    given = names or [None] * len(shapes)
    inputs = [keras.Input(shape, name=name) for shape, name in zip(shapes, given, strict=True)]
    x = [layers.Flatten()(one) for one in inputs]
    output = layers.Dense(3)(layers.Concatenate()(x) if len(x) > 1 else x[0])
    return keras.Model(dict(zip(names, inputs, strict=True)) if by_name else inputs, output)


def test_several_inputs_match_by_name_or_by_order():
    by_order = taking((4, 4, 1), (1,))
    by_name = taking((1,), (4, 4, 1), names=("age", "scan"), by_name=True)
    listed = taking((1,), (4, 4, 1), names=("age", "scan"))
    assert [input_order(model, TWO.input_shape) for model in (by_order, by_name, listed)] == [
        ("scan", "age"), ("age", "scan"), ("age", "scan"),
    ]  # fmt: skip
    for model in (by_order, by_name, listed):
        check_shapes(model, TWO)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            lambda: taking((4, 4, 1)),
            r"with the inputs scan \(None, 4, 4, 1\), age \(None, 1\), got \w+ \(None, 4, 4, 1\)\n"
            r"  begin with {name: keras.Input\(shape, name=name\) for .*}; leave inputs that the model does not need",
        ),
        (lambda: taking((1,), (4, 4, 1)), r"got \(None, 1\) for scan\n  begin with {name"),
        (
            lambda: taking((1,), (4, 4, 1), names=("ages", "scan"), by_name=True),
            r'got ages \(None, 1\), scan .*\n  known: age, scan +did you mean "age"',
        ),
        (lambda: keras.Sequential([keras.Input((1,)), layers.Dense(3)]), r"with the inputs scan .*\n  begin with"),
    ],
)
def test_inputs_that_miss_one_of_the_data_are_refused(model, message):
    with pytest.raises(StudyError, match=message):
        check_shapes(model(), TWO)


def test_several_inputs_for_one_array_are_refused():
    with pytest.raises(
        StudyError, match=r"with one input \(None, 8\), got \(\(None, 8\), \(None, 2\)\)\n  start the model"
    ):
        check_shapes(taking((8,), (2,)), classification((8,), 3))


class Unknown(keras.Model):
    def call(self, x):
        return x


def test_a_model_of_unknown_shapes_is_taken_only_if_it_makes_its_own_loss():
    check_shapes(Unknown(), ModelData((8,), {"": LATENT}))
    with pytest.raises(StudyError, match=r"got a Unknown of unknown shapes\n  start with keras.Input"):
        check_shapes(Unknown(), classification((8,), 3))
