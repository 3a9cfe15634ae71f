"""A script becomes a study: its functions, its factors, and what is refused."""

import ast
import tomllib

import pytest
from scripts import ADDED, MAIN, SEQUENTIAL

from ablate.errors import StudyError
from ablate.experiment.drafting.draft import text_of
from ablate.experiment.drafting.from_script import draft_of_script


@pytest.fixture
def drafted(tmp_path):
    def of(text: str):
        (tmp_path / "net.py").write_text(text)
        return draft_of_script(tmp_path / "net.py", name="net", folder=tmp_path)

    return of


def functions(draft) -> dict[str, str]:
    """The text of each function of the module, and "" for what stands outside."""
    tree = ast.parse(draft.code.text)
    found = {one.name: ast.unparse(one) for one in tree.body if isinstance(one, ast.FunctionDef)}
    return {**found, "": "\n".join(ast.unparse(one) for one in tree.body if not isinstance(one, ast.FunctionDef))}


def test_a_sequential_script_keeps_its_text_and_gets_factors(drafted):
    draft = drafted(SEQUENTIAL)
    assert draft.code.path.name == "net_parts.py"
    assert "# looks at 3 × 3 pixels" in draft.code.text
    code = functions(draft)
    assert "plt" not in draft.code.text
    assert "summary" not in draft.code.text
    assert "set_random_seed" not in draft.code.text
    assert code["load"].splitlines()[0] == "def load():"
    assert "'x_train': x_train, 'y_train': y_train, 'x_test': x_test, 'y_test': y_test" in code["load"]
    assert code["build"].splitlines()[0] == "def build(factors, input_shape):"
    assert "keras.Input(input_shape)" in code["build"]
    assert "*([layers.BatchNormalization()] if factors['batch_norm'] else [])" in code["build"]
    assert "layers.Dropout(factors['dropout'])" in code["build"]
    assert "activation=factors['activation']" in code["build"]
    assert "activation='softmax'" in code["build"]
    assert "n_classes = 10" in code[""]


def test_its_study_says_how_the_script_trains(drafted):
    study = tomllib.loads(text_of(drafted(SEQUENTIAL)))
    assert study["data"] == {"name": "../net_parts.py:load", "scaling": "none", "validation": 0.25}
    assert study["training"] == {"epochs": 3, "batch_size": 64, "patience": 4}
    assert study["baseline"] == {
        "dropout": 0.3, "activation": "relu", "batch_norm": True, "optimizer": "adam", "learning_rate": "find",
    }  # fmt: skip
    assert study["space"]["optimizer"] == ["adam", "nadam"]
    assert study["space"]["batch_norm"] == [True, False]


def test_what_a_study_does_without_is_said_in_the_file(drafted):
    draft = drafted(SEQUENTIAL)
    assert draft.left_out == ("TensorBoard: MLflow has the curves",)
    assert "# - TensorBoard: MLflow has the curves" in text_of(draft)


def test_a_main_function_is_written_out_and_layers_adapt_on_the_training_split(drafted):
    draft = drafted(MAIN)
    code = functions(draft)
    assert code["build"].splitlines()[0] == "def build(factors, data, input_shape):"
    assert "norm.adapt(data.train)" in code["build"]
    assert "keras.Input((input_shape[0],))" in code["build"]
    assert "keras.layers.LayerNormalization()(z) if factors['layer_norm'] else z" in code["build"]
    assert "make_model(width=factors['width'], dropout=factors['dropout'])" in code["build"]
    assert "net.compile('sgd', 'mse')" in code["build"]
    assert "X[0] = 0" in code["load"]
    assert code["make_model"].startswith("def make_model(width=64")
    study = tomllib.loads(text_of(draft))
    assert study["data"]["test"] == 0.2
    assert study["space"] == {
        "layer_norm": [True, False], "width": [32, 16], "dropout": [0.1, 0.0], "optimizer": ["sgd", "adam"],
    }  # fmt: skip


def test_layers_that_are_added_one_by_one_can_be_left_out(drafted):
    code = functions(drafted(ADDED))["build"]
    assert "if factors['batch_norm']:\n        model.add(BatchNormalization())" in code
    assert "Dropout(0.2 if factors['dropout'] else 0.0)" in code
    assert "Dropout(0.5 if factors['dropout'] else 0.0)" in code


def test_data_that_validate_and_test_are_kept_for_testing(drafted):
    draft = drafted(ADDED)
    assert "x_validation" not in draft.code.text
    assert '"x_test": X_test' in draft.code.text
    assert tomllib.loads(text_of(draft))["data"]["validation"] == 0.2
    assert any("validates on its test data" in line for line in draft.found)
    assert any(line.startswith("weights: ") for line in draft.left_out)
    assert "np.random.seed(3)" in functions(draft)["load"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("model.fit(x_train", "model.predict(x_train"), "calls no model.fit"),
        (
            ("plt.plot", "model.fit(x_train, y_train, epochs=2)\nplt.plot"),
            r"calls fit of a model 2 times \(lines 28, 31\)",
        ),
        (("print(x_train.shape)", "x_train ="), "is no Python"),
        (("history = model.fit(", "for _ in range(2):\n  model.fit("), "line 29: model.fit is called in a loop"),
        (("n_classes = 10", ""), ""),
        (
            ("layers.Dense(n_classes", "layers.Dense(len(set(y_train))"),
            "line 24: the model depends on .* reads y_train",
        ),
        (("model.fit(x_train, y_train,", "model.fit(x_train,"), "line 28: fit gets no y"),
        (("validation_split=0.25", "validation_data=held_out"), "validation_data is no pair"),
    ],
)
def test_what_cannot_become_a_study_is_refused_with_the_line(drafted, change, said):
    text = SEQUENTIAL.replace(*change)
    assert text != SEQUENTIAL
    if not said:
        assert "layers.Dense(n_classes" in drafted(text).code.text  # a name that nothing defines is Python's to say
        return
    with pytest.raises(StudyError, match=said) as told:
        drafted(text)
    assert "by hand" in str(told.value) or "is no Python" in str(told.value)


def test_an_optimizer_with_further_settings_stays_the_scripts_own(drafted):
    given = drafted(SEQUENTIAL.replace('optimizer="adam"', "optimizer=keras.optimizers.Adam(1e-3, beta_1=0.8)"))
    assert "optimizer" not in given.tables["baseline"]
    known = drafted(SEQUENTIAL.replace('optimizer="adam"', "optimizer=keras.optimizers.SGD(learning_rate=0.1)"))
    assert known.tables["space"]["optimizer"] == ["sgd", "adam"]
    assert "the script has 0.1" in text_of(known)


def test_code_that_exists_is_not_overwritten(drafted, tmp_path):
    (tmp_path / "net_parts.py").write_text("mine")
    with pytest.raises(StudyError, match="already exists"):
        drafted(SEQUENTIAL)
    assert (tmp_path / "net_parts.py").read_text() == "mine"
