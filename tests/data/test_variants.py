"""Data factors: which examples of other configurations may be compared with the baseline's."""

import os
import sys

import numpy as np
import pytest

from ablate.data import load_arrays, save_arrays
from ablate.data.variants import check_levels, is_made_for, open_examples, open_variant, unread_factors
from ablate.errors import DataError, StudyError
from ablate.study.load import load_study

HEAD = """
import numpy as np
def made(n=60):
    rng = np.random.default_rng(3)
    return rng.normal(size=(n, 3)).astype("float32"), np.arange(n) % 2
"""
STUDY = """
[data]
name = "my.py:load"
validation = 10
scaling = "none"
[model]
name = "mlp"
[baseline]
normalization = "none"
activation = "relu"
initializer = "he_normal"
dropout = 0.0
optimizer = "adam"
learning_rate = 0.01
kind = "a"
noise = 0.0
[space]
kind = ["a", "b"]
noise = { low = 0.0, high = 1.0, ablate = [0.5] }
dropout = { low = 0.0, high = 0.5, ablate = [0.1] }
"""


@pytest.fixture
def study_of(tmp_path):
    def study_of(body, *, text=STUDY, overrides=()):
        lines = "\n    ".join(body.splitlines())
        (tmp_path / "my.py").write_text(f"{HEAD}def load(factors, seed):\n    x, y = made()\n    {lines}\n")
        (tmp_path / "a.toml").write_text(text)
        return load_study(tmp_path / "a.toml", overrides=list(overrides), quick=False)

    return study_of


def opened(study):
    return check_levels(study, open_examples(study, study.baseline))


LEFT_OUT = 'x = x[:, :2] if factors["kind"] == "b" else x\nreturn {"x_train": x + factors["noise"], "y_train": y}'


def test_inputs_may_change_in_shape_and_value_and_the_baseline_stays_what_it_is(study_of):
    study = study_of(LEFT_OUT)
    data = opened(study)
    assert data.factors == {"kind": "a", "noise": 0.0}
    assert (data.x_train.shape, data.x_test.shape) == ((48, 3), (12, 3))
    assert data.digest == open_examples(study, study.baseline).digest
    left_out = open_variant(study, data, {**study.baseline, "kind": "b", "dropout": 0.1})
    assert np.array_equal(left_out.x_train, data.x_train[:, :2])
    assert np.array_equal(left_out.y_test, data.y_test)
    assert left_out.digest in data.variants.values()
    assert len(data.variants) == 2  # kind=b, noise=0.5; dropout is the model's


def test_examples_are_made_for_the_configurations_with_the_levels_that_were_read(study_of):
    study = study_of('return {"x_train": x + factors["noise"], "y_train": y}')
    data = opened(study)
    assert data.factors == {"noise": 0.0}
    assert is_made_for(data, {**study.baseline, "kind": "b"})
    assert not is_made_for(data, {**study.baseline, "noise": 0.5})
    assert not is_made_for(data, {**study.baseline, "noise": False})
    assert unread_factors(study, data) == ["kind"]


def test_a_factor_that_is_read_at_one_level_only_is_a_data_factor(study_of):
    study = study_of('if factors["kind"] == "b":\n    x = x + factors["noise"]\nreturn {"x_train": x, "y_train": y}')
    assert opened(study).factors == {"kind": "a", "noise": 0.0}


def test_workers_know_what_the_driver_has_read(study_of, tmp_path):
    data = opened(study_of(LEFT_OUT))
    there = load_arrays(save_arrays(data, tmp_path / "saved"))
    assert (there.factors, there.variants, there.is_test_drawn) == (data.factors, data.variants, True)


PLAIN = {"x_train": "x", "y_train": "y"}
TESTED = {**PLAIN, "x_test": "x[:20]", "y_test": "y[:20]"}
GIVEN = {**TESTED, "x_val": "x", "y_val": "y"}


