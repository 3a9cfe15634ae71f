"""A study that a script writes is that of a file with the same tables; what it holds in memory gets names."""

import functools
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import ablate
from ablate.errors import AblateError, StudyError
from ablate.interface.arrays import ArraysGiven, is_held
from ablate.interface.tables import ARRAYS, read_tables
from ablate.interface.written import write_study
from ablate.study.load import load_study
from ablate.study.toml import to_toml

BASELINE = {
    "normalization": "none", "activation": "relu", "initializer": "he_normal", "dropout": 0.0, "optimizer": "adam",
    "learning_rate": "find",
}  # fmt: skip
SPACE = {
    "normalization": ["none", "batch"],
    "optimizer": ["sgd", "adam"],
    "learning_rate": {"around": "find", "span": [0.1, 3.0], "ablate": [0.3]},
}
TABLES = {
    "title": "A tiny MLP on digits",
    "data": {"name": "digits", "validation": 200, "train": 640},
    "model": {"name": "mlp", "depth": 2, "width": 16},
    "training": {"epochs": 3, "batch_size": 32, "patience": 0},
    "lr_test": {"seeds": 1, "share": 9.0},
    "baseline": BASELINE,
    "space": SPACE,
    "search": {"trials": 4, "trials_per_round": 2},
    "ablation": {"seeds": 2},
}  # fmt: skip


def build(factors, input_shape, n_classes):
    """Never called here."""
    raise AssertionError(factors, input_shape, n_classes)


def load():
    return {"x_train": np.zeros((30, 2)), "y_train": np.arange(30) % 3}


def error_rate(y_true, y_pred):
    return float((y_true != y_pred).mean())


def of_function(**more):
    tables = {"data": load, "model": build, "baseline": {"width": 1, **OPTIMIZER}, "space": {"width": [1, 2]}}
    return ablate.Study("mine", **{**tables, **more})


OPTIMIZER = {"optimizer": "adam", "learning_rate": "find"}


def test_a_script_names_the_backend_as_a_file_does():
    study = ablate.Study("tiny", **{**TABLES, "training": {"epochs": 1, "backend": "jax"}})
    assert study.settings.training.backend == "jax"
    with pytest.raises(StudyError, match=r'training.backend: unknown value "torch"\n  known: auto, jax, tensorflow'):
        ablate.Study("tiny", **{**TABLES, "training": {"backend": "torch"}})


def test_tables_as_dicts_make_the_same_study_as_a_file(tiny_file):
    given = ablate.Study("tiny", **TABLES)
    assert to_toml(given.settings) == to_toml(load_study(tiny_file, overrides=[], quick=False))
    assert given == ablate.Study.read(tiny_file)
    assert given != ablate.Study("tiny", **{**TABLES, "seed": 1})


def test_values_of_numpy_paths_and_tuples_are_taken_as_what_they_are():
    given = ablate.Study("tiny", **{**TABLES, "ablation": {"seeds": np.int64(2)}, "seed": np.int32(0)})
    assert given == ablate.Study("tiny", **TABLES)
    spans = {**SPACE, "optimizer": ("sgd", "adam")}
    assert ablate.Study("tiny", **{**TABLES, "space": spans}) == ablate.Study("tiny", **TABLES)


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"space": {"activation": ["rellu"]}}, 'Study("mine"): space.activation: unknown level "rellu"'),
        ({"ablation": {"sedes": 3}}, 'Study("mine"): ablation.sedes: unknown key'),
        ({"training": {"epochs": float("nan")}}, 'Study("mine"): training.epochs: must be a finite number'),
        ({"training": {"epochs": None}}, "training.epochs: must be text, a number"),
        ({"search": {3: 1}}, 'Study("mine"): search: keys must be text, got 3'),
        ({"limits": {"memory_gb": build}}, "limits.memory_gb: must not be a function\n  functions may stand at data.n"),
        ({"data": (1, 2, 3)}, 'Study("mine"): data: a tuple of 3 items is not known as examples'),
        ({"seed": -1}, 'Study("mine"): seed: must be a whole number from 0'),
    ],
)  # fmt: skip
def test_a_broken_rule_is_said_with_the_call_as_its_place(tables, said):
    with pytest.raises(StudyError) as caught:
        ablate.Study("mine", **{**TABLES, **tables})
    assert said in str(caught.value)


