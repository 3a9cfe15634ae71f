"""`save_arrays` and `load_arrays`: mapped, not copied; written once; whole or not there."""

import numpy as np
import pytest

from ablate.data import load_arrays, save_arrays, to_dataset, to_source
from ablate.errors import DataError


def dataset(shift=0):
    x = np.arange(48, dtype=np.uint8).reshape(4, 2, 2, 3) + np.uint8(shift)
    arrays = {"x_train": x, "y_train": np.array([0, 1, 0, 1]), "x_test": x[:2], "y_test": np.array([0, 1])}
    return to_dataset("small", to_source(arrays, origin="small.npz", stand_in=True))


def test_arrays_come_back_mapped_and_read_only(tmp_path):
    data = dataset()
    loaded = load_arrays(save_arrays(data, tmp_path / "arrays"))
    assert isinstance(loaded.x_train, np.memmap)
    assert not loaded.x_train.flags.writeable
    assert np.array_equal(loaded.x_train, data.x_train)
    assert np.array_equal(loaded.y_test, data.y_test)
    for name in ("name", "n_classes", "stand_in", "source", "digest"):
        assert getattr(loaded, name) == getattr(data, name)


def test_the_same_data_are_written_once(tmp_path):
    folder = save_arrays(dataset(), tmp_path)
    written = (folder / "x_train.npy").stat().st_mtime_ns
    assert save_arrays(dataset(), tmp_path) == folder
    assert (folder / "x_train.npy").stat().st_mtime_ns == written
    assert [entry.name for entry in tmp_path.iterdir()] == [folder.name]


def test_other_data_of_the_same_name_go_elsewhere(tmp_path):
    assert save_arrays(dataset(), tmp_path) != save_arrays(dataset(1), tmp_path)


@pytest.mark.parametrize("lost", ["x_train.npy", "dataset.json"])
def test_a_folder_that_is_not_whole_is_written_again(tmp_path, lost):
    folder = save_arrays(dataset(), tmp_path)
    (folder / lost).unlink()
    with pytest.raises(DataError, match="cannot be read as saved arrays"):
        load_arrays(folder)
    assert np.array_equal(load_arrays(save_arrays(dataset(), tmp_path)).x_train, dataset().x_train)


def test_a_file_cut_short_is_an_error_and_written_again(tmp_path):
    folder = save_arrays(dataset(), tmp_path)
    path = folder / "x_train.npy"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DataError, match="cannot be read as saved arrays"):
        load_arrays(folder)
    save_arrays(dataset(), tmp_path)
    assert load_arrays(folder).digest == dataset().digest
