"""`data_cautions`: what data show in sentences of exact figures, and when they say nothing."""

from dataclasses import replace

import numpy as np
import pytest
from small_sets import dataset, images, normal

from ablate.data import Source, data_cautions, select_task, to_dataset, to_source
from ablate.data.source import FeatureColumn
from ablate.data.stand_in import draw_stand_in

PR_AUC = '[metric] name = "pr_auc" judges how well class 1 is found'
BALANCED = '[metric] name = "balanced_accuracy" gives both classes the same weight'


def seen(data, kind):
    return list(data_cautions(data).cautions[kind])


def test_data_without_a_fault_show_nothing_and_every_kind_was_looked_for():
    found = data_cautions(dataset(images(200), images(60, seed=1)))
    assert found.cautions == {"contamination": [], "test_scaling": [], "imbalance": [], "groups": []}
    assert found.remarks == {}


def test_digits_show_nothing(digits):
    found = data_cautions(digits)
    assert not any(found.cautions.values())
    assert found.remarks == {}


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_the_stand_in_shows_nothing(name):
    drawn = draw_stand_in(name, n_train=400, n_test=100)
    found = data_cautions(to_dataset(name, to_source(drawn, origin="drawn", stand_in=True)))
    assert not any(found.cautions.values())


def test_tested_training_examples_are_a_caution():
    train, test = images(400), images(100, seed=1)
    test[:20] = train[:20]
    assert seen(dataset(train, test), "contamination") == [
        "20 of 100 test examples (20.0 %) equal a training example: "
        "a network that memorizes them scores better than it generalizes"
    ]


def test_equal_inputs_of_another_label_are_a_sentence_of_their_own():
    train, test = normal(400, 10), normal(100, 10, seed=1)
    test[:40] = train[1:41]  # labels 1, 0, 1 … in training and 0, 1, 0 … for testing
    assert seen(dataset(train, test), "contamination")[1:] == [
        "40 of these 40 test examples have a different label from the training examples they equal"
    ]


@pytest.mark.parametrize(("n", "n_test"), [(2, 100), (4, 1000)])
def test_a_handful_is_a_remark(n, n_test):
    train, test = images(400), images(n_test, seed=1)
    test[:n] = train[:n]
    found = data_cautions(dataset(train, test))
    assert found.cautions["contamination"] == []
    share = {2: "2 of 100 test examples (2.0 %)", 4: "4 of 1,000 test examples (0.4 %)"}[n]
    assert found.remarks == {"contamination": f"{share} equal a training example: too few to matter."}


def test_where_few_inputs_are_possible_it_is_said_and_no_caution():
    flags = np.random.default_rng(0).random((600, 3)) < 0.5
    found = data_cautions(dataset(flags[:500], flags[500:]))
    assert (found.cautions["contamination"], found.cautions["groups"]) == ([], [])
    assert found.remarks == {
        "contamination": "100 of 100 test examples (100.0 %) equal a training example, "
        "and training examples also equal each other: there are few possible inputs.",
        "groups": "500 of 500 training examples (100.0 %) are duplicates: there are few possible inputs.",
    }


def test_a_copied_test_set_is_seen_although_few_inputs_are_possible():
    rng = np.random.default_rng(0)
    answers = np.clip(np.round(3 + rng.normal(size=(1000, 1)) + 0.5 * rng.normal(size=(1000, 12))), 1, 5)
    (said,) = seen(dataset(answers, answers[:200]), "contamination")
    assert said.startswith("200 of 200 test examples (100.0 %) equal a training example, but only 5.")
    assert said.endswith(" of the training examples are duplicates: the test set looks copied from the training set")


def test_blank_images_are_a_remark():
    train, test = images(400), images(100, seed=1)
    train[:30], test[:10] = 0, 0
    found = data_cautions(dataset(train, test))
    assert not any(found.cautions.values())
    assert found.remarks == {
        "contamination": "10 of 100 test examples (10.0 %) equal a training example, all of them blank.",
        "groups": "30 of 400 training examples (7.5 %) are duplicates, all of them blank.",
    }