def test_a_name_that_cannot_name_a_folder_is_refused():
    with pytest.raises(StudyError, match=r'Study\("a/b"\): name: a study\'s name has'):
        ablate.Study("a/b", **TABLES)


def test_a_misspelt_table_is_an_error_of_python():
    with pytest.raises(TypeError, match="basline"):
        ablate.Study("mine", basline={})


def test_functions_stand_where_a_file_names_them():
    study = of_function(metric={"name": error_rate, "goal": "minimize", "also": ["accuracy"]})
    settings = study.settings
    here = f"{Path(__file__).stem}.py"
    assert (settings.model.name, settings.data.name) == (f"{here}:build", f"{here}:load")
    assert settings.metric.name == f"{here}:error_rate"
    assert set(settings.functions) == {f"{here}:build", f"{here}:load", f"{here}:error_rate"}
    assert settings.model.given is not None
    assert settings.model.given.call is build
    assert "def build" not in to_toml(settings)


def test_two_functions_of_one_name_are_told_apart_and_one_function_is_named_once():
    layered = read_tables("mine", {"metric": {"also": [lambda y, _: y]}, "training": {"loss": lambda _, z: z}})
    assert {name.rpartition(":")[2] for name in layered.functions} == {"lambda", "lambda_2"}
    layered = read_tables("mine", {"metric": {"name": error_rate, "also": [error_rate]}})
    assert len(layered.functions) == 1


def test_a_partial_function_and_an_object_that_can_be_called_have_names():
    class Weighted:
        def __call__(self, y_true, y_pred):
            return y_true, y_pred

    layered = read_tables("mine", {"model": functools.partial(build, n_classes=3), "metric": {"also": [Weighted()]}})
    assert {name.rpartition(":")[2] for name in layered.functions} == {"partial", "Weighted"}


def test_a_load_function_that_lists_factors_makes_its_factors_known():
    def load_some(factors):
        return factors

    study = ablate.Study(
        "mine", data=load_some, model="mlp", baseline={**BASELINE, "noise": 0.0}, space={"noise": [0.0, 1.0]}
    )
    assert "noise" in study.settings.baseline


@pytest.mark.parametrize(
    "value",
    [
        {"x_train": np.zeros((30, 2)), "y_train": np.arange(30)},
        (np.zeros((30, 2)), np.arange(30)),
        ((np.zeros((30, 2)), np.arange(30)), (np.zeros((6, 2)), np.arange(6))),
        pd.DataFrame({"age": [1.0, 2.0], "price": [3.0, 4.0]}),
    ],
)
def test_arrays_in_memory_stand_for_data(value):
    assert is_held(value)
    for data in (value, {"name": value, "validation": 0.2}):
        layered = read_tables("mine", {"data": data})
        assert layered.tree["data"]["name"] == ARRAYS
        returned = layered.functions[ARRAYS].call()
        assert "x_train" in returned or "price" in returned


X, Y = np.zeros((30, 2)), np.arange(30)


@pytest.mark.parametrize("data", [[X, X], [(X, Y), (X, Y)], [{"x_train": X, "y_train": Y}] * 2, ["digits", X]])
def test_a_list_of_arrays_is_refused_in_plain_words(data):
    for given in (data, {"name": data}):
        with pytest.raises(
            StudyError, match=r"data: a list of arrays is no data set\n  give \(x, y\), or .*run a study"
        ):
            ablate.Study("mine", data=given, model="mlp")
    with pytest.raises(StudyError, match="data: an array without targets is no data set"):
        ablate.Study("mine", data=X, model="mlp")
    assert read_tables("mine", {"data": [np.str_("digits"), "mnist"]}).tree["data"]["name"] == ["digits", "mnist"]


