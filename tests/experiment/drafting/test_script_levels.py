"""What may vary in a model's code."""

import ast

import pytest

from ablate.experiment.drafting.script_levels import ModelCode, other_levels, still_read, vary_examples


def code_of(text, functions=()):
    return ModelCode(ast.parse(text).body, functions)


def test_equal_rates_of_dropout_are_a_level_and_unequal_ones_a_switch():
    text = "m = [Dropout(0.2), layers.Dropout(rate=0.2), Dropout(0)]"
    code = code_of(text)
    assert (code.factors["dropout"].baseline, code.factors["dropout"].others) == (0.2, (0.0,))
    assert code.text(text) == ['m = [Dropout(factors["dropout"]), layers.Dropout(rate=factors["dropout"]), Dropout(0)]']
    assert code_of("m = [Dropout(0.2), Dropout(0.5)]").factors["dropout"].baseline is True
    assert "dropout" not in code_of("m = Dropout(rate)").factors


def test_an_activation_that_all_hidden_layers_share_varies():
    text = 'm = [Dense(2, activation="relu"), Activation("relu"), Dense(1, activation="sigmoid")]'
    code = code_of(text)
    assert code.factors["activation"].others == ("elu",)
    assert code.text(text)[0].count('factors["activation"]') == 2
    assert "activation" not in code_of('m = [Activation("relu"), Activation("tanh")]').factors


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("m.add(BatchNormalization())", 'if factors["batch_norm"]:\n    m.add(BatchNormalization())'),
        ("x = BatchNormalization()(x)", 'x = BatchNormalization()(x) if factors["batch_norm"] else x'),
        (
            "x = BatchNormalization()(Dense(2)(x))",
            'x = (BatchNormalization() if factors["batch_norm"] else (lambda x: x))(Dense(2)(x))',
        ),
        ('m = [RandomFlip("horizontal")]', 'm = [*([RandomFlip("horizontal")] if factors["augmentation"] else [])]'),
    ],
)
def test_layers_that_may_be_left_out(text, written):
    code = code_of(text)
    assert code.text(text) == [written]
    ast.parse(written)


def test_a_layer_under_a_name_stays():
    assert code_of("b = BatchNormalization()").factors == {}


def test_arguments_of_a_function_of_the_script_vary():
    text = 'm = make(units=64, dropout=0.5, deep=True, act="relu", name="x", lr=0.1)'
    factors = code_of(text, ["make"]).factors
    assert {name: found.others for name, found in factors.items()} == {
        "units": (32,), "dropout": (0.0,), "deep": (False,), "act": ("elu",),
    }  # fmt: skip
    assert code_of(text).factors == {}


def test_levels_that_cannot_be_guessed_are_left():
    assert [other_levels("n", value) for value in (1, 0.5, "softmax", "text", None)] == [()] * 5


@pytest.mark.parametrize(
    ("text", "written", "asked"),
    [
        ("i = Input(x.shape[1:])", "i = Input(input_shape)", {"input_shape"}),
        ("i = Input((x.shape[1], x.shape[2]))", "i = Input((input_shape[0], input_shape[1]))", {"input_shape"}),
        ("i = Input(x.shape[1:3])", "i = Input(input_shape[0:2])", {"input_shape"}),
        ("i = Dense(x.shape[-1])", "i = Dense(input_shape[-1])", {"input_shape"}),
        ("n.adapt(x)", "n.adapt(data.train)", {"data"}),
        ("i = Dense(x.shape[0])", "i = Dense(x.shape[0])", set()),
    ],
)
def test_what_a_model_takes_of_the_examples_comes_from_its_arguments(text, written, asked):
    code = code_of(text)
    assert vary_examples(code, "x") == asked
    assert code.text(text) == [written]
    assert (still_read(code, {"x"}) is None) == bool(asked)


def test_a_name_that_the_model_binds_itself_is_its_own():
    code = code_of("x = Input(3)\ny = Dense(1)(x)")
    assert still_read(code, {"x"}) is None
    read = still_read(code_of("y = Dense(len(z))(x)"), {"z"})
    assert (read.id, read.lineno) == ("z", 1)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("m = [Flatten(input_shape=[28, 28]), Dense(10)]", "m = [Flatten(input_shape=input_shape), Dense(10)]"),
        ("m = [Input((28, 28)), Flatten()]", "m = [Input(input_shape), Flatten()]"),
        ("m = [keras.Input(shape=(28, 28)), Flatten()]", "m = [keras.Input(shape=input_shape), Flatten()]"),
        ("m = [Input((28, 28, 1)), Flatten()]", ""),
        ("m = [Input((28, 28)), LSTM(8)]", ""),
        ("m = [Input((28, 28)), Conv1D(8, 3), Flatten()]", ""),
    ],
)
def test_a_model_that_flattens_examples_of_two_axes_takes_their_shape_with_channels(text, written):
    code = code_of(text)
    assert vary_examples(code, "x") == ({"input_shape"} if written else set())
    assert code.text(text) == [written or text]
