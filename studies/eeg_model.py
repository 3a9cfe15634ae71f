"""The networks of the study eeg.toml."""

import keras
from keras import layers


def build(factors, data, units):
    """A network that is given the last samples of a window, and forecasts the next ones all at once."""
    inputs = keras.Input(data.input_shape)
    x = inputs[:, -factors["past"] :]
    match factors["network"]:
        case "dense":
            x = layers.Dense(units, activation="relu")(x)
        case "convolution":
            x = layers.Conv1D(units, 5, activation="relu")(layers.Reshape((-1, 1))(x))
            x = layers.Flatten()(x)
        case "lstm":
            x = layers.LSTM(units, use_cudnn=False)(layers.Reshape((-1, 1))(x))
    return keras.Model(inputs, layers.Dense(data.n_outputs)(x))
