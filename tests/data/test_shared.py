"""`save_arrays` and `load_arrays`: mapped, not copied; written once; whole or not there."""

import numpy as np
import pytest

from ablate.data import Source, load_arrays, save_arrays, to_dataset, to_source
from ablate.data.shared import copied_bytes
from ablate.data.source import FeatureColumn
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


def test_everything_of_a_data_set_comes_back(tmp_path):
    rng = np.random.default_rng(0)
    x, y = {"a/b": rng.normal(size=(6, 3)), "": np.arange(6) * 300}, {"tags": np.eye(3)[[0, 1, 2] * 2], "n": np.ones(6)}
    y["n"][0] = 2
    source = Source(
        x, y, {name: array[:2] for name, array in x.items()}, {name: array[:2] for name, array in y.items()},
        {name: array[:3] for name, array in x.items()}, {name: array[:3] for name, array in y.items()},
        groups=np.array(list("aabbcc")), order=np.arange(6), weights=np.arange(6), weights_test=np.ones(2),
        origin="own.py", notes=["said once"], group_notes=["a group"],
    )  # fmt: skip
    data = to_dataset("own", source)
    loaded = load_arrays(save_arrays(data, tmp_path))
    for name in ("x_train", "y_train", "x_test", "y_test"):
        mine, its = getattr(data, name), getattr(loaded, name)
        assert list(mine) == list(its)
        assert all(np.array_equal(mine[leaf], its[leaf]) and mine[leaf].dtype == its[leaf].dtype for leaf in mine)
    for name in ("group_of", "time_of", "weights_train", "weights_test"):
        assert np.array_equal(getattr(data, name), getattr(loaded, name))
    for name in ("targets", "n_given", "notes", "groups", "columns", "digest", "n_classes"):
        assert getattr(data, name) == getattr(loaded, name)


def test_columns_names_and_absent_targets_come_back(tmp_path):
    columns = (FeatureColumn("age", "number", "age"), FeatureColumn("city=Oslo", "flag", "city"))
    source = Source(np.eye(2)[[0, 1, 0]], np.array([0, 1, 0]), columns=columns, class_names=["a", "b"], origin="own")
    loaded = load_arrays(save_arrays(to_dataset("own", source), tmp_path))
    assert (loaded.columns, loaded.targets[""].names, loaded.x_test.shape) == (columns, ("a", "b"), (0, 2))
    loaded = load_arrays(save_arrays(to_dataset("other", Source(np.eye(3), None, origin="own")), tmp_path))
    assert (loaded.targets[""].kind, loaded.y_train.shape) == ("none", (3, 0))


def test_a_mapped_file_that_holds_the_array_is_linked_and_any_other_is_written(tmp_path):
    x = np.random.default_rng(0).normal(size=(50, 40)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "turned.npy", np.asfortranarray(x))
    x.tofile(tmp_path / "raw.bin")
    y = np.arange(50) % 2
    mapped = {
        "whole": np.load(tmp_path / "x.npy", mmap_mode="r"),
        "rows": np.load(tmp_path / "x.npy", mmap_mode="r")[10:],
        "turned": np.load(tmp_path / "turned.npy", mmap_mode="r"),
        "raw": np.memmap(tmp_path / "raw.bin", dtype=np.float32, mode="r", shape=(50, 40)),
        "rows of raw": np.memmap(tmp_path / "raw.bin", np.float32, "r", 160, (49, 40))[3:44][1:],
        "columns": np.load(tmp_path / "x.npy", mmap_mode="r")[:, 3:],
        "own": np.load(tmp_path / "x.npy", mmap_mode="c"),
    }
    mapped["own"][7] = 0.5  # in memory alone
    links = {"whole": "x.npy", "rows": "x.npy", "raw": "raw.bin", "rows of raw": "raw.bin"}
    for name, array in mapped.items():
        data = to_dataset(name, Source(array, y[: len(array)], origin="own"))
        folder = save_arrays(data, tmp_path / "saved")
        assert np.array_equal(load_arrays(folder).x_train, array)
        origins = [made for made in ("x.npy", "raw.bin") if (folder / "x_train.npy").samefile(tmp_path / made)]
        assert origins == ([links[name]] if name in links else [])
        copied = sum((folder / f"{part}.npy").stat().st_size for part in ("y_train", "x_test", "y_test"))
        assert copied_bytes(folder) == copied + (name not in links) * (folder / "x_train.npy").stat().st_size
    assert np.array_equal(np.load(tmp_path / "x.npy"), x)
