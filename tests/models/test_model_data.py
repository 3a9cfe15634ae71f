import numpy as np
import pytest

from ablate.data import Source, split_dataset, to_dataset
from ablate.errors import StudyError
from ablate.models.model_data import ModelData, classification, model_data
from ablate.study.settings import Data
from ablate.study.task import Target

MASK = Target("classes", (4, 4), n_classes=3)
PRICE, TAGS = Target("numbers"), Target("tags", (5,), n_classes=5)


def dataset(x=None):
    rng = np.random.default_rng(0)
    x = rng.integers(3, 90, (30, 6)) if x is None else x
    y = np.arange(30) % 3
    return to_dataset("ids", Source(x[:20], y[:20], x[20:], y[20:], origin="here"))


def test_one_target_gives_numbers_and_several_give_them_by_name():
    one, several = ModelData((4, 4, 1), {"": MASK}), ModelData((7,), {"price": PRICE, "tags": TAGS})
    assert (one.n_outputs, one.n_classes, one.output_shape) == (3, 3, (4, 4, 3))
    assert several.n_outputs == {"price": 1, "tags": 5}
    assert several.n_classes == {"price": 0, "tags": 5}
    assert several.output_shape == {"price": (1,), "tags": (5,)}


def test_only_one_input_has_a_shape_of_its_own():
    assert classification((8, 8, 1), 3).single_shape == (8, 8, 1)
    assert ModelData({"a": (2,), "b": (3,)}, {"": PRICE}).single_shape is None


def test_the_training_examples_are_those_of_the_split_as_the_model_receives_them_and_read_only_if_asked_for():
    data, calls = dataset(np.random.default_rng(1).standard_normal((30, 6)).astype(np.float32)), []

    def split():
        calls.append(1)
        return split_dataset(data, Data(name="x.npz", validation=5), seed=0, replicate=0, scaling="standardize")

    seen = model_data(data, split)
    assert (seen.input_shape, seen.n_classes, calls, seen.noted) == ((6,), 3, [], set())
    assert seen.train.shape == (15, 6)
    np.testing.assert_allclose(seen.train.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(seen.train.std(axis=0), 1, rtol=1e-5)
    assert seen.noted == {"train"}


def test_whole_numbers_have_a_range_over_training_and_test_examples_and_others_have_none():
    x = np.full((30, 6), 7)
    x[0, 0], x[29, 5] = 2, 200  # one for training, one for testing
    assert model_data(dataset(x), lambda: None).id_range == (2, 200)
    assert model_data(dataset(x + 0.5), lambda: None).id_range is None


def test_without_examples_there_is_nothing_to_adapt_layers_on():
    with pytest.raises(StudyError, match=r"build reads data.train, but this model is built without examples"):
        classification((3,), 2).train  # noqa: B018  # a property
