import pytest

from ablate.errors import StudyError
from ablate.models import BUILT_IN, LayerSeeds, build_model
from ablate.registry import find_builder

USER = """
import keras

def build(factors, input_shape, n_classes, width=4):
    hidden = keras.layers.Dense(width, activation=factors["activation"])
    return keras.Sequential([keras.Input(input_shape), hidden, keras.layers.Dense(n_classes)])

def _private():
    pass

NUMBER = 3
"""


@pytest.fixture
def base(tmp_path):
    (tmp_path / "mine.py").write_text(USER)
    return tmp_path


def test_a_registered_name_is_found_and_an_unknown_one_is_answered_with_the_known(tmp_path):
    assert find_builder("mlp", base=tmp_path) is BUILT_IN["mlp"]
    with pytest.raises(StudyError, match=r'unknown model "mlpp"\n  known: mlp .*did you mean "mlp"'):
        find_builder("mlpp", base=tmp_path)


def test_a_users_function_builds_with_the_factors_and_options(base):
    builder = find_builder("mine.py:build", base=base)
    factors = {"activation": "tanh", "learning_rate": "find"}
    model = build_model(builder, factors, (5,), 3, layer_seeds=LayerSeeds(0, 1), options={"width": 7})
    assert model.layers[0].units == 7
    assert model.output_shape == (None, 3)


def test_a_users_model_is_seeded_by_the_replicate(base):
    builder = find_builder("mine.py:build", base=base)

    def kernel(replicate):
        seeds = LayerSeeds(0, replicate)
        return build_model(builder, {"activation": "relu"}, (5,), 3, layer_seeds=seeds, options={}).get_weights()[0]

    assert (kernel(1) == kernel(1)).all()
    assert (kernel(1) != kernel(2)).any()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no.py:build", "there is no file"),
        ("mine.py:biuld", 'has no function "biuld"\n  known: build'),
        ("mine.py:NUMBER", 'has no function "NUMBER"'),
        ("broken.py:build", "importing .*broken.py failed: ZeroDivisionError"),
    ],
)
def test_what_is_wrong_with_user_code_is_said(base, name, message):
    (base / "broken.py").write_text("1 / 0")
    with pytest.raises(StudyError, match=message):
        find_builder(name, base=base)
