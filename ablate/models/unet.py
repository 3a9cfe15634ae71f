"""Build a U-Net (Ronneberger et al. 2015), which returns numbers for every pixel of an image."""

import math
from dataclasses import dataclass

import keras
from keras import layers

from ablate.data.array import Tensor
from ablate.errors import StudyError
from ablate.models.blocks import Blocks
from ablate.models.built_in import check_data, image_shape
from ablate.models.layers import LayerSeeds
from ablate.models.model_data import ModelData, Shape
from ablate.study.trial import Factors


@dataclass(frozen=True, slots=True)
class _Steps:
    """The convolutions of one size of image."""

    blocks: Blocks
    convolutions: int
    kernel: int
    dropped: bool  # after the last of them

    def __call__(self, x: Tensor, filters: int) -> Tensor:
        for _ in range(self.convolutions):
            x = self.blocks.convolution(x, filters, kernel=self.kernel, normalization=self.blocks.normalization)
        return self.blocks.dropped(x) if self.dropped else x


def unet(
    factors: Factors,
    data: ModelData,
    *,
    layer_seeds: LayerSeeds,
    stages: int,
    convolutions: int,
    filters: int,
    growth: int,
    kernel: int,
    dropout_at: str,
) -> keras.Model:
    """A U-Net for targets of each pixel, (height, width) or (height, width, channels).

    Going down, each of `stages` has `convolutions` and a max pooling that halves the sides; the first has `filters`,
    each other `growth` times those of the stage before. After the convolutions at the bottom, each stage going up
    doubles the sides by a transposed convolution, joins the output of the stage of that size, and has its convolutions
    again. A 1 × 1 convolution gives the outputs. Convolutions keep the sides, as in most later versions. Dropout
    follows the convolutions at the bottom, or those of every stage.
    """
    check_data("unet", factors, data)
    shape, target = image_shape("unet", data, instead='model "mlp"'), _target_shape(data)
    _check_sides(shape, stages)
    blocks = Blocks(factors, layer_seeds=layer_seeds)
    steps = _Steps(blocks, convolutions, kernel, dropped=dropout_at == "stages")
    at_bottom = _Steps(blocks, convolutions, kernel, dropped=True)
    inputs = keras.Input(shape)
    x, passed = blocks.normalized_input(inputs), list[Tensor]()
    sizes = [filters * growth**stage for stage in range(stages)]
    for size in sizes:
        x = steps(x, size)
        passed.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = at_bottom(x, filters * growth**stages)
    for size, skip in zip(reversed(sizes), reversed(passed), strict=True):
        x = steps(layers.Concatenate()([skip, blocks.enlarged(x, size)]), size)
    channels = math.prod(target[2:])
    x = blocks.output_pixels(x, channels)
    return keras.Model(inputs, x if len(target) == 3 else layers.Reshape(target)(x))


def _target_shape(data: ModelData) -> Shape:
    """Shape of the output, which begins with the image's height and width."""
    image = image_shape("unet", data, instead='model "mlp"')
    shapes = [target.output_shape for target in data.targets.values()]
    if len(shapes) > 1 or shapes[0][:2] != image[:2]:
        found = f"{len(shapes)} targets" if len(shapes) > 1 else f"targets of shape {_bare(data)}"
        raise StudyError(
            f"model.name: unet needs one target for each pixel, so (n, {image[0]}, {image[1]}), "
            f"but these data have {found}\n"
            '  choose model "cnn", or give the data masks of the size of the images'
        )
    return shapes[0]


def _bare(data: ModelData) -> Shape:
    return next(iter(data.targets.values())).shape


def _check_sides(shape: Shape, stages: int) -> None:
    unit = 2**stages
    if all(side % unit == 0 for side in shape[:2]):
        return
    most = max(n for n in range(stages) if all(side % 2**n == 0 for side in shape[:2]))
    padded = " × ".join(str(-(-side // unit) * unit) for side in shape[:2])
    fewer = f"set stages = {most} or fewer in [model], or " if most else ""
    raise StudyError(
        f"model.stages: unet halves the sides {stages} times, so both must be divisible by {unit}, "
        f"but these images have {shape[0]} × {shape[1]} pixels\n"
        f"  {fewer}pad images and masks to {padded}"
    )
