import base64
import zlib

import numpy as np
import pytest

from ablate.data import predictions
from ablate.data.predictions import pack, unpack

LABELS = np.array([0, 1, 2, 3], np.int32)


@pytest.mark.parametrize("largest", [3, 254, 255, 70_000])
def test_predictions_come_back_as_they_were(largest):
    predicted = np.array([0, 1, 0, largest], np.int32)
    text = pack(predicted, LABELS)
    assert text.isascii()
    assert unpack(text, LABELS).tolist() == predicted.tolist()


def test_right_predictions_cost_little():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 10_000).astype(np.int32)
    predicted = np.where(rng.random(10_000) < 0.95, labels, (labels + rng.integers(1, 10, 10_000)) % 10)
    assert len(pack(predicted, labels)) < 1_600
    assert unpack(pack(predicted, labels), labels).tolist() == predicted.tolist()


def test_predictions_of_a_large_test_set_are_not_kept(monkeypatch):
    monkeypatch.setattr(predictions, "MOST_EXAMPLES", 3)
    assert pack(LABELS, LABELS) == ""
    assert pack(LABELS[:3], LABELS[:3]) != ""


def text_of(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content)).decode()


@pytest.mark.parametrize(
    "text",
    ["", "not base64!", "AAAA", text_of(b""), text_of(b"\0" * 5), text_of(b"\0" * 12), text_of(b"\0" * 10_000_000)],
)
def test_a_text_of_another_test_set_or_a_damaged_one_has_no_predictions(text):
    assert unpack(text, LABELS) is None