def test_examples_that_are_repeated_are_torn_apart_by_the_split():
    train = np.repeat(images(100), 3, axis=0)
    data = dataset(train, images(50, seed=1), y_train=np.arange(300) // 3 % 2)
    assert seen(data, "groups") == [
        "300 of 300 training examples (100.0 %) are duplicates (100 different inputs): "
        "the random split puts copies into training and validation, so validation scores are too high"
    ]


def test_copies_of_another_label_are_counted():
    train = np.concatenate([images(100), images(20)])
    y_train = np.concatenate([np.arange(100) % 2, 1 - np.arange(20) % 2])
    (said,) = seen(dataset(train, images(50, seed=1), y_train=y_train), "groups")
    assert said.startswith("40 of 120 training examples (33.3 %) are duplicates (20 different inputs); ")
    assert "; 40 of them have a duplicate with another label: " in said


def test_windows_of_one_series_are_named():
    series = normal(1050, 1)[:, 0]
    cut = np.stack([series[k : k + 40] for k in range(0, 1000, 5)])
    tail = "overlap with another training example (shifted by some steps), like windows cut from one series: "
    tail += "the random split puts such windows into training and validation, so validation scores are too high"
    (whole,) = seen(dataset(cut[:150], cut[160:]), "groups")
    assert whole == f"149 of 150 training examples looked at {tail}"
    (torn,) = seen(dataset(cut[::2][:90], cut[1::2][:90]), "groups")  # by turns, 10 steps apart
    assert torn == f"89 of 90 training examples looked at, and so do 89 of 90 test examples {tail}"


def test_frames_of_one_recording_are_named():
    frames = np.cumsum(normal(400, 64), axis=0).reshape(400, 8, 8, 1)
    data = dataset(frames, frames[::20] + 0.5, y_train=np.arange(400) // 200, y_test=np.arange(20) % 2)
    (said,) = seen(data, "groups")
    assert said.startswith("Successive training examples are ")
    assert "times closer than random examples of the same class, like frames of one recording: the random split" in said


def test_another_scale_is_said_with_both_ranges():
    train, test = images(200), images(60, seed=1) // 255
    (said,) = seen(dataset(train, test), "test_scaling")
    assert said.startswith("Training and test inputs have different scales: training inputs span 0 … 255 (mean 12")
    assert said.count("test inputs 0 … 1 (mean 0.0") == 1


def test_one_feature_of_another_scale_is_named():
    train, test = normal(200, 4), normal(60, 4, seed=1)
    train[:, 2], test[:, 2] = np.arange(200) % 5, 100 * (np.arange(60) % 5)
    assert seen(dataset(train, test), "test_scaling") == [
        "1 of 4 features has another scale in the test set: "
        "feature 2 (counting from 0) spans 0 … 4 (mean 2) in training and 0 … 400 (mean 200) in testing"
    ]


def test_a_kind_that_cannot_be_told_is_left_out():
    assert "test_scaling" not in data_cautions(dataset(images(200), images(10, seed=1))).cautions


@pytest.mark.parametrize(
    ("n_train", "n_test", "said"),
    [
        (4, 2, "Class 0 makes up 98.0 % of the training examples and 98.0 % of the test examples: "
               f"always guessing it scores 98.0 % on the test set; {PR_AUC}"),
        (4, 50, "Class 0 makes up 98.0 % of the training examples: always guessing it scores 50.0 % on the test set; "
                f"{PR_AUC}"),
        (100, 95, "Class 1 makes up 95.0 % of the test examples: always guessing it scores 95.0 % on the test set; "
                  f"{BALANCED}"),
    ],
)  # fmt: skip
def test_a_large_class_is_named_with_what_guessing_it_scores(n_train, n_test, said):
    data = dataset(images(200), images(100, seed=1), np.arange(200) < n_train, np.arange(100) < n_test)
    assert seen(data, "imbalance") == [said]


def test_nine_of_ten_are_not_yet_too_large_a_class():
    assert seen(dataset(images(200), images(100, seed=1), np.arange(200) < 20, np.arange(100) < 10), "imbalance") == []


def test_what_the_file_says_of_groups_comes_first_and_stays_with_a_task():
    data = replace(dataset(images(200), images(60, seed=1)), groups=("subject names 4 groups",))
    assert seen(data, "groups") == ["subject names 4 groups"]
    assert seen(select_task(data, [1, 0], test=30), "groups") == ["subject names 4 groups"]


def test_inputs_that_are_all_the_same_are_a_caution():
    same = np.full((60, 5), 3.5, np.float32)
    (said,) = seen(dataset(same, same[:10]), "groups")
    assert said == "All 60 training examples have the same inputs, so nothing can be learned from them"
    nearly = same.copy()
    nearly[30, 2] = 3.0
    assert not any("same inputs" in text for text in seen(dataset(nearly, same[:10]), "groups"))


def own(loss=None, **parts):
    return to_dataset("own", Source(**parts, origin="own"), loss=loss)


def of_targets(y_train, y_test, loss=None, x_train=None, x_test=None):
    x_train = images(len(y_train)) if x_train is None else x_train
    x_test = images(len(y_test), seed=1) if x_test is None else x_test
    return own(loss, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)


RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    "kind", ["numbers", "tags", "one-hot", "masks", "none"]
)  # fmt: skip
def test_data_of_any_target_without_a_fault_show_nothing(kind):
    y = {
        "numbers": RNG.normal(size=260), "tags": RNG.random((260, 4)) < 0.04, "one-hot": np.eye(3)[np.arange(260) % 3],
        "masks": RNG.integers(0, 3, (260, 8, 8)), "none": None,
    }[kind]  # fmt: skip
    y_train, y_test = (None, None) if y is None else (y[:200], y[200:])
    data = own(x_train=images(200), y_train=y_train, x_test=images(60, seed=1), y_test=y_test)
    of_classes = {"imbalance": []} if kind in ("one-hot", "masks") else {}  # others have no line on the largest class
    assert data_cautions(data).cautions == {"contamination": [], "test_scaling": [], "groups": []} | of_classes


def test_several_inputs_are_equal_where_all_of_them_are():
    def two(n, seed):
        return {"image": images(n, seed), "rows": normal(n, 4, seed)}

    train, test = two(400, 0), two(100, 1)
    test["image"][:40] = train["image"][:40]
    assert not any(data_cautions(own(x_train=train, y_train=np.arange(400) % 2, x_test=test,
                                     y_test=np.arange(100) % 2)).cautions.values())  # fmt: skip
    test["rows"][:20] = train["rows"][:20]
    data = own(x_train=train, y_train=np.arange(400) % 2, x_test=test, y_test=np.arange(100) % 2)
    assert seen(data, "contamination") == [
        "20 of 100 test examples (20.0 %) equal a training example: "
        "a network that memorizes them scores better than it generalizes"
    ]


def test_a_scale_of_one_of_several_inputs_is_named_by_its_input():
    train, test = ({"image": images(n), "age": normal(n, 1, n)[:, 0]} for n in (200, 60))
    test["age"] *= 1000
    data = own(x_train=train, y_train=np.arange(200) % 2, x_test=test, y_test=np.arange(60) % 2)
    (said,) = seen(data, "test_scaling")
    assert said.startswith('Input "age": Training and test inputs have different scales: training inputs span -')


def test_columns_are_named_and_may_miss_numbers():
    train, test = normal(200, 3), normal(60, 3, seed=1)
    test[:, 1] *= 1000
    train[::5, 0] = test[::7, 0] = np.nan
    columns = [FeatureColumn(name, "number", name) for name in ("age", "price", "rooms")]
    data = own(x_train=train, y_train=np.arange(200) % 2, x_test=test, y_test=np.arange(60) % 2, columns=columns)
    (said,) = seen(data, "test_scaling")
    assert said.startswith('1 of 3 features has another scale in the test set: "price" spans -')


def test_numbers_contradict_nothing_and_copies_are_still_counted():
    train = np.repeat(images(100), 3, axis=0)
    (said,) = seen(of_targets(RNG.normal(size=300), RNG.normal(size=50), x_train=train), "groups")
    assert said.startswith("300 of 300 training examples (100.0 %) are duplicates (100 different inputs): ")
    one_hot = np.eye(2)[np.arange(300) % 2]
    (said,) = seen(of_targets(one_hot, one_hot[:50], x_train=train), "groups")
    assert "; 300 of them have a duplicate with another label: " in said


def test_frames_of_one_recording_are_named_without_classes_and_not_where_groups_are_kept():
    frames = np.cumsum(normal(400, 64), axis=0).reshape(400, 8, 8, 1)
    numbers = {"x_train": frames, "y_train": RNG.normal(size=400), "x_test": frames[::20] + 0.5}
    numbers["y_test"] = numbers["y_train"][:20]
    (said,) = seen(own(**numbers), "groups")
    assert "times closer than random examples, like frames of one recording: " in said
    assert seen(own(**numbers, groups=np.arange(400) // 20), "groups") == []


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (np.eye(2)[(np.arange(260) < 4).astype(int)], PR_AUC),
        (np.where(np.arange(260) < 4, 2, np.arange(260) == 5),
         '[metric] name = "balanced_accuracy" or "f1" gives every class the same weight'),
        ((np.arange(260 * 64).reshape(260, 8, 8) % 50 == 0).astype(int),
         '[metric] name = "mean_iou" gives every class the same weight'),
    ],
)  # fmt: skip
def test_the_metric_to_take_depends_on_the_targets(y, said):
    (sentence,) = seen(of_targets(y[:200], y[:60]), "imbalance")
    assert sentence.endswith(f" on the test set; {said}")


def test_a_study_with_another_metric_has_chosen_already():
    data = dataset(images(200), images(100, seed=1), np.arange(200) < 4, np.arange(100) < 2)
    assert "imbalance" not in data_cautions(data, metric="pr_auc").cautions
    assert len(data_cautions(data, metric="accuracy").cautions["imbalance"]) == 1
