"""Change images at random during training: the same draws and the same changes on every backend of Keras."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers, ops

from ablate.data.array import Tensor
from ablate.errors import StudyError
from ablate.models.layers import LayerSeeds, uniform

TURN = 15 / 360  # maximum rotation to either side, as a fraction of a full turn
ZOOM = 0.1  # maximum zoom in and out, as a fraction of the side's length


@dataclass(frozen=True, slots=True)
class ImageChange:
    """A kind of change, and Keras' layer that makes the same change with draws of its own."""

    # Images (batch, height, width, channels) and uniform numbers in [0, 1), one for each image.
    change: Callable[[Tensor, Tensor], Tensor]
    keras_layer: str
    keras_arguments: Mapping[str, object]


# "all" applies them in this order; seeds differ by position, so that an image is flipped in the same steps if rotation
# is added.
CHANGES: Mapping[str, ImageChange] = {
    "flip": ImageChange(
        lambda images, drawn: flipped(images, drawn < 0.5),
        "RandomFlip",
        {"mode": "horizontal"},
    ),
    "rotation": ImageChange(
        lambda images, drawn: rotated(images, (2 * drawn - 1) * (TURN * 2 * math.pi)),
        "RandomRotation",
        {"factor": TURN},
    ),
    "zoom": ImageChange(
        lambda images, drawn: zoomed(images, 1 + (2 * drawn - 1) * ZOOM),
        "RandomZoom",
        {"height_factor": ZOOM},
    ),
}


@keras.saving.register_keras_serializable("ablate")
class ImageAugmentation(layers.Layer):  # type: ignore[misc]  # keras has no types
    """In training, change each image of a batch; `kind` is one of `CHANGES`. Outside of training, pass it through.

    Keras' own layers draw with the backend's generator, and turn images by an operation that XLA lacks.
    """

    def __init__(self, kind: str, *, seed: int, **kwargs: Any) -> None:  # Any: Keras' own
        super().__init__(**kwargs)
        self.kind, self.seed = kind, seed
        self.noise = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:  # Any: backend tensors
        """Change the images, in the layer's precision."""
        images = ops.cast(inputs, self.compute_dtype)
        if not training:
            return images
        return CHANGES[self.kind].change(images, uniform(ops.shape(images)[:1], state=self.noise.next()))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """That of the images."""
        return input_shape

    def get_config(self) -> dict[str, Any]:  # Any: JSON
        """The arguments that rebuild this layer."""
        return {**super().get_config(), "kind": self.kind, "seed": self.seed}


def augmented(x: Tensor, kind: str, *, layer_seeds: LayerSeeds) -> Tensor:
    """A batch of images (batch, height, width, channels), in training each with a change of its own.

    `kind` is "flip" (left to right, in half of the cases), "rotation" (up to 15 degrees), "zoom" (up to 10 %), "all" of
    these one after the other, or "none". Where a change uncovers a corner, the image is mirrored at its edge. Raises
    `StudyError` if the examples are no images.
    """
    if kind == "none":
        return x
    if len(x.shape) != 4:
        raise StudyError(
            f'augmentation: "{kind}" needs images (height, width, channels), but these examples have shape '
            f'{tuple(x.shape[1:])}\n  set augmentation to "none", or choose a data set of images'
        )
    for number, name in enumerate(CHANGES):
        if kind in (name, "all"):
            # Always in full precision: half precision would round a pixel's position coarsely.
            x = ImageAugmentation(name, seed=layer_seeds.augmentation(number), dtype="float32")(x)
    return x


def restart_augmentation(model: keras.Model, *, layer_seeds: LayerSeeds) -> None:
    """Give the layers that `augmented` made the seeds of another replicate."""
    kinds = list(CHANGES)
    for layer in model.layers:
        if isinstance(layer, ImageAugmentation):
            layer.noise.state.assign([layer_seeds.augmentation(kinds.index(layer.kind)), 0])


def flipped(images: Tensor, is_flipped: Tensor) -> Tensor:
    """Images with left and right exchanged where `is_flipped`, (batch,), says so."""
    return ops.where(ops.reshape(is_flipped, (-1, 1, 1, 1)), ops.flip(images, axis=2), images)


def rotated(images: Tensor, radians: Tensor) -> Tensor:
    """Images turned counter-clockwise around their centres by `radians`, (batch,)."""
    x, y = _positions(images)
    cos, sin = (ops.reshape(turn(radians), (-1, 1, 1)) for turn in (ops.cos, ops.sin))
    return _sampled(images, cos * x - sin * y, sin * x + cos * y)


def zoomed(images: Tensor, factors: Tensor) -> Tensor:
    """Images in which a pixel stands for `factors`, (batch,), of one: enlarged by a factor below 1."""
    x, y = _positions(images)
    factors = ops.reshape(factors, (-1, 1, 1))
    return _sampled(images, factors * x, factors * y)


def _positions(images: Tensor) -> tuple[Tensor, Tensor]:
    """The pixels' positions from the centre, to the right (1, 1, width) and down (1, height, 1)."""
    _, height, width, _ = images.shape
    x, y = (ops.arange(side, dtype="float32") - (side - 1) / 2 for side in (width, height))
    return ops.reshape(x, (1, 1, -1)), ops.reshape(y, (1, -1, 1))


def _sampled(images: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The images' values at positions from the centre, each (batch, height, width): bilinear, mirrored at the edges."""
    _, height, width, channels = images.shape
    x, y = x + (width - 1) / 2, y + (height - 1) / 2
    left, top = ops.floor(x), ops.floor(y)
    to_right, down = ops.expand_dims(x - left, -1), ops.expand_dims(y - top, -1)
    columns = [_mirrored(ops.cast(left, "int32") + step, width) for step in (0, 1)]
    rows = [_mirrored(ops.cast(top, "int32") + step, height) for step in (0, 1)]
    pixels = ops.reshape(images, (-1, channels))
    first = ops.reshape(ops.arange(ops.shape(images)[0], dtype="int32") * (height * width), (-1, 1, 1))

    def row(number: int) -> Tensor:
        start = first + rows[number] * width
        at_left, at_right = (ops.take(pixels, start + column, axis=0) for column in columns)
        return at_left * (1 - to_right) + at_right * to_right

    return row(0) * (1 - down) + row(1) * down


def _mirrored(place: Tensor, n: int) -> Tensor:
    """Places 0 … `n` - 1 along an axis that goes on as its mirror image: … 1 0 | 0 1 … n - 1 | n - 1 …"""
    place = ops.mod(place, 2 * n)
    return ops.minimum(place, 2 * n - 1 - place)
