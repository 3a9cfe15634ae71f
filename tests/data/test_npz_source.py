"""What the arrays of an .npz file are for: parts, inputs, groups, times and weights."""

import numpy as np
import pytest

from ablate.data.npz_source import read_npz_source
from ablate.errors import DataError
from ablate.study.settings import Data

X = np.arange(24.0).reshape(6, 4)
Y = np.array([0, 1, 0, 1, 0, 1])
TRAIN, TEST = {"x_train": X, "y_train": Y}, {"x_test": X[:2], "y_test": Y[:2]}
GIVEN = {"x_val": X[:3], "y_val": Y[:3]}


@pytest.fixture
def read(tmp_path):
    def read(arrays, **settings):
        np.savez(tmp_path / "own.npz", **arrays)
        return read_npz_source(tmp_path / "own.npz", Data(name="own.npz", **settings), origin="own.npz")

    return read


@pytest.mark.parametrize("word", ["val", "validation"])
def test_a_validation_part_is_read_if_it_is_asked_for(read, word):
    arrays = TRAIN | {f"x_{word}": X[:3], f"y_{word}": Y[:3]}
    source = read(arrays, validation="given")
    assert (len(source.x_validation), source.y_validation.tolist(), source.notes) == (3, [0, 1, 0], ())
    left = read(arrays, validation=0.5)
    assert left.x_validation is left.x_test is None
    assert left.notes[0].startswith(
        f"own.npz: not used: x_{word}, y_{word}; validation examples are drawn from x_train"
    )


def test_several_inputs_become_a_mapping(read):
    source = read({"x_train/left": X, "x_train/right": X + 1, "y_train": Y})
    assert sorted(source.x_train) == ["left", "right"]
    assert source.x_train["right"][0, 0] == 1
    assert source.y_train.tolist() == Y.tolist()


@pytest.mark.parametrize("named", ["who", "who_train"])
def test_groups_times_and_weights_are_the_arrays_that_settings_name_for_every_part(read, named):
    also = {
        "who_train": list("aabbcc"),
        "who_test": ["d", "e"],
        "who_val": list("fgf"),
        "day": range(6),
        "w": [1.0] * 6,
    }
    source = read(TRAIN | TEST | GIVEN | also, groups=named, order="day", weights="w", validation="given")
    assert source.groups.tolist() == list("aabbcc")
    assert (source.groups_test.tolist(), source.groups_validation.tolist()) == (["d", "e"], list("fgf"))
    assert (source.order.tolist(), source.weights.dtype) == (list(range(6)), np.float32)
    assert source.order_test is source.weights_test is None
    assert source.notes == source.group_notes == ()


def test_groups_that_no_setting_names_are_still_pointed_out(read):
    source = read(TRAIN | TEST | {"patient": list("aabbcc"), "weather": range(6)})
    assert source.group_notes[0].startswith("patient names 3 groups of training examples")
    assert source.notes == ("own.npz: not used: weather",)
    assert source.groups is None


@pytest.mark.parametrize(
    ("more", "settings", "message"),
    [
        ({}, {"validation": "given"}, r'own\.npz: data\.validation is "given", but the file holds no x_validation'),
        ({"x_val": X}, {"validation": "given"}, r"holds no x_validation and y_validation\n  save them"),
        ({"who": list("aabbcc")}, {"groups": "whom"}, r'holds no "whom", which data\.groups names\n  .*mean "who"'),
        ({"who": list("aab")}, {"groups": "who"}, r"who \(data\.groups\): must have a value for each of the 6"),
        ({"w": [-1.0] * 6}, {"weights": "w"}, r"w \(data\.weights\): weights must be finite and not below 0"),
        ({"sample_weight": [1.0] * 6}, {}, r'no setting uses it, .*\n  write weights = "sample_weight" in \[data\]'),
        ({"class_weight": [1.0, 2.0]}, {}, r'write weights = "balanced" in \[data\]'),
        ({"sample_weight": [1.0] * 6}, {"weights": "balanced"}, r"holds sample_weight, but no setting uses it"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_file_is_refused(read, more, settings, message):
    with pytest.raises(DataError, match=message):
        read(TRAIN | more, **settings)
