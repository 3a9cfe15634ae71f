import numpy as np
import pytest

from ablate.data.predictions import TestPredictions
from ablate.errors import DataError
from ablate.storage.predictions import KeptPredictions, kept_predictions, read_predictions, write_predictions

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


def written(tmp_path, kept: KeptPredictions) -> KeptPredictions:
    write_predictions(kept, tmp_path / "test_predictions.npz")
    return read_predictions(tmp_path / "test_predictions.npz")


def test_confidences_are_kept_of_the_trials_that_have_them(tmp_path):
    again = written(tmp_path, KeptPredictions(KEPT.labels, KEPT.classes, confidence={"b-s1": np.array([0.5, 1, 0.75])}))
    assert again.trials == ["a", "b-s1"]
    assert list(again.confidence) == ["b-s1"]
    np.testing.assert_allclose(again.confidence["b-s1"], [0.5, 1, 0.75], atol=1e-5)


def test_numbers_tags_and_the_counts_of_masks_are_kept(tmp_path):
    numbers = {"a": np.array([[1.5], [2.5]], np.float32), "b": np.array([[0.0], [1e9]], np.float32)}
    again = written(tmp_path, KeptPredictions(np.array([[1.0], [2.0]]), kind="numbers", numbers=numbers))
    assert (again.kind, again.labels.tolist(), again.trials) == ("numbers", [[1.0], [2.0]], ["a", "b"])
    assert again.numbers["b"].tolist() == [[0.0], [1e9]]
    assert again.correct("a") is None
    tags = {"a": np.array([[0.25, 1.0]])}
    again = written(tmp_path, KeptPredictions(np.array([[0.0, 1.0]]), kind="tags", confidence=tags))
    assert (again.kind, again.labels.tolist(), again.trials) == ("tags", [[0, 1]], ["a"])
    np.testing.assert_allclose(again.confidence["a"], [[0.25, 1.0]], atol=1e-5)
    counts = {"a": np.array([[3, 1], [0, 5_000_000_000]])}
    again = written(tmp_path, KeptPredictions(np.zeros(0, np.uint8), kind="confusion", confusion=counts))
    assert (again.kind, again.confusion["a"].tolist()) == ("confusion", [[3, 1], [0, 5_000_000_000]])


def test_what_trials_packed_is_gathered_by_the_kind_of_the_first():
    one = TestPredictions("classes", classes=np.array([1, 0]), confidence=np.array([0.75, 0.5]))
    kept = kept_predictions(np.array([[0.0, 1.0], [1.0, 0.0]]), {"a": one})
    assert (kept.labels.tolist(), kept.correct("a").tolist()) == ([1, 0], [True, True])
    assert kept.confidence["a"].tolist() == [0.75, 0.5]
    other = TestPredictions("numbers", numbers=np.array([1.0, 2.0]))
    assert kept_predictions(np.array([0, 1]), {"a": one, "b": other}).trials == ["a"]
    counted = kept_predictions(np.zeros((2, 4, 4)), {"a": TestPredictions("confusion", classes=np.eye(2))})
    assert (counted.trials, counted.labels.size) == (["a"], 0)
    assert kept_predictions(np.array([0, 1]), {}) is None


GOOD = {"labels": np.zeros(3, np.uint8), "trials": np.array(["a"]), "predicted": np.zeros((1, 3), np.uint8)}


@pytest.mark.parametrize(
    "change",
    [
        {"predicted": np.zeros((1, 4), np.uint8)}, {"predicted": np.zeros((1, 3))}, {"trials": np.array([1])},
        {"trials": np.array(["a", "b"])}, {"labels": np.zeros((3, 1), np.uint8)}, {"labels": np.array([None] * 3)},
        {"labels": None}, {"confidence": np.zeros((1, 2), np.uint16)}, {"confidence": np.zeros((1, 3))},
        {"labels": np.zeros((3, 1), np.uint8), "predicted": np.zeros((1, 3, 1), np.uint8)},
        {"predicted": None, "numbers": np.zeros((1, 3)), "targets": np.zeros(4)},
        {"predicted": None, "probabilities": np.zeros((1, 3), np.uint8)},
        {"predicted": None, "confusion": np.zeros((1, 2, 3), np.int64)},
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
