"""Scripts of Keras as people write them, and what becomes of them."""

SEQUENTIAL = '''
"""A small network on digits."""
import matplotlib.pyplot as plt
import keras
from keras import layers
from sklearn.datasets import load_digits

EPOCHS = 3
n_classes = 10
keras.utils.set_random_seed(1)

images, labels = load_digits(return_X_y=True)
images = images.reshape(-1, 8, 8, 1) / 16  # to 0 … 1
x_train, x_test = images[:1400], images[1400:]
y_train, y_test = labels[:1400], labels[1400:]
print(x_train.shape)

model = keras.Sequential([
    keras.Input(x_train.shape[1:]),
    layers.Conv2D(8, 3, padding="same", activation="relu"),  # looks at 3 × 3 pixels
    layers.BatchNormalization(),
    layers.Flatten(),
    layers.Dropout(0.3),
    layers.Dense(n_classes, activation="softmax"),
])
model.summary()
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x_train, y_train, batch_size=64, epochs=EPOCHS, validation_split=0.25,
    callbacks=[keras.callbacks.EarlyStopping(patience=4), keras.callbacks.TensorBoard("logs")])
print(model.evaluate(x_test, y_test))
plt.plot(history.history["loss"])
'''
MAIN = """
import keras
import numpy as np


def make_model(width=64, dropout=0.2):
    return keras.Sequential([keras.layers.Dense(width), keras.layers.Dropout(dropout)])


def main():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 5))
    X[0] = 0
    y = X @ np.arange(5)
    norm = keras.layers.Normalization()
    norm.adapt(X)
    inputs = keras.Input((X.shape[1],))
    z = norm(inputs)
    z = keras.layers.LayerNormalization()(z)
    net = keras.Model(inputs, keras.layers.Dense(1)(make_model(width=32, dropout=0.1)(z)))
    if True:
        net.compile("sgd", "mse")
    net.fit(X, y, epochs=20, verbose=0)


if __name__ == "__main__":
    main()
"""
ADDED = """
from keras.models import Sequential
from keras.layers import BatchNormalization, Dense, Dropout, Input
import numpy as np
from sklearn.model_selection import train_test_split

np.random.seed(3)
X = np.random.rand(600, 4); y = (X.sum(axis=1) > 2).astype(int)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0)
model = Sequential()
model.add(Input((4,)))
model.add(Dense(16, activation="tanh"))
model.add(BatchNormalization())
model.add(Dropout(0.2))
model.add(Dense(8, activation="tanh"))
model.add(Dropout(0.5))
model.add(Dense(1, activation="sigmoid"))
model.compile(loss="binary_crossentropy", metrics=["accuracy"], optimizer="sgd")
model.fit(X_train, y_train, epochs=8, validation_data=(X_test, y_test), class_weight={0: 1, 1: 2})
model.evaluate(X_test, y_test)
"""
