from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers, ops

from ablate.data import Source, split_dataset, to_dataset
from ablate.data.tasks import data_task
from ablate.errors import StudyError
from ablate.models.outputs import Reading
from ablate.study.settings import Data
from ablate.study.task import Target, Task, TaskMetric
from ablate.training.engine.compiled_objective import CompiledObjective
from ablate.training.engine.examples import Resident
from ablate.training.engine.inputs import Preparation
from ablate.training.engine.learning import learning_of, list_order
from ablate.training.engine.objective import ClassObjective
from ablate.training.engine.scaling import evaluated_weights, is_weighted, stacked_scaling, weighs_places
from ablate.training.engine.targets import scaled_targets, unscaled_outputs

X = np.arange(40, dtype=np.float32).reshape(20, 2)
FAR = (TaskMetric("far", "minimize", spec="far"), TaskMetric("loss", "minimize"))
CLASSES, AMOUNTS = np.arange(20, dtype=np.int32) % 3, np.linspace(100, 300, 20).astype(np.float32)


def data_of(y, x=X):
    return to_dataset("own", Source(x, y, x[:4] if not isinstance(x, dict) else x, y[:4], origin="own"))


def model_of(outputs, **how):
    inputs = keras.Input((2,))
    model = keras.Model(inputs, outputs(inputs))
    if how:
        model.compile(**how)
    return model


def learned(model, data, study, reading=None):
    return learning_of(model, data, data_task(study, data), reading or Reading("logits"), load=None)


def test_one_class_an_example_learns_as_ever_and_everything_else_by_a_compiled_model(tiny_study):
    classes = learned(model_of(layers.Dense(3)), data_of(CLASSES), tiny_study)
    assert isinstance(classes.objective, ClassObjective)
    for model, y in (
        (model_of(layers.Dense(1)), AMOUNTS),
        (model_of(layers.Dense(1)), CLASSES % 2),
        (model_of(layers.Dense(3), loss="sparse_categorical_crossentropy"), CLASSES),
    ):
        assert isinstance(learned(model, data_of(y), tiny_study).objective, CompiledObjective)
        assert model.compiled


def test_the_loss_of_a_model_without_one_is_that_of_its_targets(tiny_study):
    model, y = model_of(layers.Dense(1)), (CLASSES % 2).astype(np.int32)
    learned(model, data_of(y), tiny_study)
    logits = ops.convert_to_tensor([[2.0], [-1.0]])
    found = model.compute_loss(y=np.array([1, 0]), y_pred=logits)
    np.testing.assert_allclose(found, (np.log1p(np.exp(-2.0)) + np.log1p(np.exp(-1.0))) / 2, rtol=1e-6)


def test_a_loss_that_does_not_fit_the_outputs_is_refused_before_a_step(tiny_study):
    model = model_of(layers.Dense(3), loss="categorical_crossentropy")
    with pytest.raises(StudyError, match=r"the loss that it is compiled with fails on the first examples: .*\n  check"):
        learned(model, data_of(CLASSES), tiny_study)


