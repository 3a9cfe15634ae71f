import keras
import numpy as np
import pytest
from keras import layers
from small_models import small
from users_models import CLASSES, ending

from ablate.models.layers import weights_digest


def seeded(seed, *, width=8, **last) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return ending(layers.Dense(CLASSES, **last), width=width)


def test_equal_weights_have_one_digest_and_other_draws_another():
    assert weights_digest(seeded(1)) == weights_digest(seeded(1)) != weights_digest(seeded(2))
    assert weights_digest(seeded(1, width=9)) != weights_digest(seeded(1))
    one, other = (small("cnn", replicate=replicate, dropout=0.5) for replicate in (1, 2))
    assert weights_digest(one) != weights_digest(other)


def test_a_difference_in_one_layer_is_enough():
    def fixed(seed):
        keras.utils.set_random_seed(seed)
        first = layers.Dense(8, kernel_initializer=keras.initializers.HeNormal(seed=42))
        return keras.Sequential([keras.Input((5,)), first, layers.Dense(3)])

    one, other = fixed(1), fixed(2)
    assert np.array_equal(one.get_weights()[0], other.get_weights()[0])
    assert weights_digest(one) != weights_digest(other)


@pytest.mark.parametrize("initializer", ["zeros", "ones"])
def test_weights_that_are_one_number_all_over_say_nothing(initializer):
    how = {"kernel_initializer": initializer}
    model = keras.Sequential(
        [keras.Input((5,)), layers.Dense(4, **how), layers.BatchNormalization(), layers.Dense(3, **how)]
    )
    assert weights_digest(model) == ""


def test_a_large_layer_is_sampled_over_its_whole_length():
    model = keras.Sequential([keras.Input((100,)), layers.Dense(200)])
    first = weights_digest(model)
    kernel, bias = model.get_weights()
    kernel[50:] += 1
    model.set_weights([kernel, bias])
    assert weights_digest(model) != first
