"""`draw_stand_in`: sizes, sameness, label noise, and that it is neither trivial nor hopeless."""

import hashlib

import numpy as np
import pytest

from ablate.data import to_dataset, to_source
from ablate.data.stand_in import LABEL_NOISE, STAND_INS, draw_stand_in
from ablate.study.catalog import KERAS_DATA_SETS


def test_every_set_that_can_be_fetched_has_a_stand_in():
    assert sorted(STAND_INS) == sorted(KERAS_DATA_SETS)


@pytest.mark.parametrize("name", sorted(STAND_INS))
def test_a_stand_in_keeps_the_rules_of_data_and_the_shape_of_its_set(name):
    shape, n_classes, _, _ = STAND_INS[name]
    data = to_dataset(name, to_source(draw_stand_in(name, n_train=400, n_test=200), origin="drawn", stand_in=True))
    assert data.x_train.shape == (400, *shape)
    assert data.x_test.shape == (200, *shape)
    assert data.x_train.dtype == np.uint8
    assert data.n_classes == n_classes
    assert np.bincount(data.y_test).tolist() == [200 // n_classes] * n_classes


def test_every_machine_draws_the_same_bytes():
    drawn = draw_stand_in("cifar10", n_train=60, n_test=30)
    digest = hashlib.sha256(b"".join(array.astype(array.dtype.newbyteorder("<")).tobytes() for array in drawn.values()))
    assert digest.hexdigest()[:16] == "934035f2f554b5b2"


def test_training_and_test_images_differ():
    drawn = draw_stand_in("mnist", n_train=50, n_test=50)
    test = {image.tobytes() for image in drawn["x_test"]}
    assert len(test) == 50
    assert not test & {image.tobytes() for image in drawn["x_train"]}


def test_one_training_label_in_twenty_is_wrong_and_no_test_label():
    drawn = draw_stand_in("mnist", n_train=4000, n_test=10)
    counts = np.bincount(drawn["y_train"])  # 400 each before the noise; a wrong label moves one from class to class
    assert 0 < np.abs(counts - 400).max() < 60
    assert np.bincount(drawn["y_test"]).tolist() == [1] * 10
    assert LABEL_NOISE == 0.05


def test_a_linear_model_beats_chance_and_stays_far_from_all():
    from sklearn.linear_model import RidgeClassifier

    drawn = draw_stand_in("cifar10", n_train=2000, n_test=1000)
    train, test = (drawn[name].reshape(-1, 3072) / 128.0 - 1 for name in ("x_train", "x_test"))
    accuracy = RidgeClassifier(alpha=3e3).fit(train, drawn["y_train"]).score(test, drawn["y_test"])
    assert 0.2 < accuracy < 0.45