def body_of(arrays, **changed):
    """A function that returns these arrays; `b` says whether kind is b."""
    items = ", ".join(f'"{name}": {value}' for name, value in (arrays | changed).items())
    return f'b = factors["kind"] == "b"\nk = 40 if b else 60\nreturn {{{items}}}'


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (body_of(PLAIN, y_train="1 - y if b else y"), "y_train or its weights differ"),
        (body_of(TESTED, y_train="1 - y if b else y"), "y_train or its weights differ"),
        (body_of(TESTED, y_test="1 - y[:20] if b else y[:20]"), "y_test or its weights differ"),
        (body_of(TESTED, x_test="x[:k // 2]", y_test="y[:k // 2]"), "y_test or its weights differ"),
        (body_of(PLAIN, x_train="x[:k]", y_train="y[:k]"), "has 40 training examples and the baseline 60, so that"),
        (body_of(TESTED, x_train="x[:k]", y_train="y[:k]"), "has 40 training examples and the baseline 60, so that"),
        (body_of(PLAIN, y_train="y / 3 if b else y"), "other targets"),
        (body_of(PLAIN, y_train='{"p": y, "q": y} if b else y'), "other targets"),
        (body_of(TESTED, x_test="None if b else x", y_test="None if b else y"), "has a test part and the baseline"),
        (body_of(TESTED, weights="y + 1.0 + b"), "weights differ"),
        (body_of(TESTED, weights="y + 1.0 if b else None"), "weights differ"),
        (body_of(TESTED, groups="np.arange(60) // (3 if b else 2)"), "groups differ"),
        (body_of(GIVEN, y_val="1 - y if b else y"), "y_validation differs"),
        (body_of(GIVEN, x_val="x[:k]", y_val="y[:k]"), "has another number of validation examples"),
        (body_of({**PLAIN, "x_val": "x", "y_val": "y"}, x_train="x[:k]", y_train="y[:k]"), "has 40 training examples"),
        (body_of(PLAIN, x_train="x[:, :0] if b else x"), "x_train"),
        (body_of(PLAIN, y_train="y + [0][b]"), "my.py:load failed: IndexError"),
    ],
)
def test_what_could_not_be_compared_is_refused_by_its_level(study_of, body, fault):
    overrides = ['data.validation="given"'] if "x_val" in body else []
    with pytest.raises((DataError, StudyError)) as caught:
        opened(study_of(body, overrides=overrides))
    assert str(caught.value).startswith("data.name: my.py:load with kind=b: ")
    assert fault in str(caught.value).splitlines()[0]


def test_a_validation_part_of_its_own_leaves_the_number_of_training_examples_free(study_of):
    body = body_of(GIVEN, x_train="x[:k]", y_train="y[:k]")
    study = study_of(body, overrides=['data.validation="given"'])
    data = opened(study)
    fewer = open_variant(study, data, {**study.baseline, "kind": "b"})
    assert (len(fewer.x_train), len(data.x_train), fewer.n_given) == (100, 120, 60)


def test_a_level_that_tests_on_training_examples_is_said(study_of):
    body = """x_test = made(90)[0][60:] if factors["kind"] == "a" else x[:30]
return {"x_train": x, "y_train": y, "x_test": x_test, "y_test": y[:30]}"""
    study = study_of(body)
    data = check_levels(study, open_examples(study, study.baseline))
    (said,) = [note for note in data.notes if note.startswith("with kind=b, ")]
    assert "30 of 30 test examples (100.0 %) equal a training example" in said


def test_other_examples_at_each_call_are_refused(study_of):
    body = 'return {"x_train": x + np.random.default_rng().normal() * factors["noise"], "y_train": y}'
    study = study_of(body)
    data = opened(study)
    with pytest.raises(
        DataError, match=r"with noise=0.5: returned other examples before, .*\n  draw .*default_rng\(seed"
    ):
        open_variant(study, data, {**study.baseline, "noise": 0.5})


def test_a_factor_of_the_model_is_none_of_the_data(study_of):
    for read in ('factors["dropout"]', 'factors.get("dropout", 3)', '"dropout" in factors'):
        with pytest.raises(StudyError) as caught:
            opened(study_of(f'{read}\nreturn {{"x_train": x, "y_train": y}}'))
        assert str(caught.value) == (
            "data.name: my.py:load reads the factor dropout, which the model or its training uses\n"
            "  give the data a factor with a name of its own; it may read kind and noise"
        )


def test_pretraining_and_data_factors_are_refused_together(study_of):
    text = STUDY.replace("validation = 10", "validation = 10\nclasses = [0, 1]").replace(
        "learning_rate = 0.01", 'learning_rate = 0.01\ntransfer = "none"'
    )
    text = (
        text.replace("[space]", '[space]\ntransfer = ["none", "unfrozen"]')
        + "[transfer]\nclasses = [2, 3]\nvalidation = 2\n"
    )
    study = study_of('return {"x_train": x + factors["noise"], "y_train": np.arange(60) % 4}', text=text)
    with pytest.raises(StudyError, match=r"transfer: networks are pretrained on the same .* my.py:load reads noise\n"):
        opened(study)


def test_a_function_that_imports_keras_gets_the_studys_backend(study_of, monkeypatch):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    body = 'import os\nx[:] = os.environ["KERAS_BACKEND"] == "jax"\nreturn {"x_train": x, "y_train": y}'
    for backend, found in (("jax", 1), ("tensorflow", 0), ("auto", 0)):
        study = study_of(body, overrides=[f"training.backend={backend}"])
        assert (open_examples(study, study.baseline).x_train == found).all()
    assert os.environ["KERAS_BACKEND"] == "tensorflow"
