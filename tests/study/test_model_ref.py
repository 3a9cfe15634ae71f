import pickle
from dataclasses import FrozenInstanceError

import pytest

from ablate.study.load import load_study
from ablate.study.model_ref import ModelRef


def test_a_name_without_a_colon_is_a_registered_model():
    model = ModelRef.of("mlp", {"depth": 3})
    assert (model.registered, model.file, model.function, model.is_users) == ("mlp", "", "", False)
    assert model.options == {"depth": 3}


@pytest.mark.parametrize(
    ("name", "file", "function"),
    [
        ("mine.py:build", "mine.py", "build"),
        ("nets/deep.py:make", "nets/deep.py", "make"),
        (r"C:\nets\deep.py:make", r"C:\nets\deep.py", "make"),
        (":build", "", "build"),
        ("mine.py:", "mine.py", ""),
        (":", "", ""),
    ],
)
def test_the_last_colon_separates_a_users_file_from_its_function(name, file, function):
    model = ModelRef.of(name)
    assert (model.registered, model.file, model.function, model.is_users) == (None, file, function, True)
    assert model.name == name


def test_a_model_is_called_as_its_study_file_calls_it_and_cannot_be_changed(tiny_study):
    assert tiny_study.model.name == ModelRef.of("mlp").name == "mlp"
    assert ModelRef.of("").name == ""
    with pytest.raises(FrozenInstanceError):
        tiny_study.model.file = "other.py"
    assert pickle.loads(pickle.dumps(tiny_study.model)) == tiny_study.model


def test_a_digest_takes_the_name_and_the_options_in_the_order_of_their_names():
    model = ModelRef.of("mine.py:build", {"width": 8, "deep": True})
    assert model.ingredients() == ["mine.py:build", [("deep", True), ("width", 8)]]


def test_a_study_is_read_with_its_users_model_in_parts(tmp_path):
    text = """
    [data]
    name = "digits"
    [model]
    name = "my_nets.py:small"
    heads = 2
    [baseline]
    optimizer = "adam"
    learning_rate = 0.1
    width = 8
    [space]
    width = [8, 16]
    """
    (tmp_path / "own.toml").write_text(text)
    model = load_study(tmp_path / "own.toml", overrides=[], quick=False).model
    assert model == ModelRef(None, "my_nets.py", "small", {"heads": 2})
