import warnings

import keras
import pytest
from keras import layers
from users_models import CLASSES, PROBABILITIES, SHAPE, Counting, Plain, WithStep, body, ending

from ablate.errors import StudyError
from ablate.models.build import Builder, build_model, check_trains
from ablate.models.layers import LayerSeeds
from ablate.models.model_data import classification
from ablate.models.own_training import check_parts, why_fit


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


def test_a_training_step_of_its_own_is_kept_in_a_model_and_refused_inside_of_one():
    for make in (with_step, with_own_method):
        assert why_fit(built(make), file="my.py") == "my.py overrides train_step"
    with pytest.raises(StudyError, match=r"its inner model with_step\w* has its own train_step, which training the"):
        built(inside)


def test_what_model_fit_alone_does_is_told():
    assert why_fit(built(plain), file="my.py") == ""
    assert why_fit(built(lambda: compiled(loss="mse", metrics=["mae"])), file="my.py") == ""
    eager = compiled(loss="mse", run_eagerly=True)
    assert why_fit(built(lambda: eager), file="my.py") == "my.py compiles it with run_eagerly"
    assert why_fit(built(plain), file="my.py", has_callbacks=True) == "my.py has callbacks"
    counting = built(lambda: ending(lambda x: layers.Dense(CLASSES)(Counting()(x))))
    assert why_fit(counting, file="my.py") == "its layers track metrics (seen)"


def test_state_of_layers_is_refused_by_name():
    def stateful():
        inputs = keras.Input(batch_shape=(32, *SHAPE))
        return keras.Model(
            inputs, layers.Dense(CLASSES)(layers.LSTM(2, stateful=True, name="memory")(layers.Reshape((6, 6))(inputs)))
        )

    with pytest.raises(StudyError, match=r"the layer memory is stateful, but .*\n  remove stateful=True"):
        built(stateful)


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
    check_parts(make())
    check_trains(make())
