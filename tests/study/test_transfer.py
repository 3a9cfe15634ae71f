"""`[data] classes` and the table [transfer]: there where a factor asks for it, and of other classes."""

import pytest
from study_texts import GOOD

from ablate.study.toml import settings, to_toml

TASK = GOOD.replace('name = "digits"\n', 'name = "digits"\nclasses = [5, 6]\n')
LEVELS = ["none", "unfrozen", "frozen_then_unfrozen"]
WITH_FACTOR = TASK.replace("dropout = 0\n", 'dropout = 0\ntransfer = "none"\n').replace(
    "[space]\n", f"[space]\ntransfer = {LEVELS}\n"
)
TRANSFER = WITH_FACTOR + "[transfer]\nclasses = [0, 1, 2]\n"


def test_without_either_table_there_are_all_classes_and_no_pretraining(load):
    study = load()
    assert (study.data.classes, study.transfer) == (None, None)
    assert "classes" not in to_toml(study)
    assert not any(key.startswith("transfer") for key in settings(study))


def test_classes_and_pretraining_are_read_with_their_defaults(load):
    study = load(TRANSFER)
    assert study.data.classes == (5, 6)
    before = study.transfer
    assert (before.classes, before.train, before.learning_rate) == ((0, 1, 2), None, "find")
    assert (before.frozen_epochs, before.unfrozen_rate) == (4, 1.0)
    assert settings(study)["transfer.classes"] == "[0, 1, 2]"


@pytest.mark.parametrize(
    "overrides", [[], ["transfer.train=900", "transfer.learning_rate=0.01", "data.classes=[9, 4]"]]
)
@pytest.mark.parametrize("quick", [False, True])
def test_the_resolved_study_loads_as_an_equal_one(load, overrides, quick):
    study = load(TRANSFER, *overrides, quick=quick)
    assert load(to_toml(study), quick=quick) == study


def test_quick_cuts_the_pretraining_too(load):
    before = load(TRANSFER, quick=True).transfer
    assert (before.train, before.epochs, before.frozen_epochs) == (4000, 2, 1)
    assert load(TRANSFER, "transfer.epochs=7", quick=True).transfer.epochs == 7


def test_a_number_of_frozen_epochs_that_the_whole_study_has_room_for_is_no_slip_of_quick(load):
    assert load(TRANSFER, "transfer.frozen_epochs=9").transfer.frozen_epochs == 9


@pytest.mark.parametrize(
    ("classes", "rule"),
    [
        ("[5]", "must list at least two classes, got [5]"),
        ("[]", "must list at least two classes, got []"),
        ("[5, 6, 5]", "each class may appear only once, got [5, 6, 5]"),
        ("[5, -1]", "must be at least 0, got -1"),
        ("[5, 6.5]", "must be a whole number, got 6.5"),
        ("[5, true]", "must be a whole number, got true"),
        ("7", "must be a list, got 7"),
    ],
)
def test_classes_that_make_no_task_are_refused(complaint, classes, rule):
    assert complaint(GOOD, f"data.classes={classes}") == f"--set data.classes: {rule}"
    assert complaint(TRANSFER, f"transfer.classes={classes}") == f"--set transfer.classes: {rule}"


@pytest.mark.parametrize(
    "text",
    [
        WITH_FACTOR,
        TASK.replace("dropout = 0\n", 'dropout = 0\ntransfer = "unfrozen"\n'),
        WITH_FACTOR.replace(str(LEVELS), '{ levels = ["none", "unfrozen"], ablate = ["unfrozen"] }'),
    ],
)
def test_a_factor_that_asks_for_pretraining_needs_to_be_told_on_what(complaint, text):
    said = complaint(text)
    assert said.startswith("x.toml: transfer: is missing, but the factor transfer has the level ")
    assert said.endswith("add [transfer] with classes = [...]: the classes used for pretraining")


@pytest.mark.parametrize("text", [TASK, WITH_FACTOR.replace(str(LEVELS), '["none"]')])
def test_pretraining_that_no_trial_asks_for_is_refused(complaint, text):
    said = complaint(text + "[transfer]\nclasses = [0, 1]\n")
    assert said.startswith('x.toml: transfer: has no effect: in every trial the factor transfer is "none"')


def test_a_recipe_may_be_what_asks_for_it(load):
    recipe = '[recipes.taken]\ntransfer = "unfrozen"\ndropout = 0.1\n'
    text = WITH_FACTOR.replace(f"transfer = {LEVELS}\n", "") + recipe + "[transfer]\nclasses = [0, 1]\n"
    assert load(text).transfer.classes == (0, 1)


def test_a_class_of_both_tasks_is_refused(complaint):
    assert "transfer.classes: must not share classes with data.classes, got 6 in both" in complaint(
        TRANSFER, "transfer.classes=[0, 6]"
    )
    assert "data.classes: is missing: [transfer] needs classes that the task does not use" in complaint(
        TRANSFER.replace("classes = [5, 6]\n", "")
    )


@pytest.mark.parametrize("epochs", [10, 11])
def test_all_layers_must_train_at_some_time(complaint, epochs):
    said = complaint(TRANSFER, f"transfer.frozen_epochs={epochs}")
    assert f"must be below training.epochs, which is 10, got {epochs}" in said


def test_where_nothing_is_frozen_frozen_epochs_do_not_matter(load):
    text = TRANSFER.replace(str(LEVELS), '["none", "unfrozen"]')
    assert load(text, "training.epochs=3").transfer.frozen_epochs == 4
