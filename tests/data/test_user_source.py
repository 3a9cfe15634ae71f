"""What a user's function is called with, what it may return, and what is said of the rest."""

import numpy as np
import pytest

from ablate.data.user_source import load_from_function
from ablate.errors import AblateError, DataError
from ablate.study.data_factors import data_factors
from ablate.study.settings import Data

HEAD = "import numpy as np\nx, y = np.arange(12.0).reshape(6, 2), np.array([0, 1, 0, 1, 0, 1])\n"


@pytest.fixture
def load(tmp_path):
    def load(body, *, signature="", seed=3, loss=None, **settings):
        (tmp_path / "my.py").write_text(f"{HEAD}def load({signature}):\n    {body}\n")
        return load_from_function(Data(name="my.py:load", **settings), base=tmp_path, seed=seed, loss=loss)

    return load


def test_a_dict_of_arrays_is_taken_as_it_is(load):
    body = 'return {"x_train": x, "y_train": y, "x_test": x[:2], "y_test": y[:2], "x_val": x, "y_val": y}'
    source = load(body, validation="given")
    assert (source.x_train.shape, source.y_train.tolist()) == ((6, 2), [0, 1, 0, 1, 0, 1])
    assert (len(source.x_test), len(source.x_validation), source.origin) == (2, 6, "my.py:load")


def test_a_validation_part_that_no_setting_uses_is_refused(load):
    with pytest.raises(DataError, match=r"returns a validation part, but data.validation is 40, .*\n  write"):
        load('return {"x_train": x, "y_train": y, "x_val": x, "y_val": y}', validation=40)


def test_without_the_key_the_default_is_not_taken_for_what_the_user_wants(load):
    with pytest.raises(DataError) as caught:
        load('return {"x_train": x, "y_train": y, "x_val": x, "y_val": y}')
    assert str(caught.value) == (
        "my.py:load: returns a validation part, but [data] names no validation, and the default draws 5,000 of x_train"
        '\n  write validation = "given" in [data], or return no validation part'
    )


def test_weights_that_are_returned_count_and_it_is_said(load):
    source = load('return {"x_train": x, "y_train": y, "weights": np.ones(6)}')
    assert source.weights.tolist() == [1.0] * 6
    assert source.notes == ("my.py:load: examples count in the loss by the weights that it returns",)


def test_the_function_gets_what_it_lists(load):
    assert load('return {"x_train": x + seed, "y_train": y}', signature="seed", seed=5).x_train[0, 0] == 5
    assert load('return {"x_train": x + seed, "y_train": y}', signature="*, seed=1, **more", seed=5).x_train[0, 0] == 5


def test_a_function_that_lists_factors_reads_those_of_the_configuration(tmp_path):
    code = (
        'def load(factors):\n    return {"x_train": x * factors["scale"], "y_train": y, "extra": factors.get("none")}\n'
    )
    (tmp_path / "my.py").write_text(HEAD + code)
    factors = data_factors({"scale": 3.0, "other": 1, "dropout": 0.5}, model="mlp")
    source = load_from_function(Data(name="my.py:load"), base=tmp_path, seed=0, loss=None, factors=factors)
    assert source.x_train[1, 0] == 6
    assert factors.read() == {"scale": 3.0}


def test_targets_may_be_absent_from_all_parts(load):
    source = load('return {"x_train": x, "x_test": x, "y_train": None}')
    assert source.y_train is source.y_test is None


def test_several_inputs_are_dicts_or_lists(load):
    named = load('return {"x_train": {"left": x, "right": x}, "y_train": {"a": y, "b": y}}')
    assert (list(named.x_train), list(named.y_train)) == (["left", "right"], ["a", "b"])
    numbered = load('return {"x_train": (x, x), "y_train": [y, y]}')
    assert (list(numbered.x_train), list(numbered.y_train)) == (["input_1", "input_2"], ["output_1", "output_2"])


def test_a_list_with_an_array_for_each_example_is_one_input(load):
    assert load('return {"x_train": [row for row in x], "y_train": y}').x_train.shape == (6, 2)
    assert load('return {"x_train": x.tolist(), "y_train": y.tolist()}').x_train.shape == (6, 2)


def test_memory_mapped_arrays_stay_on_the_disk(load, tmp_path):
    np.lib.format.open_memmap(tmp_path / "x.npy", mode="w+", dtype=np.uint8, shape=(6, 2)).flush()
    source = load(f'return {{"x_train": np.load({str(tmp_path / "x.npy")!r}, mmap_mode="r"), "y_train": y}}')
    assert isinstance(source.x_train, np.memmap)


def test_groups_times_and_weights_are_returned_under_those_names_or_under_that_of_a_setting(load):
    arrays = '"x_train": x, "y_train": y, "x_test": x[:2], "y_test": y[:2]'
    source = load(f'return {{{arrays}, "groups": list("aabbcc"), "groups_test": ["d", "e"], "order": range(6)}}')
    assert (source.groups.tolist(), source.groups_test.tolist()) == (list("aabbcc"), ["d", "e"])
    assert source.order.tolist() == list(range(6))
    named = load(
        f'return {{{arrays}, "patient": list("aabbcc"), "w": y, "w_test": [1, 0]}}', groups="patient", weights="w"
    )
    assert (named.groups.tolist(), named.weights_test.tolist()) == (list("aabbcc"), [1, 0])


