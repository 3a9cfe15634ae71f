import base64
import zlib

import numpy as np
import pytest

from ablate.data import predictions
from ablate.data.predictions import MOST_BYTES, TestPredictions, class_labels, pack, to_confusion, unpack

LABELS = np.array([0, 1, 2, 3], np.int32)


def classes(predicted, confidence=None) -> TestPredictions:
    return TestPredictions("classes", classes=np.asarray(predicted), confidence=confidence)


@pytest.mark.parametrize("largest", [3, 254, 255, 70_000])
def test_predicted_classes_come_back_as_they_were(largest):
    predicted = np.array([0, 1, 0, largest], np.int32)
    text = pack(classes(predicted), LABELS)
    assert text.isascii()
    found = unpack(text, LABELS)
    assert (found.kind, found.classes.tolist(), found.confidence) == ("classes", predicted.tolist(), None)


def test_the_confidence_of_a_class_comes_back_to_four_digits():
    confidence = np.array([0.25, 0.99999, 1.0, 0.5], np.float32)
    found = unpack(pack(classes([0, 1, 1, 1], confidence), LABELS), LABELS)
    assert found.classes.tolist() == [0, 1, 1, 1]
    np.testing.assert_allclose(found.confidence, confidence, atol=1e-5)


def test_classes_of_one_hot_targets_are_kept_as_those_of_numbers():
    hot = np.eye(4, dtype=np.float32)[[0, 1, 2, 3]]
    assert class_labels(hot).tolist() == LABELS.tolist()
    assert class_labels(LABELS[:, None]).tolist() == LABELS.tolist()
    assert pack(classes([0, 1, 0, 3]), hot) == pack(classes([0, 1, 0, 3]), LABELS)


def test_numbers_and_probabilities_of_tags_have_the_shape_of_the_targets():
    targets = np.zeros((3, 2), np.float32)
    values = np.array([[1.5, -2], [1e6, 0], [3, 4]], np.float32)
    assert (
        unpack(pack(TestPredictions("numbers", numbers=values), targets), targets).numbers.tolist() == values.tolist()
    )
    probabilities = np.array([[0, 1], [0.5, 0.25], [0.125, 0.75]])
    found = unpack(pack(TestPredictions("tags", confidence=probabilities), targets), targets)
    np.testing.assert_allclose(found.confidence, probabilities, atol=1e-5)


def test_masks_are_kept_as_the_counts_of_true_and_predicted_classes():
    labels, predicted = np.array([[[0, 0], [1, 1]], [[1, 2], [0, 0]]]), np.array([[[0, 1], [1, 1]], [[2, 2], [0, 0]]])
    counts = to_confusion(labels, predicted, n_classes=3)
    assert counts.tolist() == [[3, 1, 0], [0, 2, 1], [0, 0, 1]]
    found = unpack(pack(TestPredictions("confusion", classes=counts), labels), labels)
    assert (found.kind, found.classes.tolist()) == ("confusion", counts.tolist())


def test_right_predictions_cost_little_and_confidences_two_bytes_an_example():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 10_000).astype(np.int32)
    predicted = np.where(rng.random(10_000) < 0.95, labels, (labels + rng.integers(1, 10, 10_000)) % 10)
    assert len(pack(classes(predicted), labels)) < 1_600
    assert unpack(pack(classes(predicted), labels), labels).classes.tolist() == predicted.tolist()
    assert len(pack(classes(predicted, 1 - rng.random(10_000) ** 4), labels)) < 29_000  # 2 bytes each, as base64


def test_what_is_too_much_for_a_record_is_not_kept(monkeypatch):
    monkeypatch.setattr(predictions, "MOST_EXAMPLES", 3)
    assert pack(classes(LABELS), LABELS) == ""
    assert pack(classes(LABELS[:3]), LABELS[:3]) != ""
    monkeypatch.setattr(predictions, "MOST_BYTES", 6)
    assert unpack(pack(classes(LABELS[:3], np.ones(3)), LABELS[:3]), LABELS[:3]).confidence is not None
    monkeypatch.setattr(predictions, "MOST_BYTES", 5)
    found = unpack(pack(classes(LABELS[:3], np.ones(3)), LABELS[:3]), LABELS[:3])
    assert (found.classes.tolist(), found.confidence) == ([0, 1, 2], None)
    assert pack(TestPredictions("numbers", numbers=np.ones(2)), np.ones(2)) == ""


def text_of(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content)).decode()


@pytest.mark.parametrize(
    "text",
    ["", "not base64!", "AAAA", text_of(b""), text_of(b"\0" * 5), text_of(b"\0" * 12), text_of(b"\0" * 10_000_000)],
)
@pytest.mark.parametrize("kind", ["", "classes:", "tags:", "numbers:", "pictures:"])
def test_a_text_of_another_test_set_or_a_damaged_one_has_no_predictions(text, kind):
    assert unpack(f"{kind}{text}", LABELS) is None


@pytest.mark.parametrize("content", [b"\0" * 7, b"\0" * 16, b"\0" * (MOST_BYTES + 8)])
def test_counts_that_are_no_square_are_refused(content):
    assert unpack(f"confusion:{text_of(content)}", LABELS) is None


@pytest.mark.parametrize("more", ["", ".", f".{text_of(bytes(6))}", f".{text_of(bytes(8))}x", f".{text_of(bytes(10))}"])
def test_confidences_that_do_not_fit_the_classes_are_refused(more):
    assert unpack(f"classes:{text_of(bytes(4))}.{text_of(bytes(8))}", LABELS).confidence.tolist() == [0] * 4
    assert unpack(f"classes:{text_of(bytes(4))}{more}", LABELS) is None
