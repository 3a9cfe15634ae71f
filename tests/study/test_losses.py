"""The losses that a study may name, and whether they fit its targets."""

import pytest

from ablate.study.losses import LOSSES, default_loss, family_of, find_loss, is_loss_name, loss_name
from ablate.study.task import Target

DIGITS, BINARY = Target("classes", n_classes=10), Target("classes", n_classes=2)
ONE_HOT, TAGS, PRICE = Target("one-hot", (4,), 4), Target("tags", (3,), 3), Target("numbers")


@pytest.mark.parametrize(
    ("spelled", "target", "name"),
    [("MSE", PRICE, "mse"), ("MeanSquaredError", PRICE, "mse"), ("BinaryCrossentropy", TAGS, "binary_crossentropy"),
     ("crossentropy", DIGITS, "sparse_categorical_crossentropy"), ("ce", ONE_HOT, "categorical_crossentropy"),
     ("LogCosh", PRICE, "log_cosh"), ("kld", ONE_HOT, "kl_divergence")],
)  # fmt: skip
def test_keras_spellings_mean_one_loss(spelled, target, name):
    found = find_loss(spelled, target)
    assert (found.name, found.misfit(target)) == (name, "")


@pytest.mark.parametrize(
    ("name", "target", "misfit"),
    [
        ("sparse_categorical_crossentropy", PRICE,
         "sparse_categorical_crossentropy needs classes; these targets are numbers: mse"),
        ("binary_crossentropy", DIGITS,
         "binary_crossentropy needs two classes; these targets have 10: sparse_categorical_crossentropy"),
        ("mse", DIGITS,
         "mse needs numbers, one-hot classes or tags; these targets are classes: sparse_categorical_crossentropy"),
        ("categorical_crossentropy", TAGS,
         "categorical_crossentropy needs one-hot classes; these targets are tags: binary_crossentropy"),
    ],
)  # fmt: skip
def test_a_loss_that_does_not_fit_names_the_one_that_does(name, target, misfit):
    assert find_loss(name, target).misfit(target) == misfit


@pytest.mark.parametrize("target", [DIGITS, BINARY, ONE_HOT, TAGS, PRICE])
def test_the_default_loss_fits(target):
    assert find_loss(default_loss(target), target).misfit(target) == ""


def test_other_names_are_no_losses():
    assert find_loss("sharpe", PRICE) is None
    assert find_loss("crossentropy", PRICE) is None
    assert not is_loss_name("accuracy")
    assert is_loss_name("crossentropy")
    assert default_loss(Target("none")) == ""


def test_the_cross_entropies_are_in_nats():
    assert {name for name, loss in LOSSES.items() if loss.is_cross_entropy} == {
        "sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("spelled", "short"),
    [
        ("mse", "mse"), ("MSE", "mse"), ("MeanSquaredError", "mse"),
        ("keras.losses.MeanSquaredError", "mse"), ("losses.mean_squared_error", "mse"),
        ("KLDivergence", "kl_divergence"), ("kld", "kl_divergence"), ("LogCosh", "log_cosh"), ("logcosh", "log_cosh"),
        ("BinaryCrossentropy", "binary_crossentropy"), ("bce", "binary_crossentropy"), (" huber ", "huber"),
        ("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy"),
    ],
)  # fmt: skip
def test_every_spelling_has_one_name(spelled, short):
    assert loss_name(spelled) == short


@pytest.mark.parametrize(
    ("loss", "family"),
    [
        ("Poisson", "amounts"), ("SquaredHinge", "margins"), ("Dice", "overlap"), ("BinaryFocalCrossentropy", "flags"),
        ("CategoricalFocalCrossentropy", "one-hot"), ("my.py:loss", "own"), ("ctc", "own"),
    ],
)  # fmt: skip
def test_a_loss_belongs_to_the_targets_that_it_takes(loss, family):
    assert family_of(loss) == family