def test_a_data_frame_is_read_as_a_table(load):
    frame = 'import pandas\n    return pandas.DataFrame({"a": [1.5, 2, 3], "b": list("uvu"), "price": [0.5, 1.5, 2.5]})'
    source = load(frame, target=("price",))
    assert [column.name for column in source.columns] == ["a", "b=u", "b=v"]


def test_a_plain_data_frame_and_a_series_count_as_arrays(load):
    source = load('import pandas\n    return {"x_train": pandas.DataFrame(x), "y_train": pandas.Series(y)}')
    assert (type(source.x_train), type(source.y_train)) == (np.ndarray, np.ndarray)


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        ("sed", r'data\.name: my\.py:load lists the unknown argument "sed"\n  known: factors, seed .*"seed"'),
        ("path='a'", r'lists the unknown argument "path"'),
    ],
)
def test_an_argument_that_is_not_known_is_refused(load, signature, message):
    with pytest.raises(AblateError, match=message):
        load('return {"x_train": x, "y_train": y}', signature=signature)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("1 / 0", r"data\.name: my\.py:load failed: ZeroDivisionError"),
        ("raise SystemExit(3)", r"data\.name: my\.py:load failed: SystemExit"),
        ("pass", r"must return a dict of arrays, got nothing \(None\)\n  return \{.x_train"),
        ("return x, y", r"must return a dict of arrays, got a tuple of 2 items\n  \(x_train, y_train\), \(x_test"),
        ("yield x, y", r"must return a dict of arrays, got a generator\n  return arrays, .* numpy\.memmap"),
        ('return {"x_train": (row for row in x), "y_train": y}', r"x_train is a generator, not an array\n  return"),
        ('return {"x_train": iter(x), "y_train": y}', r"x_train is a iterator, not an array"),
        ('return {"x_train": load, "y_train": y}', r"x_train is a function, not an array"),
        ('return {"x_train": x, "y_trian": y}', r'unknown array "y_trian"\n  .*did you mean "y_train"'),
        ('return {"y_train": y}', r"returns no x_train\n"),
        ("return {}", r"returns no x_train\n"),
        ('return {"x_train": {}, "y_train": y}', r"x_train is an empty dict"),
        ('return {"x_train": 3, "y_train": y}', r"x_train must be an array of examples, got a int"),
        ('return {"x_train": [x, x[:1, :1]][:1] + [[1, 2]], "y_train": y}', r"x_train cannot be made an array"),
        ('return {"x_train": x, "y_train": y[:2]}', r"the same number of examples, got x_train 6 and y_train 2"),
        ('return {"x_train": {"a": x, "b": x[:1]}, "y_train": y}', r"x_train/a 6, x_train/b 1 and y_train 6"),
        ('return {"x_train": x, "y_train": y, "x_test": x}', r"returns x_test without y_test\n"),
        ('return {"x_train": x, "y_train": y, "y_test": y}', r"returns y_test without x_test\n"),
        ('return {"x_train": x, "x_test": x, "y_test": y}', r"returns y_test without y_train\n"),
        ('return {"x_train": x, "y_train": y, "x_val": x, "x_validation": x}', r"returns x_validation twice, also as"),
        ('return {"x_train": x, "y_train": y, "groups": [1, 2]}', r"groups: must have a value for each of the 6"),
        ('return {"x_train": x, "y_train": y, "weights": -y}', r"weights must be finite and not below 0"),
        ('return {"x_train": x, "y_train": y, "groups_test": y}', r"returns groups_test without groups\n"),
        ('import pandas\n    return {"x_train": pandas.DataFrame({"a": list("uvwuvw")}), "y_train": y}',
         r'column "a" of x_train does not hold plain numbers\n  return the whole table'),
        ('import scipy.sparse\n    return {"x_train": scipy.sparse.csr_array(x), "y_train": y}',
         r"x_train is a scipy csr_array, not an array\n  x_train = x_train\.toarray\(\)"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_what_to_do(load, body, message):
    with pytest.raises(AblateError, match=message):
        load(body)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"target": ("y",)},
            r"data\.target: only a table has columns, but my\.py:load returns a dict\n  remove target",
        ),
        ({"features": ("y",)}, r"data\.features: only a table"),
        ({"groups": "patient"}, r'returns no "patient", which data\.groups names\n  known: x_train, y_train'),
        ({"weights": "balanced"}, r'data\.weights is "balanced", but the function returns weights too'),
    ],
)
def test_settings_that_do_not_fit_what_is_returned_are_refused(load, settings, message):
    weights = ', "weights": y' if "weights" in settings else ""
    with pytest.raises(AblateError, match=message):
        load(f'return {{"x_train": x, "y_train": y{weights}}}', **settings)
