import keras
import numpy as np
import pytest
from backends import narrowed
from keras import layers, ops

from ablate.data import Source, split_dataset, to_dataset
from ablate.errors import StudyError
from ablate.models.outputs import Reading
from ablate.study.model_ref import ModelRef
from ablate.study.settings import Data
from ablate.training.engine.examination import Examiner, check_numbers, examine

RNG = np.random.default_rng(0)
N, LENGTH, VOCABULARY = 60, 5, 300


def data_of(x):
    y = np.arange(N, dtype=np.int32) % 3
    return to_dataset("words", Source(x, y, x, y, origin="words"))


WORDS = data_of(RNG.integers(1, VOCABULARY, (N, LENGTH)).astype(np.int32))
REAL = data_of(RNG.normal(size=(N, LENGTH)).astype(np.float32))


def examined(make, *, data=WORDS, scaling="standardize", dtype=None):
    inputs = keras.Input((LENGTH,), dtype=dtype)
    model = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(make(inputs))))
    split = split_dataset(data, Data(name="x.npz", validation=6), seed=0, replicate=1, scaling=scaling)
    return examine(model, data, split, scaling=scaling)


def embedding(size=VOCABULARY):
    return layers.Embedding(size, 2, name="words")


def nested(x):
    inner = keras.Input((LENGTH,))
    return keras.Model(inner, embedding()(inner))(x)


WHOLE = {
    "straight": lambda x: embedding()(x),
    "cast": lambda x: embedding()(ops.cast(x, "int64")),
    "reshaped": lambda x: embedding()(layers.Reshape((LENGTH, 1))(x)),
    "one column": lambda x: ops.concatenate([embedding()(x[:, 0]), x[:, 1:]], axis=-1),
    "lambda": lambda x: embedding()(layers.Lambda(lambda t: ops.cast(t, "int32"), output_shape=(LENGTH,))(x)),
    "nested": nested,
    "one-hot": lambda x: layers.CategoryEncoding(num_tokens=VOCABULARY, output_mode="multi_hot")(ops.cast(x, "int32")),
    "looked up": lambda x: layers.IntegerLookup(vocabulary=list(range(9)), output_mode="multi_hot")(
        ops.cast(x, "int64")
    ),
    "hashed": lambda x: embedding(7)(layers.Hashing(num_bins=7)(ops.cast(x, "int64"))),
}


@narrowed
@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("scaling", ["standardize", "unit"])
def test_ids_are_taken_as_they_are_and_never_scaled(kind, scaling):
    assert examined(WHOLE[kind], scaling="none").outputs == "logits"
    if kind != "one column":
        assert examined(WHOLE[kind], scaling=scaling).unscaled == {""}
        return
    with pytest.raises(StudyError, match=rf'data.scaling: "{scaling}" changes the whole numbers in the data'):
        examined(WHOLE[kind], scaling=scaling)


def test_the_range_of_ids_is_that_of_all_the_data_and_not_of_a_few_examples():
    words = WORDS.x_train.copy()
    words[-1, 2] = 5 * VOCABULARY  # in the last example alone
    with pytest.raises(StudyError, match=r"takes numbers from 0 to 299, the data have \d to 1,500\n"):
        examined(embedding(), data=data_of(words.astype(np.int32)), scaling="none")


def test_an_input_of_whole_numbers_gets_whole_numbers():
    with pytest.raises(StudyError, match="turns the examples into fractions, but the model's input of type int32"):
        examined(lambda x: ops.one_hot(x, VOCABULARY), dtype="int32")
    with pytest.raises(StudyError, match="type int32, which would cut off the fractions of the data"):
        examined(lambda x: ops.one_hot(x, 9), data=REAL, scaling="none", dtype="int32")
    assert examined(lambda x: ops.one_hot(x, VOCABULARY), scaling="none", dtype="int32").outputs == "logits"


@pytest.mark.parametrize(
    "make",
    [
        lambda x: layers.Dense(4)(x),
        lambda x: layers.Embedding(3, 2)(layers.Discretization(bin_boundaries=[-0.5, 0.5])(x)),
        lambda x: layers.Embedding(2, 2)(ops.cast(x > 0, "int32")),
    ],
)
@pytest.mark.parametrize("data", [WORDS, REAL])
def test_real_inputs_and_whole_numbers_that_a_model_makes_itself_are_scaled_as_ever(make, data):
    assert examined(make, data=data).outputs == "logits"


SCALING_AGAIN = {
    "rescaled": lambda x: layers.Rescaling(1 / 255)(x),
    "normalized": lambda x: layers.Normalization(mean=3.0, variance=4.0)(x),
    "reshaped first": lambda x: layers.Rescaling(2.0)(layers.Reshape((LENGTH, 1))(x)),
    "deep in the model": lambda x: keras.Sequential([keras.Input((LENGTH,)), layers.Rescaling(2.0)])(x),
}


@pytest.mark.parametrize("kind", SCALING_AGAIN)
@pytest.mark.parametrize("scaling", ["standardize", "unit"])
def test_examples_are_not_scaled_by_the_study_and_by_the_model(kind, scaling):
    with pytest.raises(
        StudyError, match=rf'"{scaling}" scales the examples.*scales them again\n  set data.scaling = "none"'
    ):
        examined(SCALING_AGAIN[kind], data=REAL, scaling=scaling)
    assert examined(SCALING_AGAIN[kind], data=REAL, scaling="none").outputs == "logits"


def test_what_a_model_scales_within_itself_is_its_own_affair():
    assert examined(lambda x: layers.Rescaling(0.5)(layers.Dense(LENGTH)(x)), data=REAL).outputs == "logits"
    assert examined(lambda x: layers.BatchNormalization()(x), data=REAL).outputs == "logits"


def test_what_fails_for_another_reason_says_its_own():
    def broken(x):
        return layers.Lambda(lambda t: 1 // 0 if not keras.backend.is_keras_tensor(t) else t, output_shape=(5,))(x)

    with pytest.raises(ZeroDivisionError):
        examined(broken)


def test_fewer_examples_are_taken_where_memory_is_short_for_16(tiny_study, digits):
    seen = []

    class Hungry(layers.Layer):
        def call(self, x):
            if isinstance(n := x.shape[0], int):
                seen.append(n)
                if n > 3:
                    raise MemoryError
            return x

    study = tiny_study.model_copy(update={"model": ModelRef.of("mine.py:build", tiny_study.model.options)})
    split = split_dataset(digits, Data(name="digits", train=640, validation=200), seed=0, replicate=0, scaling="unit")
    inputs = keras.Input(digits.x_train.shape[1:])
    model = keras.Model(inputs, layers.Dense(10)(layers.Flatten()(Hungry()(inputs))))
    examiner = Examiner(study, digits, lambda _: split)
    assert examiner.reading(model, study.baseline) == examiner.reading(model, study.baseline) == Reading("logits")
    assert seen == [16, 4, 1, 1, 1, 1]  # once for all; the last: ids, inputs, outputs, numbers


def test_outputs_that_are_no_numbers_before_the_first_step_are_refused():
    inputs = keras.Input((LENGTH,))
    model = keras.Model(inputs, layers.Dense(3)(ops.log(inputs)))
    split = split_dataset(REAL, Data(name="x.npz", validation=6), seed=0, replicate=1, scaling="none")
    with pytest.raises(StudyError, match=r"those of 16 of 16 training examples are NaN\n"):
        check_numbers(model, REAL, split)
    assert examine(model, REAL, split, scaling="none").outputs == "logits"
