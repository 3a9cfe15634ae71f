"""Every random draw of the built-in models by name, on the backend that Keras has: `python draws.py FILE` saves them.

Names that begin with "bits" must be equal on all backends; the others equal within rounding.
"""

import sys
from collections.abc import Callable, Iterator, Mapping

import keras
import numpy as np
from keras import ops
from small_models import BASE, built, levels, small

from ablate.models.augmentation import CHANGES, augmented, restart_augmentation
from ablate.models.blocks import restart
from ablate.models.initializers import seeded_initializer
from ablate.models.layers import Dropout, LayerSeeds, uniform, weights_digest
from ablate.models.model_data import ModelData
from ablate.study.catalog import INITIALIZERS
from ablate.study.task import Target

SEEDS = (0, 1, 12_345, 2**31 - 1)  # what `seeds.integer` can give
SHAPES = ((6, 4), (3, 3, 2, 5), (7,))
MODELS: Mapping[str, dict[str, object]] = {
    "mlp": {"initializer": "he_normal", "activation": "prelu", "normalization": "batch"},
    "cnn": {"initializer": "orthogonal*0.5", "augmentation": "all", "dropout": 0.3, "mc_samples": 2},
    "unet": {"initializer": "lecun_uniform"},
    "resnet": {"normalization": "layer", "augmentation": "flip"},
    "text": {"encoder": "gru", "vocabulary": 12},
}


def draws() -> dict[str, np.ndarray]:
    """Everything below, by name."""
    plain = (_of_initializers(), _of_models(), _of_restarted(), _of_noise(), _of_dropout(), _of_augmentation())
    parts = (*plain, _of_compiled_noise(), _of_compiled_augmentation())
    return {name: np.asarray(value) for part in parts for name, value in part}


def _of_initializers() -> Iterator[tuple[str, object]]:
    for name in (*INITIALIZERS, "he_normal*2.5"):
        for shape in SHAPES:
            if name != "orthogonal" or len(shape) > 1:
                yield f"bits of {name} {shape}", seeded_initializer(name, seed=2**31 - 1)(shape)
    yield "bits of half precision", ops.cast(seeded_initializer("he_normal", seed=5)((9, 8), "float16"), "float32")


def made(kind, *, replicate=1) -> keras.Model:
    if kind == "unet":
        return built(
            kind, ModelData((8, 8, 1), {"": Target("numbers", (8, 8, 2))}), replicate=replicate, **MODELS[kind]
        )
    if kind == "text":
        data = ModelData((6,), {"": Target("classes", n_classes=3)}, ids=lambda: (0, 9))
        return built(kind, data, replicate=replicate, **MODELS[kind])
    return small(kind, replicate=replicate, **MODELS[kind])


def _of_models() -> Iterator[tuple[str, object]]:
    for kind in MODELS:
        model = made(kind)
        yield from ((f"bits of {kind} {number}", value) for number, value in enumerate(map(np.asarray, model.weights)))
        yield f"bits of the digest of {kind}", np.frombuffer(bytes.fromhex(weights_digest(model)), np.uint8)


def _of_restarted() -> Iterator[tuple[str, object]]:
    model = made("cnn", replicate=7)
    restart(model, {**BASE, **levels("cnn", **MODELS["cnn"])}, layer_seeds=LayerSeeds(0, 1))
    yield from (
        (f"bits of a restarted cnn {number}", value) for number, value in enumerate(map(np.asarray, model.weights))
    )


def _of_noise() -> Iterator[tuple[str, object]]:
    """Noise by the state of Keras' generator, as its layers draw it step after step."""
    for seed in SEEDS:
        generator = keras.random.SeedGenerator(seed)
        for step in range(3):
            yield f"bits of noise {seed} {step}", uniform((37, 5), state=generator.next())
        generator.state.assign([seed, 40_000])
        yield f"bits of late noise {seed}", uniform((3, 2, 7), state=generator.next())


def _of_dropout() -> Iterator[tuple[str, object]]:
    x = np.random.default_rng(0).standard_normal((8, 50)).astype(np.float32)
    for alpha in (False, True):
        layer = Dropout(0.3, seed=SEEDS[-1], alpha=alpha)
        for step in range(2):
            y = layer(x, training=True)
            yield f"dropout {alpha} {step}", y
            yield f"bits of what is dropped {alpha} {step}", ops.isclose(y, ops.min(y) if alpha else 0.0)


def _of_augmentation() -> Iterator[tuple[str, object]]:
    images = np.random.default_rng(0).random((9, 8, 8, 3), np.float32)
    for kind in (*CHANGES, "all"):
        inputs = keras.Input((8, 8, 3))
        model = keras.Model(inputs, augmented(inputs, kind, layer_seeds=LayerSeeds(3, 1)))
        restart_augmentation(model, layer_seeds=LayerSeeds(3, 2))
        for step in range(2):
            yield f"{'bits of ' if kind == 'flip' else ''}{kind} {step}", model(images, training=True)


def _of_compiled_noise() -> Iterator[tuple[str, object]]:
    """For one trial, and for several side by side."""
    states = np.array([[seed, step] for seed in SEEDS for step in (0, 9)], keras.random.SeedGenerator(0).state.dtype)
    yield "bits of compiled noise", compiled(lambda state: uniform((5, 6), state=state))(states[0])
    side_by_side = compiled(lambda some: ops.vectorized_map(lambda state: uniform((5, 6), state=state), some))
    yield "bits of noise side by side", side_by_side(states)


def _of_compiled_augmentation() -> Iterator[tuple[str, object]]:
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, augmented(inputs, "all", layer_seeds=LayerSeeds(3, 1)))
    frozen = [variable.value for variable in model.non_trainable_variables]
    images = np.random.default_rng(0).random((9, 8, 8, 3), np.float32)
    yield "compiled images", compiled(lambda x: model.stateless_call([], frozen, x, training=True)[0])(images)


def compiled(function: Callable[..., object]) -> Callable[..., object]:
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function, jit_compile=True)


if __name__ == "__main__":
    np.savez(sys.argv[1], **draws())
