"""Scaling of several inputs, of the columns of tables and of numbers to predict, fitted on the training rows."""

import numpy as np
import pytest

from ablate.data.scaling import fit_scaling, fit_target_scaling
from ablate.data.source import FeatureColumn
from ablate.study.task import Target

NAN = np.nan
ALL = np.arange(4)
COLUMNS = (
    FeatureColumn("age", "number", "age"),
    FeatureColumn("city=Oslo", "flag", "city"),
    FeatureColumn("city=Rome", "flag", "city"),
    FeatureColumn("age is missing", "flag", "age"),
)
TABLE = np.array([[2, 1, 0, 0], [6, 0, 0, 0], [NAN, 0, 0, 1], [99, 0, 1, 0]], np.float32)


def test_each_input_is_scaled_by_itself():
    x = {"a": np.array([[0.0], [2], [4], [6]], np.float32), "b": np.full((4, 3), 7, np.float32)}
    shift, scale = fit_scaling(x, np.array([0, 1]), scaling="standardize")
    assert (shift["a"], scale["a"]) == ([1], [1])
    assert shift["b"].tolist() == [7, 7, 7]
    assert scale["b"].tolist() == [1, 1, 1]


def test_ids_are_left_as_they_are():
    x = {"words": np.arange(20, dtype=np.int32).reshape(4, 5), "age": np.arange(4, dtype=np.float32)[:, None]}
    shift, scale = fit_scaling(x, ALL, scaling="standardize", unscaled=frozenset(("words",)))
    assert shift["words"].tolist() == [0] * 5
    assert scale["words"].tolist() == [1] * 5
    assert shift["age"] == [1.5]


def test_numbers_of_a_table_are_scaled_by_their_known_values_and_flags_are_not():
    shift, scale = fit_scaling(TABLE, np.array([0, 1, 2]), scaling="standardize", columns=COLUMNS)
    assert shift.tolist() == [4, 0, 0, 0]
    assert scale.tolist() == [0.5, 1, 0, 1]  # no training row is of Rome
    assert shift.dtype == scale.dtype == np.float32


def test_unit_scaling_of_a_table_is_by_the_known_extent_and_none_leaves_numbers():
    shift, scale = fit_scaling(TABLE, np.array([0, 1, 2]), scaling="unit", columns=COLUMNS)
    assert (shift[0], scale[0]) == (2, 0.25)
    shift, scale = fit_scaling(TABLE, np.array([0, 1, 2]), scaling="none", columns=COLUMNS)
    assert (shift[0], scale.tolist()) == (0, [1, 1, 0, 1])


@pytest.mark.parametrize("values", [[NAN, NAN, NAN], [0.1, 0.1, NAN], [1e6, 1e6, 1e6]])
@pytest.mark.parametrize("scaling", ["unit", "standardize"])
def test_unknown_and_constant_columns_have_a_scale_of_1(values, scaling):
    x = np.array(values, np.float32)[:, None]
    shift, scale = fit_scaling(x, np.arange(3), scaling=scaling, columns=COLUMNS[:1])
    assert scale == [1]
    assert shift == np.float32(np.nan_to_num(values[0]))


def test_many_chunks_of_a_table_give_the_moments_of_the_whole():
    x = np.random.default_rng(0).normal(1e4, 3, (30_000, 20)).astype(np.float32)
    x[::7, 3] = NAN
    columns = [FeatureColumn(str(k), "number", str(k)) for k in range(20)]
    shift, scale = fit_scaling(x, np.arange(len(x)), scaling="standardize", columns=columns)
    assert np.allclose(shift, np.nanmean(x.astype(float), axis=0), rtol=1e-6)
    assert np.allclose(1 / scale, np.nanstd(x.astype(float), axis=0), rtol=1e-6)


def test_numbers_to_predict_have_the_mean_and_sd_of_the_training_rows():
    y = np.array([1, 5, 100], np.float32)
    assert fit_target_scaling(y, np.array([0, 1]), Target("numbers"), scaling="standardize") == ([3], [0.5])
    series = np.array([[[0, 1], [2, 1]], [[4, 1], [6, 1]]], np.float32)  # two steps of two numbers
    shift, scale = fit_target_scaling(series, np.arange(2), Target("numbers", (2, 2)), scaling="standardize")
    assert shift.tolist() == [3, 1]
    assert scale.tolist() == [pytest.approx(1 / np.sqrt(5)), 1]


@pytest.mark.parametrize(
    ("target", "y", "scaling"),
    [
        (Target("classes", n_classes=2), np.array([0, 1]), "standardize"),
        (Target("numbers"), np.array([1.0, 3.0]), "none"),
        (Target("tags", (2,), 2), np.eye(2), "standardize"),
        (Target("none", (0,)), np.zeros((2, 0)), "standardize"),
    ],
)
def test_other_targets_are_not_scaled(target, y, scaling):
    shift, scale = fit_target_scaling(y, np.arange(2), target, scaling=scaling)
    assert (shift == 0).all()
    assert (scale == 1).all()