def test_targets_are_scaled_for_the_loss_and_outputs_are_in_their_unit_for_metrics():
    data = data_of(AMOUNTS)
    settings = Data(name="x.npz", validation=5)
    split = split_dataset(data, settings, seed=0, replicate=1, scaling="standardize", target_scaling="standardize")
    tree = {name: {k: v[0] for k, v in some.items()} if isinstance(some, dict) else some[0]
            for name, some in stacked_scaling(data, [split], part="train").tree().items()}  # fmt: skip
    trained = AMOUNTS[split.train]
    scaled = scaled_targets(trained, tree)
    np.testing.assert_allclose(scaled, (trained - trained.mean()) / trained.std(), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(unscaled_outputs(scaled, tree), trained, rtol=1e-5)


def test_balanced_weights_count_in_training_alone(tiny_study):
    data, settings = data_of(np.array([0] * 15 + [1] * 5, np.int32)), Data(name="x.npz", validation=4)
    assert not is_weighted(tiny_study, data)
    assert is_weighted(tiny_study, replace(data, weights_train=np.ones(20, np.float32)))
    split = split_dataset(
        data, settings.model_copy(update={"weights": "balanced"}), seed=0, replicate=1, scaling="none"
    )
    weights = stacked_scaling(data, [split], part="train").weights
    assert weights.shape == (1, 24)
    assert sorted({round(float(w), 3) for w in weights[0, split.train]}) == [0.667, 2.0]
    assert stacked_scaling(data, [split], part="evaluate").weights is None


def test_balanced_weights_of_masks_are_a_table_by_class(tiny_study):
    masks = np.zeros((20, 1, 2), np.int32)
    masks[:10, 0, 0] = 1
    data, settings = data_of(masks), Data(name="x.npz", validation=4, weights="balanced")
    assert weighs_places(tiny_study.model_copy(update={"data": settings}), data)
    assert not weighs_places(tiny_study, data)
    splits = [split_dataset(data, settings, seed=0, replicate=k, scaling="none") for k in (1, 2)]
    found = stacked_scaling(data, splits, part="train")
    assert found.weights is None
    assert found.class_weights.shape == (2, 2)
    shares = [masks[split.train].mean() for split in splits]
    np.testing.assert_allclose(found.class_weights, [[0.5 / (1 - share), 0.5 / share] for share in shares], rtol=1e-6)
    assert stacked_scaling(data, splits, part="evaluate").class_weights is None


def test_weights_of_examples_count_in_evaluation_and_those_of_classes_do_not():
    data = data_of(CLASSES)
    assert evaluated_weights(data, np.array([0, 1])) is None
    n = len(data.x_train)
    weighted = replace(data, weights_train=np.arange(n, dtype=np.float32), weights_test=np.full(4, 9, np.float32))
    assert evaluated_weights(weighted, np.array([3, 1, n])).tolist() == [3, 1, 9]
    without = replace(weighted, weights_test=None)
    assert evaluated_weights(without, np.array([3, n])).tolist() == [3, 1]


def test_ids_stay_whole_numbers_and_unknown_numbers_become_0():
    prepare = Preparation(unscaled=frozenset({"ids"}), fills=True)
    x = {"ids": ops.convert_to_tensor([[300]], "int32"), "size": ops.convert_to_tensor([[np.nan, 4.0]])}
    made = prepare(x, {"ids": 0.0, "size": 2.0}, {"ids": 1.0, "size": 0.5})
    assert keras.backend.standardize_dtype(made["ids"].dtype) == "int32"
    assert np.asarray(made["size"]).tolist() == [[0.0, 1.0]]


def test_inputs_go_by_their_names_or_else_by_their_order():
    inputs = [keras.Input((2,), name="a"), keras.Input((2,), name="b")]
    several, by_name = (
        keras.Model(some, layers.Add()(inputs)) for some in (inputs, dict(zip("ab", inputs, strict=True)))
    )
    assert list_order(several, {"b": X, "a": X}) == ("a", "b")
    assert list_order(several, {"left": X, "right": X}) == ("left", "right")
    assert list_order(by_name, {"b": X, "a": X}) == ()
    assert Resident.of((X, X[:4]), (CLASSES, CLASSES[:4])).shapes() == [24, 2]


def test_a_loss_of_the_study_beside_a_compiled_model_is_refused(tiny_study):
    model, data = model_of(layers.Dense(1), loss="mse"), data_of(AMOUNTS)
    with pytest.raises(StudyError, match=r'training.loss: the study says "mae", but build returns .*\n  remove'):
        learning_of(model, data, data_task(tiny_study, data), Reading("logits"), load=None, loss="mae")
    own = model_of(layers.Dense(1))
    for _ in range(2):  # a model that this package has compiled is no user's
        learning_of(own, data, data_task(tiny_study, data), Reading("logits"), load=None, loss="mae")


class RawLoss(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        del x, sample_weight
        return ops.mean(ops.square(y - y_pred))  # of (n,) and (n, 1) this is a mean over n x n differences


def far(y_true, y_pred):
    return ops.abs(y_true - y_pred)


@pytest.mark.parametrize("y", [AMOUNTS, AMOUNTS[:, None]], ids=["numbers", "column"])
def test_own_losses_and_metrics_see_targets_in_the_shape_in_which_the_data_hold_them(y):
    inputs = keras.Input((2,))
    model = RawLoss(inputs, layers.Dense(1)(inputs))
    model.compile("sgd", metrics=[far])
    data, task = data_of(y), Task({"": Target("numbers", is_column=y.ndim == 2)}, FAR, "far")
    assert data.y_train.shape == (20,)
    assert data.targets == task.targets
    learning = learning_of(model, data, task, Reading("numbers"), load=None)
    expected = model.evaluate(X, y, batch_size=20, verbose=0, return_dict=True)
    weights = [variable.value for variable in model.trainable_variables]
    loss, _, outputs = learning.objective.forward(weights, [], ops.convert_to_tensor(X), AMOUNTS, None, {})
    assert float(loss) == pytest.approx(expected["loss"], rel=1e-6)
    tally = learning.objective.count(learning.objective.start(), AMOUNTS, outputs, None, {})
    assert learning.objective.trained(tally, 20) == {"far": pytest.approx(expected["far"], rel=1e-6)}
