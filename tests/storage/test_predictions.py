import numpy as np
import pytest

from ablate.errors import DataError
from ablate.storage.predictions import KeptPredictions, read_predictions, write_predictions

KEPT = KeptPredictions(np.array([0, 1, 2]), {"a": np.array([0, 1, 1]), "b-s1": np.array([2, 2, 2])})


def test_predictions_are_read_as_they_were_written_and_with_numpy_alone(tmp_path):
    path = tmp_path / "test_predictions.npz"
    write_predictions(KEPT, path)
    again = read_predictions(path)
    assert again.labels.tolist() == [0, 1, 2]
    assert {trial: classes.tolist() for trial, classes in again.classes.items()} == {"a": [0, 1, 1], "b-s1": [2, 2, 2]}
    assert again.correct("a").tolist() == [True, True, False]
    assert again.correct("c") is None
    with np.load(path, allow_pickle=False) as file:
        assert (file["trials"].tolist(), file["predicted"].dtype) == (["a", "b-s1"], np.uint8)
    before = path.read_bytes()
    write_predictions(KEPT, path)
    assert path.read_bytes() == before
    assert [other.name for other in tmp_path.iterdir()] == ["test_predictions.npz"]


def test_a_folder_without_predictions_has_none(tmp_path):
    assert read_predictions(tmp_path / "test_predictions.npz") is None


def test_classes_above_255_are_kept(tmp_path):
    path = tmp_path / "test_predictions.npz"
    write_predictions(KeptPredictions(np.array([0, 1]), {"a": np.array([0, 300])}), path)
    assert read_predictions(path).classes["a"].tolist() == [0, 300]


GOOD = {"labels": np.zeros(3, np.uint8), "trials": np.array(["a"]), "predicted": np.zeros((1, 3), np.uint8)}


@pytest.mark.parametrize(
    "change",
    [
        {"predicted": np.zeros((1, 4), np.uint8)}, {"predicted": np.zeros((1, 3))}, {"trials": np.array([1])},
        {"trials": np.array(["a", "b"])}, {"labels": np.zeros((3, 1), np.uint8)}, {"labels": np.array([None] * 3)},
        {"labels": None},
    ],
)  # fmt: skip
def test_a_file_of_another_form_is_refused_with_its_path(tmp_path, change):
    path = tmp_path / "test_predictions.npz"
    np.savez(path, **{name: array for name, array in (GOOD | change).items() if array is not None})
    with pytest.raises(DataError, match=r"test_predictions\.npz: is damaged: "):
        read_predictions(path)


def test_a_file_cut_short_is_refused(tmp_path):
    path = tmp_path / "test_predictions.npz"
    write_predictions(KEPT, path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match="is damaged"):
        read_predictions(path)
    path.write_text("not a zip file")
    with pytest.raises(DataError, match="delete the file"):
        read_predictions(path)
