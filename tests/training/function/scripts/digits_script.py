import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def main(seed=1, units=32, dropout=0.2, learning_rate=0.003):
    keras.utils.set_random_seed(seed)
    x, y = load_digits(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(x / 16, y, random_state=seed, stratify=y)

    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dropout(dropout),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    callbacks = [
        keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau(patience=2),
    ]
    model.fit(x_train, y_train, validation_data=(x_val, y_val), epochs=8, callbacks=callbacks, verbose=2)
    loss, accuracy = model.evaluate(x_val, y_val, verbose=0)
    print(f"validation loss: {loss:.6f}, accuracy: {accuracy:.6f}")


if __name__ == "__main__":
    main()
