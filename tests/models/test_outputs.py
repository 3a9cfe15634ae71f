import keras
import numpy as np
import pytest
from keras import layers
from users_models import LOGITS, NEITHER, NEVER_BELOW_0, PROBABILITIES, SHAPE, ending

from ablate.errors import StudyError
from ablate.models.outputs import Reading, by_last_layer, read_outputs

EXAMPLES = np.random.default_rng(0).normal(size=(16, *SHAPE)).astype(np.float32)


def reading(make) -> Reading:
    keras.utils.set_random_seed(1)
    return read_outputs(make(), EXAMPLES)


@pytest.mark.parametrize("kind", PROBABILITIES)
def test_probabilities_are_known_by_their_values_wherever_the_softmax_is(kind):
    assert reading(PROBABILITIES[kind]) == Reading("probabilities")


@pytest.mark.parametrize("kind", LOGITS)
def test_logits_are_known_whatever_weights_they_begin_with(kind):
    assert reading(LOGITS[kind]) == Reading("logits")


@pytest.mark.parametrize("kind", NEVER_BELOW_0)
def test_outputs_that_cannot_be_negative_are_logits_with_a_note(kind):
    found = reading(NEVER_BELOW_0[kind])
    assert found.outputs == "logits"
    assert found.note.startswith("the outputs are never below 0")


@pytest.mark.parametrize("kind", NEITHER)
def test_a_sigmoid_for_each_class_is_refused(kind):
    with pytest.raises(StudyError, match=r"are between 0 and 1 and sum to .*\n  end in Dense\(n_classes\)"):
        reading(NEITHER[kind])


def test_probabilities_in_half_precision_are_known_too():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        assert reading(PROBABILITIES["average"]).outputs == "probabilities"
    finally:
        keras.config.set_dtype_policy("float32")


def test_reading_changes_no_state():
    """Neither running averages, nor the generators of noise, nor weights."""

    def end(x):
        x = layers.Dropout(0.5)(layers.BatchNormalization()(x))
        return layers.Reshape((4,))(layers.Dense(4, activation="softmax")(x))

    model = ending(end)
    before = [variable.value.numpy() for variable in model.variables]
    assert read_outputs(model, EXAMPLES) == read_outputs(model, EXAMPLES)
    now = [variable.value.numpy() for variable in model.variables]
    assert all(map(np.array_equal, before, now))


def test_a_last_layer_says_it_for_the_models_of_this_package():
    assert by_last_layer(PROBABILITIES["last layer"]()) == "probabilities"
    assert by_last_layer(LOGITS["plain"]()) == "logits"
