"""Models whose own methods of training `model.fit` calls, written for the backend of this process."""

from backends import ON_JAX

ENDS = """
import keras
from keras import layers, ops

def ends(data, width):
    inputs = keras.Input(data.input_shape)
    hidden = layers.Dense(width, activation="relu")(layers.Flatten()(inputs))
    return inputs, layers.Dense(data.n_outputs)(hidden)

class Stepping(keras.Model):
    def train_step(self, *args):
        return super().train_step(*args)

class Deaf(keras.Model):
    def fit(self, x, callbacks=None, **how):
        return super().fit(x, **how)

class Parts(keras.Model):  # a subclass without an Input that takes several inputs
    def __init__(self, n):
        super().__init__()
        self.last = layers.Dense(n)

    def call(self, inputs, training=False):
        return self.last(layers.Flatten()(inputs["left"]) + layers.Flatten()(inputs["right"]))

    def train_step(self, *args):
        return super().train_step(*args)

def plain(factors, data): return keras.Model(*ends(data, factors["width"]))
def stepping(factors, data): return Stepping(*ends(data, factors["width"]))
def parts(factors, data): return Parts(data.n_outputs)
def deaf(factors, data): return Deaf(*ends(data, factors["width"]))
def stepping_if_wide(factors, data): return (stepping if factors["width"] > 16 else plain)(factors, data)

KEPT = {}
def kept(factors, data): return KEPT.setdefault(factors["width"], stepping(factors, data))

def compiled(factors, data):
    model = stepping(factors, data)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model
"""
OWN_STEPS = {
    "tensorflow": """
import tensorflow as tf

class Untrained(keras.Model):
    def train_step(self, data):
        return {"loss": self.compute_loss(x=data[0], y=data[1], y_pred=self(data[0]))}

class Silent(keras.Model):
    def train_step(self, data):
        return {"progress": super().train_step(data)["loss"]}

class Doubling(keras.Model):
    def train_step(self, data):
        self.optimizer.learning_rate = 2 * self.optimizer.learning_rate
        return super().train_step(data)

class Noisy(keras.Model):
    def train_step(self, data):
        x, y = data
        return super().train_step((x + tf.random.normal(tf.shape(x)), y))

class Forgetful(keras.Model):
    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x=data[0], y=data[1], y_pred=self(data[0], training=True))
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss}

class Renaming(keras.Model):  # counts its losses under a name that it does not report
    def __init__(self, *args):
        super().__init__(*args)
        self.total = keras.metrics.Mean(name="total_loss")

    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x=data[0], y=data[1], y_pred=self(data[0], training=True))
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        self.total.update_state(loss, sample_weight=ops.shape(data[0])[0])
        return {"loss": self.total.result()}

    def test_step(self, data):
        loss = self.compute_loss(x=data[0], y=data[1], y_pred=self(data[0], training=False), training=False)
        self.total.update_state(loss, sample_weight=ops.shape(data[0])[0])
        return {"loss": self.total.result()}
""",
    "jax": """
import jax

class Untrained(keras.Model):
    def train_step(self, state, data):
        outputs, _ = self.stateless_call(*state[:2], data[0])
        return {"loss": self.compute_loss(x=data[0], y=data[1], y_pred=outputs)}, state

class Silent(keras.Model):
    def train_step(self, state, data):
        logs, state = super().train_step(state, data)
        return {"progress": logs["loss"]}, state

class Doubling(keras.Model):
    def train_step(self, state, data):
        place = [v is self.optimizer._learning_rate for v in self.optimizer.variables].index(True)
        slots = list(state[2])
        slots[place] = 2 * slots[place]
        return super().train_step((*state[:2], slots, state[3]), data)

class Noisy(keras.Model):
    def train_step(self, state, data):
        x, y = data
        return super().train_step(state, (x + jax.random.normal(jax.random.key(state[2][0]), x.shape), y))

class Forgetful(keras.Model):
    def train_step(self, state, data):
        weights, frozen, slots, counts = state

        def loss_of(weights):
            outputs, after = self.stateless_call(weights, frozen, data[0], training=True)
            return self.compute_loss(x=data[0], y=data[1], y_pred=outputs), after

        (loss, frozen), gradients = jax.value_and_grad(loss_of, has_aux=True)(weights)
        weights, slots = self.optimizer.stateless_apply(slots, gradients, weights)
        return {"loss": loss}, (weights, frozen, slots, counts)

class Renaming(Forgetful):  # counts its losses under a name that it does not report
    def __init__(self, *args):
        super().__init__(*args)
        self.total = keras.metrics.Mean(name="total_loss")

    def counted(self, counts, loss, x):
        places = [next(i for i, v in enumerate(self.metrics_variables) if v is own) for own in self.total.variables]
        own = self.total.stateless_update_state([counts[i] for i in places], loss, sample_weight=x.shape[0])
        counts = list(counts)
        for place, value in zip(places, own):
            counts[place] = value
        return {"loss": self.total.stateless_result(own)}, counts

    def train_step(self, state, data):
        logs, (*state, counts) = super().train_step(state, data)
        logs, counts = self.counted(counts, logs["loss"], data[0])
        return logs, (*state, counts)

    def test_step(self, state, data):
        weights, frozen, counts = state
        outputs, frozen = self.stateless_call(weights, frozen, data[0], training=False)
        loss = self.compute_loss(x=data[0], y=data[1], y_pred=outputs, training=False)
        logs, counts = self.counted(counts, loss, data[0])
        return logs, (weights, frozen, counts)
""",
}
FOREIGN = """
class Foreign(keras.Model):  # written for the other backend
    def train_step(self, {arguments}):
        return super().train_step({arguments})

class Unknown(keras.Model):
    def train_step(self, one, two, three):
        return super().train_step(one)

def foreign(factors, data): return Foreign(*ends(data, factors["width"]))
def unknown(factors, data): return Unknown(*ends(data, factors["width"]))
"""
OWN_MODELS = """
def untrained(factors, data): return Untrained(*ends(data, factors["width"]))
def renaming(factors, data): return Renaming(*ends(data, factors["width"]))
def forgetful(factors, data): return Forgetful(*ends(data, factors["width"]))
def silent(factors, data): return Silent(*ends(data, factors["width"]))
def doubling(factors, data): return Doubling(*ends(data, factors["width"]))
def noisy(factors, data): return Noisy(*ends(data, factors["width"]))
"""
CALLBACKS = """
import keras
from plain import plain as build
SEEN = []

class Noting(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        SEEN.append((epoch, sorted(logs)))

def callbacks(factors):
    monitor = "val_accuracy" if factors["optimizer"] == "sgd" else "val_loss"
    return [Noting(), keras.callbacks.EarlyStopping(monitor, min_delta=99.0, patience=1, mode="min")]
"""
CODED = """
import keras
from keras import layers, ops

class Coded(keras.Model):
    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.total, self.divergence = keras.metrics.Mean(name="loss"), keras.metrics.Mean(name="kl_loss")

    @property
    def metrics(self):
        return [self.total, self.divergence]

    def losses_of(self, x, noise):
        mean, log_variance = ops.split(self.encoder(x), 2, axis=-1)
        code = mean + ops.exp(0.5 * log_variance) * noise(ops.shape(mean))
        error = ops.mean(ops.square(x - self.decoder(code)))
        kl = -0.5 * ops.mean(1 + log_variance - ops.square(mean) - ops.exp(log_variance))
        return error + 0.01 * kl, kl
"""
OWN_AUTOENCODER = {
    "tensorflow": """
import tensorflow as tf

class VAE(Coded):
    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss, kl = self.losses_of(data, keras.random.normal)
        self.optimizer.apply(tape.gradient(loss, self.trainable_weights), self.trainable_weights)
        self.total.update_state(loss)
        self.divergence.update_state(kl)
        return {"loss": self.total.result(), "kl_loss": self.divergence.result()}

    def test_step(self, data):
        loss, kl = self.losses_of(data, keras.random.normal)
        return {"loss": loss, "kl_loss": kl}
""",
    "jax": """
import jax

class VAE(Coded):
    def __init__(self, *parts):
        super().__init__(*parts)
        self.built = True  # JAX's trainer would call the model to build it

    def of(self, weights, x, key):
        with keras.StatelessScope(zip(self.trainable_variables, weights)):
            return self.losses_of(x, lambda shape: jax.random.normal(key, shape))

    def train_step(self, state, data):
        weights, frozen, slots, counts = state
        key = jax.random.key(slots[0])
        (loss, kl), gradients = jax.value_and_grad(self.of, has_aux=True)(weights, data, key)
        weights, slots = self.optimizer.stateless_apply(slots, gradients, weights)
        total = self.total.stateless_update_state(counts[:2], loss)
        divergence = self.divergence.stateless_update_state(counts[2:], kl)
        logs = {"loss": self.total.stateless_result(total), "kl_loss": self.divergence.stateless_result(divergence)}
        return logs, (weights, frozen, slots, [*total, *divergence])

    def test_step(self, state, data):
        loss, kl = self.of(state[0], data, jax.random.key(0))
        return {"loss": loss, "kl_loss": kl}, state
""",
}
BUILDS_AUTOENCODER = """
def build(factors, data):
    encoder = keras.Sequential([keras.Input(data.input_shape), layers.Flatten(), layers.Dense(4)])
    decoder = keras.Sequential([keras.Input((2,)), layers.Dense(64), layers.Reshape(data.input_shape)])
    return VAE(encoder, decoder)
"""
BACKEND = "jax" if ON_JAX else "tensorflow"
FILES = {
    "my.py": ENDS + OWN_STEPS[BACKEND] + OWN_MODELS + FOREIGN.format(arguments="data" if ON_JAX else "state, data"),
    "plain.py": ENDS,
    "with_callbacks.py": CALLBACKS,
    "vae.py": CODED + OWN_AUTOENCODER[BACKEND] + BUILDS_AUTOENCODER,
}