def test_a_function_that_trains_in_the_place_of_one_that_builds_is_refused():
    def fit(factors, seed, report):
        return factors, seed, report

    def make(factors, n_classes, seed, epochs=3):
        return factors, n_classes, seed, epochs

    for given in (fit, {"name": fit}, functools.partial(fit, seed=1)):
        with pytest.raises(
            StudyError, match=r'lists report, as a function that trains does.*\n  write model={"train": '
        ):
            read_tables("mine", {"model": given})
    read_tables("mine", {"model": {"train": fit}})
    for given in (make, functools.partial(fit, report=print)):
        read_tables("mine", {"model": given})


def test_one_factor_is_counted_as_one():
    study = ablate.Study(
        "mine", model={"train": build}, metric="accuracy", baseline={"width": 1}, space={"width": [1, 2]},
        ablation={"seeds": 6},
    )  # fmt: skip
    assert repr(study).endswith(", 1 factor)")


def test_a_partial_function_is_shown_as_the_function_in_it():
    layered = read_tables("mine", {"model": functools.partial(functools.partial(build, n_classes=3), factors={})})
    (given,) = layered.functions.values()
    assert given.shown.startswith("functools.partial of build (defined in ")
    assert "functools.py" not in given.shown


def test_a_table_of_data_is_no_array():
    assert not is_held({"name": "digits"})
    assert not is_held({"name": "train.npz", "validation": 0.2})
    assert not is_held("digits")


def test_pairs_of_pairs_are_the_training_and_the_test_part():
    held = ArraysGiven.of((([1], [2]), ([3], [4])), place="").held
    assert held == {"x_train": [1], "y_train": [2], "x_test": [3], "y_test": [4]}


def test_a_written_study_reads_as_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = ablate.Study("tiny", **TABLES)
    study.write("here/tiny.toml")
    assert ablate.Study.read("here/tiny.toml") == study
    study.write("here/tiny.toml")  # the same content: nothing to do


def test_a_file_with_something_else_is_kept(tmp_path):
    path = tmp_path / "notes.toml"
    path.write_text("mine")
    study = ablate.Study("tiny", **TABLES)
    with pytest.raises(StudyError, match="exists and holds something else"):
        study.write(path)
    assert path.read_text() == "mine"
    study.write(path, overwrite=True)
    assert ablate.Study.read(path) == study


def test_names_of_files_are_turned_to_the_written_files_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = ablate.Study(
        "mine",
        data={"name": "sets/train.npz"},
        model="my.py:build",
        metric={"name": "my.py:f", "goal": "minimize", "also": ["accuracy"]},
        training={"loss": "losses.py:g"},
        baseline={"width": 1, **OPTIMIZER},
        space={"width": [1, 2]},
    )
    study.write("studies/mine.toml")
    written = tomllib.loads(Path("studies/mine.toml").read_text())
    assert written["data"]["name"] == "../sets/train.npz"
    assert written["model"]["name"] == "../my.py:build"
    assert (written["metric"]["name"], written["metric"]["also"]) == ("../my.py:f", ["accuracy"])
    assert written["training"]["loss"] == "../losses.py:g"


def test_a_function_of_a_module_is_written_as_its_file(tmp_path, monkeypatch):
    (tmp_path / "my_models.py").write_text("def build(factors, input_shape, n_classes):\n    return None\n")
    monkeypatch.syspath_prepend(tmp_path)
    import my_models

    study = of_function(data="digits", model=my_models.build)
    write_study(study.settings, tmp_path / "studies" / "mine.toml", overwrite=False)
    written = tomllib.loads((tmp_path / "studies" / "mine.toml").read_text())
    assert written["model"]["name"] == "../my_models.py:build"


