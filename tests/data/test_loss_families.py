"""`family_of`: what a loss takes, by whatever name Keras knows it."""

import pytest

from ablate.data.losses import canonical_loss, family_of


@pytest.mark.parametrize(
    ("spelled", "long"),
    [
        ("mse", "mean_squared_error"), ("MSE", "mean_squared_error"), ("MeanSquaredError", "mean_squared_error"),
        ("keras.losses.MeanSquaredError", "mean_squared_error"), ("losses.mean_squared_error", "mean_squared_error"),
        ("KLDivergence", "kl_divergence"), ("kld", "kl_divergence"), ("LogCosh", "log_cosh"), ("logcosh", "log_cosh"),
        ("BinaryCrossentropy", "binary_crossentropy"), ("bce", "binary_crossentropy"), (" huber ", "huber"),
        ("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy"),
    ],
)  # fmt: skip
def test_every_spelling_has_one_long_name(spelled, long):
    assert canonical_loss(spelled) == long


@pytest.mark.parametrize(
    ("loss", "family"),
    [
        ("Poisson", "amounts"), ("SquaredHinge", "margins"), ("Dice", "overlap"), ("BinaryFocalCrossentropy", "flags"),
        ("CategoricalFocalCrossentropy", "one-hot"), ("my.py:loss", "own"), ("ctc", "own"),
    ],
)  # fmt: skip
def test_a_loss_belongs_to_the_targets_that_it_takes(loss, family):
    assert family_of(loss) == family
