"""Columns that may name patients or sites, and features that are none."""

import numpy as np
import pytest
from sklearn import datasets
from splits import drawn, of_classes

from ablate.data import data_cautions
from ablate.data.extra import group_sentences
from ablate.data.repeated_ids import is_named_as_group, repeated_ids

RNG = np.random.default_rng(0)
N = 600
PERSON = np.repeat(np.arange(60), 10)
HEIGHT = RNG.normal(170, 10, 60).round(0)[PERSON]
SEX = RNG.choice(["f", "m"], 60)[PERSON]
PULSE = RNG.normal(70, 9, N)


def names(columns):
    return [one.name for one in repeated_ids(columns)]


@pytest.mark.parametrize("name", ["patient", "patient_id", "siteId", "user-nr", "Subject Number", "hospital_code"])
def test_a_group_is_known_by_its_name(name):
    assert is_named_as_group(name)
    assert names({name: PERSON, "pulse": PULSE}) == [name]


@pytest.mark.parametrize(
    "name",
    ["patient_age", "customer_segment", "number_of_sessions", "sessions", "nr_patient", "usergroupsize", "id", ""],
)
def test_other_names_are_no_groups(name):
    assert not is_named_as_group(name)


def test_a_group_of_another_name_is_known_by_the_features_that_it_decides():
    (found,) = repeated_ids({"pulse": PULSE, "code": PERSON[::-1], "height": HEIGHT[::-1], "sex": SEX[::-1]})
    assert found.name == "code"
    assert found.constant == ("height", "sex")
    assert found.sentence() == (
        "code has 60 different values in 600 rows, and rows with one value of it also agree in height, sex: if rows "
        "of one value belong together, a random split tears them apart and its scores are too high; "
        'write groups = "code" in [data]'
    )


def test_ids_as_text_in_any_order_and_with_typing_errors_are_found():
    order = RNG.permutation(N)
    sex = SEX[order].copy()
    sex[0] = "f" if sex[0] == "m" else "m"
    assert names({"who": np.char.add("p", PERSON[order].astype(str)), "sex": sex, "pulse": PULSE}) == ["who"]


def test_features_that_decide_nothing_are_no_groups():
    age = RNG.integers(20, 80, N)
    sale = (RNG.random(N) < 0.005).astype(int)  # nearly always 0, so nearly constant in everything
    assert names({"age": age, "sale": sale, "pulse": PULSE, "zip": RNG.integers(0, 50, N)}) == []


def test_two_codings_of_the_same_categories_are_no_groups():
    level = RNG.integers(0, 30, N)
    assert names({"education": np.char.add("level ", level.astype(str)), "education_num": level, "pulse": PULSE}) == []


def test_a_treatment_and_times_are_no_groups():
    date = np.repeat(np.arange(60), 10)
    assert names({"group": RNG.choice(["treated", "control"], N), "date": date, "year": date // 12, "p": PULSE}) == []


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes", "digits", "linnerud"])
def test_well_known_tables_without_groups_give_no_false_alarm(name):
    data = getattr(datasets, f"load_{name}")()
    assert names({str(k): column for k, column in enumerate(data.data.T)}) == []


# Patients with many rows: their own features give them away, the label is the patient's, and says nothing of others.


def nearest_neighbour_accuracy(x, y, train, tested):
    nearest = ((x[tested][:, None] - x[train][None]) ** 2).sum(axis=-1).argmin(axis=1)
    return (y[train][nearest] == y[tested]).mean()


def patients():
    """40 patients with 12 rows each; new patients are guessed."""
    rng = np.random.default_rng(1)
    patient = np.repeat(np.arange(40, dtype=np.int32), 12)
    x = rng.normal(size=(40, 8))[patient] + 0.05 * rng.normal(size=(480, 8))
    y = rng.permutation(np.arange(40) % 2)[patient]
    return patient, x.astype(np.float32), y


def test_with_groups_validation_is_as_honest_as_new_patients_and_without_it_is_perfect():
    patient, x, y = patients()
    new, old = patient >= 30, np.flatnonzero(patient < 30)
    unseen = nearest_neighbour_accuracy(x, y, old, np.flatnonzero(new))
    honest, torn = [], []
    for replicate in range(8):
        for scores, more in ((honest, {"group_of": patient[old]}), (torn, {})):
            split = drawn(of_classes(y[old], **more), validation=0.2, replicate=replicate)
            scores.append(nearest_neighbour_accuracy(x[old], y[old], split.train, split.validation))
    assert np.mean(torn) == 1
    assert unseen < 0.7
    assert np.mean(honest) < 0.7


def test_without_groups_the_caution_is_said_with_the_key_to_write():
    patient, _, y = patients()
    said = group_sentences({"patient": patient}, n_train=len(y), n_test=100)
    cautions = data_cautions(of_classes(y, groups=said)).cautions["groups"]
    assert any('write groups = "patient" in [data]' in line for line in cautions)
