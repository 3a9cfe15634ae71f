"""The data of bundled studies that come from a function beside the study file."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from ablate.study.names import bundled_folder
from ablate.study.user_functions import import_function

STUDIES = bundled_folder()
SMALL = ("jinja2", "typer")  # quickly read libraries, instead of those of the study


def function(file, name="load"):
    return import_function(STUDIES / file, name, setting="data.name")


def equal(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def docstrings():
    load = function("docstrings.py")
    load.__globals__.update(LIBRARIES=SMALL, paragraphs=cache(load.__globals__["paragraphs"]))
    return load


def test_the_table_of_diabetes_patients_has_its_columns_in_their_own_units():
    frame = function("diabetes.py")()
    assert frame.shape == (442, 11)
    assert frame["sex"].value_counts().to_dict() == {"first": 235, "second": 207}
    assert (frame["age"].min(), frame["age"].max()) == (19, 79)
    assert (frame["progression"].min(), frame["progression"].max()) == (25, 346)


def test_one_tumour_in_twenty_is_malignant_and_the_seed_chooses_which():
    load = function("rare_cancer.py")
    data = load(0)
    assert data["x_train"].shape == (376, 30)
    assert np.bincount(data["y_train"]).tolist() == [357, 19]
    assert equal(load(0), data)
    assert not np.array_equal(load(1)["x_train"], data["x_train"])
    # malignant cells are larger; scikit-learn's own class 1 is benign
    assert data["x_train"][data["y_train"] == 1, 0].mean() > data["x_train"][data["y_train"] == 0, 0].mean()


@pytest.mark.slow  # imports Keras
def test_the_loss_of_the_rare_class_counts_a_malignant_tumour_as_much_as_nineteen_benign_ones():
    weighted = function("rare_cancer_model.py", "weighted")
    y, p = np.array([[1.0], [0.0]], np.float32), np.array([[0.5], [0.5]], np.float32)
    assert np.asarray(weighted(y, p)) == pytest.approx([19 * np.log(2), np.log(2)], rel=1e-5)


def test_the_vocabulary_of_the_docstrings_has_no_word_that_only_test_texts_have(docstrings, monkeypatch):
    trained = []
    vocabulary = docstrings.__globals__["ids_by_frequency"]
    monkeypatch.setitem(
        docstrings.__globals__, "ids_by_frequency", lambda texts: vocabulary(trained.extend(texts) or trained)
    )
    data = docstrings(0)
    every = [set(docstrings.__globals__["paragraphs"](library)) for library in SMALL]
    tested = (every[0] ^ every[1]) - set(trained)
    assert len(tested) > 20
    ids = vocabulary(trained)
    only_tested = {word for text in tested for word in text.split()} - {w for text in trained for w in text.split()}
    assert only_tested
    assert only_tested.isdisjoint(ids)
    assert (data["x_test"] == 1).any()  # unknown words


def test_docstrings_are_ids_by_frequency_filled_up_with_zeros(docstrings):
    vocabulary, to_ids = (docstrings.__globals__[name] for name in ("ids_by_frequency", "to_ids"))
    ids = vocabulary(["the set of the keys", "the keys"])
    assert ids == {"the": 2, "keys": 3, "of": 4, "set": 5}
    assert to_ids("the new keys", ids) == [2, 1, 3] + [0] * 37
    data = docstrings(0)
    assert data["x_train"].shape[1] == 40
    assert data["x_train"].max() <= 1 + 3000
    assert set(data["y_train"]) == set(data["y_test"]) == {0, 1}
    n_test, n = len(data["x_test"]), len(data["x_test"]) + len(data["x_train"])
    assert n_test == pytest.approx(n / 5, rel=0.1)


def test_no_two_docstrings_are_equal_and_the_seed_decides_which_are_tested(docstrings):
    data = docstrings(0)
    both = np.concatenate([data["x_train"], data["x_test"]])
    assert len(np.unique(both, axis=0)) == len(both)
    assert equal(docstrings(0), data)
    assert not equal(docstrings(1), data)


def test_drawn_shapes_have_a_class_for_each_pixel_and_are_as_bright_as_each_other():
    load = function("shapes.py")
    data = load(0)
    assert {name: array.shape for name, array in data.items()} == {
        "x_train": (500, 24, 24, 1), "y_train": (500, 24, 24), "x_test": (200, 24, 24, 1), "y_test": (200, 24, 24),
    }  # fmt: skip
    assert (data["x_train"].dtype, data["y_train"].dtype) == (np.float32, np.int32)
    images, masks = data["x_train"][..., 0], data["y_train"]
    means = [images[masks == kind].mean() for kind in range(4)]
    assert means[0] == pytest.approx(0, abs=0.01)
    assert means[1:] == pytest.approx([0.65] * 3, abs=0.05)  # brightness does not tell one shape from another
    assert equal(load(0), data)
    assert not equal(load(1), data)


def test_windows_of_the_eeg_follow_each_lead_and_carry_the_time_of_their_first_sample():
    data = function("eeg.py")()
    n = 800 - 36 + 1
    assert (data["x_train"].shape, data["y_train"].shape) == ((4 * n, 32), (4 * n, 4))
    assert data["time"].tolist() == [start for start in range(n) for _ in range(4)]
    lead = data["x_train"][2::4]  # the third lead: each window begins one sample later
    assert np.array_equal(lead[1:, :-1], lead[:-1, 1:])
    assert np.array_equal(lead[4:, -4:], data["y_train"][2::4][:-4])


def test_the_files_beside_the_studies_import_libraries_that_ablate_needs_anyway():
    known = {
        "argparse",
        "ast",
        "collections",
        "importlib",
        "keras",
        "matplotlib",
        "numpy",
        "os",
        "pandas",
        "pathlib",
        "re",
        "sklearn",
    }
    for file in STUDIES.glob("*.py"):
        lines = [line.split() for line in Path(file).read_text(encoding="utf-8").splitlines()]
        imported = {words[1].split(".")[0] for words in lines if words[:1] in (["import"], ["from"])}
        assert imported <= known, file.name
