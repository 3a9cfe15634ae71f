import warnings

import keras
import pytest
from keras import layers
from users_models import CLASSES, PROBABILITIES, SHAPE, Counting, Plain, WithStep, body, ending

from ablate.errors import StudyError
from ablate.models.build import Builder, build_model, check_nothing_ignored, check_trains
from ablate.models.layers import LayerSeeds
from ablate.models.model_data import classification


def built(make) -> keras.Model:
    def build(*_, layer_seeds):  # noqa: ARG001  # part of the call
        return make()

    return build_model(Builder(build), {}, classification(SHAPE, CLASSES), layer_seeds=LayerSeeds(0, 0), options={})


def plain():
    return ending(layers.Dense(CLASSES))


def compiled(**how):
    model = plain()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # with determinism on, Keras does not take jit_compile
        model.compile(**how)
    return model


def with_optimizer():
    model = plain()
    model.optimizer = keras.optimizers.SGD(0.5)
    return model


def with_step():
    inputs, hidden = body()
    return WithStep(inputs, layers.Dense(CLASSES)(hidden))


def with_own_method():
    model = plain()
    model.train_step = lambda data: data
    return model


def inside():
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, layers.Dense(CLASSES)(WithStep(*body())(inputs)))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: WithStep(*(lambda x, h: (x, layers.Dense(CLASSES)(h)))(*body())),
            "a WithStep with its own train_step;",
        ),
        (with_own_method, "a Functional with its own train_step;"),
        (inside, r"its inner model with_step\w* has its own train_step;"),
    ],
)
def test_a_training_step_or_loss_of_its_own_is_refused_in_a_model_and_inside_of_one(make, said):
    with pytest.raises(StudyError, match=f"{said} ablate trains with its own step and loss"):
        built(make)


def test_state_and_metrics_of_layers_are_refused_by_name():
    def stateful():
        inputs = keras.Input(batch_shape=(32, *SHAPE))
        return keras.Model(
            inputs, layers.Dense(CLASSES)(layers.LSTM(2, stateful=True, name="memory")(layers.Reshape((6, 6))(inputs)))
        )

    with pytest.raises(StudyError, match=r"the layer memory is stateful, but .*\n  remove stateful=True"):
        built(stateful)
    with pytest.raises(StudyError, match=r"adds? metrics \(seen\), but .*\n  remove the metrics"):
        built(lambda: ending(lambda x: layers.Dense(CLASSES)(Counting()(x))))


def test_a_model_in_which_nothing_trains_is_refused_and_a_partly_frozen_one_is_not():
    def frozen(part):
        model = plain()
        (model if part is None else model.layers[part]).trainable = False
        return model

    with pytest.raises(StudyError, match=r"without trainable weights.*\n  remove trainable = False"):
        built(lambda: frozen(None))
    assert len(built(lambda: frozen(2)).trainable_variables) == 2


@pytest.mark.parametrize("make", [plain, lambda: Plain(8), *PROBABILITIES.values()])
def test_what_trains_as_it_is_is_taken(make):
    check_nothing_ignored(make())
    check_trains(make())
