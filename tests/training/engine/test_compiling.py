import json

import keras
import numpy as np
import pytest
from backends import jax_only, short_of_memory, tensorflow_only

from ablate.storage.files.atomic import write_once
from ablate.training.engine.compiling import SIZE, YES_OR_NO, best_size, faster_with_xla, remembered, uses_xla

layers = keras.layers


def model(*inner) -> keras.Model:
    return keras.Sequential([keras.Input((6, 6, 1)), *inner, layers.Flatten(), layers.Dense(3)])


@tensorflow_only
def test_dense_layers_go_through_xla_and_convolutions_on_a_processor_do_not():
    dense = model(layers.Dense(4), layers.BatchNormalization())
    convolutional = model(layers.Conv2D(4, 3), layers.MaxPooling2D())
    nested = keras.Sequential([keras.Input((6, 6, 1)), convolutional])
    assert uses_xla(dense, on_gpu=False) is True
    assert [uses_xla(some, on_gpu=False) for some in (convolutional, nested)] == [False, False]
    assert [uses_xla(some, on_gpu=True) for some in (dense, convolutional)] == [True, True]


MOVING = [
    layers.RandomRotation(0.1),
    layers.RandomZoom(0.1),
    layers.RandomTranslation(0.1, 0.1),
    layers.RandomShear(0.1, 0.1),
    layers.RandomPerspective(1.0),
]


@tensorflow_only
@pytest.mark.parametrize("layer", MOVING, ids=lambda layer: type(layer).__name__)
def test_layers_that_xla_refuses_go_without_it_on_any_device(layer):
    import tensorflow as tf

    some = model(layer)
    compiled = tf.function(lambda x: some(x, training=True), jit_compile=True)
    with pytest.raises(tf.errors.OpError, match="ImageProjectiveTransformV3"):
        compiled(np.ones((2, 6, 6, 1), np.float32))
    assert [uses_xla(some, on_gpu=on_gpu) for on_gpu in (True, False)] == [False, False]


@tensorflow_only
def test_flips_go_through_xla():
    import tensorflow as tf

    some = model(layers.RandomFlip())
    assert uses_xla(some, on_gpu=False) is True
    assert tf.function(lambda x: some(x, training=True), jit_compile=True)(np.ones((2, 6, 6, 1))).shape == (2, 3)


@tensorflow_only
def test_of_other_layers_only_a_trial_can_tell():
    recurrent = model(layers.Reshape((6, 6)), layers.GRU(4, return_sequences=True))
    assert uses_xla(recurrent, on_gpu=False) is None


@jax_only
def test_every_layer_goes_through_xla_on_jax():
    several = [model(layers.Conv2D(4, 3)), model(layers.Reshape((6, 6)), layers.GRU(4)), *map(model, MOVING)]
    assert {uses_xla(some, on_gpu=on_gpu) for some in several for on_gpu in (True, False)} == {True}


def test_the_faster_compiler_wins_and_one_that_fails_does_not():
    assert faster_with_xla(lambda xla: 1.0 if xla else 2.0)
    assert not faster_with_xla(lambda xla: 2.0 if xla else 1.0)

    def refused(xla):
        if xla:
            raise ValueError("not compilable")
        return 1.0

    assert not faster_with_xla(refused)


def test_stacks_double_as_long_as_each_trial_gets_faster():
    assert best_size(lambda size: size * 1.0, most=8) == 1  # a processor: twice the work takes twice the time
    assert best_size(lambda _: 1.0, most=8) == 8  # a GPU with room
    assert best_size(lambda size: max(1.0, size / 4), most=32) == 4

    def full_above_two(size):
        if size > 2:
            raise short_of_memory()
        return 1.0

    assert best_size(full_above_two, most=8) == 2


def test_memory_that_ran_short_says_nothing_of_the_compiler():
    def short(_):
        raise short_of_memory()

    with pytest.raises(type(short_of_memory())):
        faster_with_xla(short)


def test_the_first_word_stands_for_all_processes(tmp_path):
    path = tmp_path / "ways" / "size.json"
    assert remembered(path, lambda: 4, kind=SIZE) == 4
    assert remembered(path, lambda: pytest.fail("measured twice"), kind=SIZE) == 4
    assert write_once(path, "8") == "4"
    assert json.loads(path.read_text()) == 4
    assert [file.name for file in path.parent.iterdir()] == ["size.json"]
    assert remembered(None, lambda: True, kind=YES_OR_NO) is True


@pytest.mark.parametrize("content", [b"", b"[2", b"null", b"true", b"0", b"1e9", b'{"a": 1}', b"\xff"])
def test_a_damaged_or_foreign_file_is_written_over(tmp_path, content):
    path = tmp_path / "size.json"
    path.write_bytes(content)
    assert remembered(path, lambda: 2, kind=SIZE) == 2
    assert remembered(path, lambda: pytest.fail("measured twice"), kind=SIZE) == 2


def test_a_choice_for_which_there_is_no_place_is_made_each_time(tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert remembered(tmp_path / "file" / "xla.json", lambda: False, kind=YES_OR_NO) is False
    assert remembered(tmp_path / "file" / "xla.json", lambda: True, kind=YES_OR_NO) is True
