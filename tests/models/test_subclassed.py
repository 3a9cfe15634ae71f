"""Models that only know their shapes once they are called."""

import keras
import pytest
from keras import layers

from ablate.errors import StudyError
from ablate.models.subclassed import output_shapes, with_shapes


class Called(keras.Model):
    def __init__(self, **how):
        super().__init__()
        self.hidden, self.last = layers.Dense(4), layers.Dense(3)
        if how:
            self.compile(**how)

    def call(self, inputs):
        return self.last(self.hidden(inputs))


class Named(Called):
    def call(self, inputs, training=False):  # noqa: ARG002  # as Keras passes it
        return self.last(self.hidden(inputs["left"])) + self.last(self.hidden(inputs["right"]))


class Stepping(Named):
    def train_step(self, data):
        return super().train_step(data)


class Broken(Called):
    def call(self, inputs):
        raise RuntimeError(inputs)


def test_a_plain_subclass_becomes_a_functional_model_of_the_same_weights():
    model = Called()
    made = with_shapes(model, (5,))
    assert (made.input_shape, made.output_shape) == ((None, 5), (None, 3))
    assert [v.path for v in made.trainable_variables] == [v.path for v in model.trainable_variables]
    several = with_shapes(Named(), {"left": (5,), "right": (5,)})
    assert set(several.input) == {"left", "right"}


def test_a_subclass_with_a_step_or_loss_of_its_own_stays_itself_and_is_built():
    for model in (Stepping(), Named(optimizer="sgd", loss="mse")):
        shapes = {"left": (5,), "right": (5,)}
        assert output_shapes(model, shapes) is None
        assert with_shapes(model, shapes) is model
        assert output_shapes(model, shapes) == [(None, 3)]
        assert len(model.trainable_variables) == 4


def test_an_open_sequential_is_built_and_a_known_model_left_alone():
    made = with_shapes(keras.Sequential([layers.Dense(3)]), (5,))
    assert made.output_shape == (None, 3)
    assert with_shapes(made, (7,)) is made


def test_what_cannot_be_called_is_left_to_the_check_of_shapes():
    model = Broken()
    assert with_shapes(model, (5,)) is model
    assert output_shapes(model, (5,)) is None


def test_a_step_of_its_own_needs_a_call_that_can_be_told_whether_it_trains():
    with pytest.raises(StudyError, match=r"Called\.call takes no argument training.*\n  write def call"):
        with_shapes(Called(optimizer="sgd", loss="mse"), (5,))
