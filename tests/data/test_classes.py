"""`select_task`: some classes of a data set under new numbers, and the task that is learned before."""

from dataclasses import replace

import numpy as np
import pytest

from ablate.data import Source, load_arrays, save_arrays, select_task, to_dataset
from ablate.errors import DataError


def dataset():
    """Four classes; what an example holds says which it is and of which class it was."""
    y = np.array([3, 0, 1, 2, 3, 1, 0, 2])
    x = 10 * y[:, None] + np.arange(8)[:, None]
    test = {"x_test": np.array([[105], [116], [127], [138]]), "y_test": np.arange(4)}
    return to_dataset("small", Source(x, y, **test, origin="small.npz", stand_in=True))


def test_without_classes_it_is_the_data_set_itself():
    data = dataset()
    assert select_task(data, None) is data


def test_the_classes_are_numbered_in_the_order_in_which_they_are_listed():
    task = select_task(dataset(), [3, 1])
    assert task.x_train.ravel().tolist() == [30, 12, 34, 15]
    assert task.y_train.tolist() == [0, 1, 0, 1]
    assert (task.x_test.ravel().tolist(), task.y_test.tolist()) == ([116, 138], [1, 0])
    assert (task.name, task.n_classes, task.stand_in, task.pretraining) == ("small", 2, True, None)
    assert task.source == "small.npz, classes 3, 1"


def test_other_classes_or_another_order_are_other_data():
    digests = {select_task(dataset(), classes).digest for classes in (None, [3, 1], [1, 3], [0, 1], [0, 1, 2, 3])}
    assert len(digests) == 4  # all of them in their order are the whole set
    assert select_task(dataset(), [0, 1, 2, 3]).digest == dataset().digest


def test_the_task_before_comes_along_and_is_in_the_digest(tmp_path):
    data = dataset()
    task = select_task(data, [3, 1], before=[2, 0])
    assert task.pretraining.digest == select_task(data, [2, 0]).digest
    assert task.digest not in (select_task(data, [3, 1]).digest, select_task(data, [3, 1], before=[0, 2]).digest)
    loaded = load_arrays(save_arrays(task, tmp_path))
    assert loaded.digest == task.digest
    assert loaded.pretraining.digest == task.pretraining.digest
    assert isinstance(loaded.pretraining.x_train, np.memmap)
    assert np.array_equal(loaded.pretraining.x_train, task.pretraining.x_train)
    assert loaded.pretraining.pretraining is None


def test_a_folder_that_has_lost_the_task_before_is_written_again(tmp_path):
    task = select_task(dataset(), [3, 1], before=[2, 0])
    folder = save_arrays(task, tmp_path)
    (folder / "pretraining" / "y_test.npy").unlink()
    with pytest.raises(DataError, match="cannot be read as saved arrays"):
        load_arrays(folder)
    assert load_arrays(save_arrays(task, tmp_path)).pretraining.n_classes == 2


@pytest.mark.parametrize(
    ("setting", "classes"), [("data.classes", ([1, 4], None)), ("transfer.classes", ([0, 1], [2, 9]))]
)
def test_a_class_that_is_not_there_is_named_with_those_that_are(setting, classes):
    with pytest.raises(DataError) as caught:
        select_task(dataset(), classes[0], before=classes[1])
    unknown = 4 if setting == "data.classes" else 9
    assert str(caught.value) == f"{setting}: small has no class {unknown}\n  its classes are 0 to 3"


def test_classes_of_which_no_example_is_tested_are_refused():
    data = dataset()
    few = replace(data, x_test=data.x_test[:2], y_test=data.y_test[:2])
    with pytest.raises(DataError, match=r"data\.classes: small has 2 test examples, none of these classes\n  choose"):
        select_task(few, [3, 2])


def test_one_class_is_no_task():
    with pytest.raises(DataError, match="at least 2 classes"):
        select_task(dataset(), [3])


def test_fewer_examples_are_for_testing_by_class_and_always_the_same():
    data = dataset()
    task = select_task(data, None, test=2)
    assert len(task.y_test) == 2
    assert set(task.x_test.ravel().tolist()) <= {105, 116, 127, 138}
    assert task.x_train.tolist() == data.x_train.tolist()
    assert task.digest == select_task(data, None, test=2).digest != data.digest
    assert task.source == "small.npz, 2 for testing"
    assert select_task(data, None, test=4) is data
