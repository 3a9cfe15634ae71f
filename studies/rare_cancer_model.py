"""The network of the study rare_cancer.toml."""

import keras
from keras import layers

MEASURED = {"all": slice(0, 30), "mean": slice(0, 10), "error": slice(10, 20), "worst": slice(20, 30)}
WEIGHT = 19.0  # of a malignant tumour, so that both classes count alike


def weighted(y_true, y_pred):
    """Binary cross-entropy in which a malignant tumour counts as much as 19 benign ones."""
    return keras.losses.binary_crossentropy(y_true, y_pred) * (1 + (WEIGHT - 1) * y_true[:, 0])


LOSSES = {"cross-entropy": "binary_crossentropy", "weighted": weighted, "focal": "binary_focal_crossentropy"}


def build(factors, input_shape, units):
    """Two dense layers on some of the measures, compiled with the loss that the factor names."""
    inputs = keras.Input(input_shape)
    x = inputs[:, MEASURED[factors["measured"]]]
    for _ in range(2):
        x = layers.Dense(units, activation="relu")(x)
        if factors["dropout"]:
            x = layers.Dropout(factors["dropout"])(x)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    model.compile(loss=LOSSES[factors["loss"]])
    return model