def test_what_no_file_can_name_is_not_written(tmp_path):
    def local(factors, input_shape, n_classes):
        return factors, input_shape, n_classes

    with pytest.raises(StudyError, match=r"(?s)model.name: local \(defined in .*\) is in no file.*move it into a mod"):
        of_function(model=local, data="digits").write(tmp_path / "a.toml")
    with pytest.raises(StudyError, match=r"(?s)data.name: is given as arrays in memory.*np.savez"):
        of_function(data=(np.zeros((9, 2)), np.arange(9)), model="my.py:f").write(tmp_path / "a.toml")
    assert not (tmp_path / "a.toml").exists()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"workers": 0}, "workers: must be None or a whole number from 1, got 0"),
        ({"stack": True}, "stack: must be None or a whole number from 1, got True"),
        ({"only": "both"}, 'only: must be "search", "ablation" or None'),
        ({"fresh": True, "continue_": True}, "fresh and continue_: choose one"),
        ({"cluster": "ray://here"}, "cluster ray://here: Ray's client passes"),
    ],
)
def test_impossible_options_of_a_run_are_refused_before_anything_is_written(asked, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AblateError, match=said):
        ablate.Study("tiny", **TABLES).run(**asked)
    assert list(tmp_path.iterdir()) == []


LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.binary(max_size=5),
    st.sampled_from(
        [build, load, print, np.zeros(3), np.float32(1), {1, 2}, object(), Path("a.csv"), range(3), 1j, "digits", "mlp",
         "find", "adam", pd.DataFrame({"a": [1]}), type, functools.partial(build)]
    ),
)  # fmt: skip
KEYS = st.one_of(
    st.sampled_from(["name", "train", "levels", "low", "when", "seeds", "also", "x_train"]), st.text(), LEAVES
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(KEYS.filter(lambda key: key.__hash__ is not None), inner, max_size=3),
    ),
    max_leaves=6,
)


@hypothesis_settings(max_examples=150, deadline=None)
@hypothesis_given(table=st.sampled_from([*sorted(TABLES), "metric", "recipes", "limits", "seed"]), value=VALUES)
def test_whatever_a_table_holds_it_is_a_study_or_an_error_of_this_package(table, value):
    said = 'Study("tiny"'
    try:
        said = repr(ablate.Study("tiny", **{**TABLES, table: value}))
    except AblateError as err:
        said = str(err)
    assert 'Study("tiny"' in said


def several(n=2):
    """A study on `n` data sets."""
    sources = {f"d{i}": {"name": "digits", "train": 600 + i} for i in range(n)}
    return ablate.Study("both", **{**TABLES, "data": {"validation": 200, "sources": sources}})


def test_the_plan_on_several_data_sets_has_rows_for_each_and_a_total_over_all(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = several()
    plan = study.plan(timing=False, workers=1)
    assert plan.index.names == ["data_set", "part"]
    assert list(plan.index.unique("data_set")) == ["d0", "d1", "all"]
    parts = [("d0", "search"), ("d0", "ablation"), ("d0", "total"), ("d1", "ablation"), ("d1", "total")]
    assert list(plan.index) == [*parts, ("all", "total")]
    trials = plan["trials"]
    assert trials["d0", "search"] == 4
    assert trials["all", "total"] == trials["d0", "total"] + trials["d1", "total"] == 4 + 2 * trials["d0", "ablation"]
    assert plan["seconds"].isna().all()
    assert plan["trials"].dtype == plan["done"].dtype == "int64"


def test_what_two_data_sets_can_detect_counts_the_comparisons_on_both(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    alone = ablate.Study("one", **{**TABLES, "ablation": {"seeds": 8}}).plan(timing=False, workers=1)
    sources = {"one": {"name": "digits", "train": 640}, "two": {"name": "digits", "train": 641}}
    tables = {**TABLES, "data": {"validation": 200, "sources": sources}, "ablation": {"seeds": 8}}
    both = ablate.Study("both", **tables).plan(timing=False, workers=1)
    assert both["detectable_sd"]["one", "ablation"] > alone["detectable_sd"]["ablation"]


def test_what_many_data_sets_can_detect_does_not_rest_on_seeds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = several(5).plan(timing=False, workers=1)
    assert plan["detectable_sd"].isna().all()
