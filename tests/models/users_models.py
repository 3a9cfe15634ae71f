"""What users write, in small: functions as a study's model file has them, by the fault that they have or have not."""

import keras
import tensorflow as tf
from keras import layers, ops

SHAPE, CLASSES = (6, 6, 1), 4
SMALL = keras.initializers.RandomNormal(0, 1e-4, seed=1)


def body(width=8):
    inputs = keras.Input(SHAPE)
    return inputs, layers.Dense(width, activation="relu")(layers.Flatten()(inputs))


def ending(end, width=8) -> keras.Model:
    """A network whose hidden layer goes through `end`, which has the classes' numbers from it."""
    inputs, hidden = body(width)
    return keras.Model(inputs, end(hidden))


def softmax(hidden):
    return layers.Dense(CLASSES, activation="softmax")(hidden)


def nested():
    outer = keras.Input(SHAPE)
    return keras.Model(outer, ending(softmax)(layers.GaussianNoise(0.01)(outer)))


PROBABILITIES = {
    "last layer": lambda: ending(softmax),
    "softmax layer": lambda: ending(lambda x: layers.Softmax()(layers.Dense(CLASSES)(x))),
    "activation layer": lambda: ending(lambda x: layers.Activation("softmax")(layers.Dense(CLASSES)(x))),
    "tensorflow's": lambda: ending(layers.Dense(CLASSES, activation=tf.nn.softmax)),
    "lambda": lambda: ending(layers.Dense(CLASSES, activation=lambda t: tf.nn.softmax(t))),
    "operation": lambda: ending(lambda x: ops.softmax(layers.Dense(CLASSES)(x))),
    "reshaped": lambda: ending(lambda x: layers.Reshape((CLASSES,))(softmax(x))),
    "average": lambda: ending(lambda x: layers.Average()([softmax(x) for _ in range(3)])),
    "cast": lambda: ending(lambda x: layers.Activation("linear", dtype="float32")(softmax(x))),
    "nested": nested,
    "by hand": lambda: ending(lambda x: (e := ops.exp(layers.Dense(CLASSES)(x))) / ops.sum(e, -1, keepdims=True)),
    "equal at first": lambda: ending(
        lambda x: layers.Reshape((CLASSES,))(layers.Dense(CLASSES, "softmax", kernel_initializer="zeros")(x))
    ),
}
LOGITS = {
    "plain": lambda: ending(layers.Dense(CLASSES)),
    "logarithms of probabilities": lambda: ending(lambda x: ops.log(softmax(x))),
    "zero at first": lambda: ending(layers.Dense(CLASSES, kernel_initializer="zeros")),
    "tanh": lambda: ending(layers.Dense(CLASSES, activation="tanh")),
    "one half at first": lambda: ending(
        layers.Dense(CLASSES, kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(1 / CLASSES))
    ),
}
NEVER_BELOW_0 = {
    "relu": lambda: ending(layers.Dense(CLASSES, activation="relu")),
    "small relu": lambda: ending(
        layers.Dense(CLASSES, "relu", kernel_initializer=keras.initializers.RandomNormal(0, 1e-4))
    ),
    "softplus": lambda: ending(layers.Dense(CLASSES, activation="softplus")),
}
NEITHER = {
    "sigmoid": lambda: ending(layers.Dense(CLASSES, activation="sigmoid")),
    "hard sigmoid": lambda: ending(layers.Dense(CLASSES, activation="hard_sigmoid")),
    "two near one half": lambda: ending(layers.Dense(2, "sigmoid", kernel_initializer=SMALL)),
}


class WithStep(keras.Model):
    """Made as a functional model, with a step of its own."""

    def train_step(self, data):
        return super().train_step(data)


class WithLoss(keras.Sequential):
    def compute_loss(self, *args, **kwargs):
        return 2 * super().compute_loss(*args, **kwargs)


class Plain(keras.Model):
    """A subclass that changes nothing of training."""

    def __init__(self, width):
        inputs, hidden = body(width)
        super().__init__(inputs, layers.Dense(CLASSES)(hidden))


class Counting(layers.Layer):
    def __init__(self):
        super().__init__()
        self.seen = keras.metrics.Mean(name="seen")

    def call(self, x):
        return x
