"""Images into the same images flipped, turned and zoomed, anew in each step: layers that are on in training only."""

from typing import Any, TypeAlias

import keras
from keras import layers

from ablate.errors import StudyError
from ablate.models.layers import LayerSeeds

Tensor: TypeAlias = Any  # keras has no types

TURN = 15 / 360  # of a full turn, the most to either side
ZOOM = 0.1  # of the side's length, the most in and out

# By name, with what Keras' layer is given. In this order "all" has them; their places tell their seeds apart, so that
# an image is flipped in the same steps where it is turned too.
_LAYERS: tuple[tuple[str, type[layers.Layer], Any], ...] = (  # Any: a mode, or a number
    ("flip", layers.RandomFlip, "horizontal"),
    ("rotation", layers.RandomRotation, TURN),
    ("zoom", layers.RandomZoom, ZOOM),
)


def augmented(x: Tensor, kind: str, *, layer_seeds: LayerSeeds) -> Tensor:
    """A batch of images (batch, height, width, channels), in training each with a change of its own.

    `kind` is "flip" (left to right, in half of the cases), "rotation" (up to 15 degrees), "zoom" (up to 10 %), "all" of
    these one after the other, or "none". Where a change uncovers a corner, the image is mirrored at its edge. Raises
    `StudyError` where the examples are no images.
    """
    if kind == "none":
        return x
    if len(x.shape) != 4:
        raise StudyError(
            f'augmentation: "{kind}" changes images (height, width, channels), these examples have shape '
            f'{tuple(x.shape[1:])}\n  leave augmentation at "none", or name a data set of images'
        )
    for number, (name, layer, amount) in enumerate(_LAYERS):
        if kind in (name, "all"):
            # In full precision also where the rest is not: in half precision a pixel's place would be a coarse one.
            x = layer(amount, seed=layer_seeds.augmentation(number), dtype="float32")(x)
    return x


def restart_augmentation(model: keras.Model, *, layer_seeds: LayerSeeds) -> None:
    """Give the layers that `augmented` made the seeds of another replicate."""
    for number, (_, kind, _) in enumerate(_LAYERS):
        for layer in model.layers:
            if isinstance(layer, kind):
                layer.generator.state.assign([layer_seeds.augmentation(number), 0])
