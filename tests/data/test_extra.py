"""Arrays beside the four: weights are refused, groups are counted, the others are named."""

import numpy as np
import pytest

from ablate.data import extra
from ablate.errors import DataError

FOUR = ["x_train", "y_train", "x_test", "y_test"]


@pytest.mark.parametrize("name", ["sample_weight", "weights", "w_train_weights", "sampleWeights", "class_weight"])
def test_weights_are_refused(name):
    with pytest.raises(
        DataError, match=rf"own\.npz: holds {name}, but no setting uses it, so all .*\n  write weights = "
    ):
        extra.check_extra([*FOUR, name], source="own.npz")


@pytest.mark.parametrize("name", ["names", "weather", "x_val", "heights"])
def test_other_arrays_are_not_refused(name):
    extra.check_extra([*FOUR, name], source="own.npz")


@pytest.mark.parametrize(
    "name",
    ["groups", "group_train", "subject", "patientIDs_train", "patient_id", "SESSION", "speaker_ids", "userId", "folds"],
)
def test_names_of_groups_are_known(name):
    assert extra.group_names([*FOUR, name]) == [name]


@pytest.mark.parametrize("name", ["names", "background", "ids", "index", "x_val", "usertime"])
def test_other_names_are_no_groups(name):
    assert extra.group_names([*FOUR, name]) == []


def test_what_is_not_used_is_named():
    assert extra.unused(FOUR) == ""
    assert extra.unused([*FOUR, "names"]) == "not used: names"
    said = extra.unused([*FOUR, "x_val", "y_val"])
    assert (
        said == 'not used: x_val, y_val; validation examples are drawn from x_train, unless data.validation is "given"'
    )
    assert extra.unused([f"a{k}" for k in range(10)]).endswith("a6, a7 and 2 more")


def sentences(n_train=6, n_test=4, **groups):
    return extra.group_sentences({k: np.array(v) for k, v in groups.items()}, n_train=n_train, n_test=n_test)


def test_groups_of_training_examples_are_torn_apart_by_the_split():
    (said,) = sentences(subject=list("aabbcc"))
    assert said == (
        "subject names 3 groups of training examples, and a random split into training and validation "
        'does not keep groups together, so validation scores may be too high: write groups = "subject" in [data]'
    )


def test_groups_that_are_trained_and_tested_are_counted():
    said = sentences(groups_train=[1, 1, 2, 2, 3, 3], groups_test=[[3], [3], [4], [5]])
    assert said[1:] == ("1 of 3 groups in groups_test is in groups_train too",)
    assert len(sentences(groups_train=[1, 1, 2, 2, 3, 3], groups_test=[7, 7, 8, 9])) == 1


def test_a_number_of_its_own_for_each_example_is_no_group_and_neither_is_one_for_all():
    assert sentences(subject=range(6)) == ()
    assert sentences(session=[1] * 6) == ()


def test_groups_of_all_examples_in_one_array_are_said():
    assert sentences(patient=range(10)) == (
        "patient names groups of examples, but the split does not keep groups together",
    )
