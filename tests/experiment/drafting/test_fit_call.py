"""What `fit` and `compile` say."""

import ast

import pytest

from ablate.experiment.drafting.fit_call import examples_of, optimizer_of, settings_of
from ablate.experiment.drafting.script import read_script


@pytest.fixture
def read(tmp_path):
    def of(text):
        (tmp_path / "net.py").write_text(text)
        return read_script(tmp_path / "net.py")

    return of


def test_examples_by_position_or_name(read):
    for text in ("m.fit(a, b, epochs=1)", "m.fit(x=a, y=b, epochs=1)"):
        examples = examples_of(read(text))
        assert (ast.unparse(examples.x), ast.unparse(examples.y)) == ("a", "b")
        assert examples.validation is None
        assert examples.test is None


def test_validation_and_test_examples(read):
    examples = examples_of(read("m.fit(a, b, epochs=1, validation_data=(c, d))\nm.evaluate(e, y=f)\n"))
    assert [ast.unparse(one) for one in (*examples.validation, *examples.test)] == ["c", "d", "e", "f"]
    assert not examples.is_reused
    again = examples_of(read("m.fit(a, b, epochs=1, validation_data=(c, d))\nm.evaluate(c, d)\n"))
    assert (again.validation, again.is_reused) == (None, True)


def test_test_examples_that_are_only_named(read):
    examples = examples_of(read("x_test, y_test = f()\nm.fit(a, b, epochs=1)\n"))
    assert ast.unparse(examples.test[0]) == "x_test"


def test_numbers_in_constants_and_keras_defaults(read):
    settings = settings_of(read("E = 7\nB = 16\nm.fit(a, b, epochs=E, batch_size=B)\n"))
    assert (settings.epochs, settings.batch_size, settings.share, settings.patience) == (7, 16, 0.2, None)
    assert settings_of(read("m.compile('adam')\nm.fit(a, b)\n")).epochs == 1  # as Keras


def test_callbacks(read):
    stop, kinds = "stop = EarlyStopping('loss', patience=3)", "[stop, Mine(), ModelCheckpoint('x')]"
    text = f"{stop}\nm.fit(a, b, epochs=9, callbacks={kinds})"
    settings = settings_of(read(text))
    assert settings.patience == 3
    assert [line.partition(":")[0] for line in settings.left_out] == ["Mine", "ModelCheckpoint"]
    assert settings_of(read("m.fit(a, b, epochs=9, callbacks=cbs)")).left_out[0].startswith("a callback: ")


def test_weights_and_further_arguments_are_said(read):
    left = settings_of(read("m.fit(a, b, epochs=9, class_weight=w, steps_per_epoch=3)")).left_out
    assert [line.partition(":")[0] for line in left] == ["steps_per_epoch of fit", "weights"]


def test_an_order_of_examples_and_settings_of_libraries_are_said(read):
    text = "import keras\nkeras.utils.set_random_seed(1)\nkeras.mixed_precision.set_global_policy('mixed_float16')\n"
    left = settings_of(read(text + "m.fit(a, b, epochs=9, shuffle=False)")).left_out
    assert [line.partition(":")[0] for line in left] == [
        "shuffle of fit", "keras.mixed_precision.set_global_policy in line 3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("m.compile('Adam')", ("adam", None)),
        ("m.compile(loss='mse')", ("rmsprop", None)),
        ("m.compile(optimizer=keras.optimizers.SGD(0.1), loss='mse')", ("sgd", 0.1)),
        ("m.compile(optimizer=SGD(learning_rate=0.1, momentum=0.9))", None),
        ("m.compile(optimizer=SGD(learning_rate=rate))", None),
        ("m.compile(optimizer=mine)", None),
        ("m = make()", None),
    ],
)
def test_the_optimizer(text, found):
    assert optimizer_of(ast.parse(text).body) == found
