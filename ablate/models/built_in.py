"""What the built-in models share: their inputs, and checks of the data that they take."""

import keras

from ablate.data.array import Tensor
from ablate.data.trees import map_tree
from ablate.errors import StudyError
from ablate.models.blocks import restart
from ablate.models.layers import LayerSeeds
from ablate.models.model_data import ModelData, Shape
from ablate.study.catalog import level_in
from ablate.study.trial import Factors


def inputs_of(data: ModelData) -> Tensor:
    """An input of the model for each input of the data, by name if there are several."""
    if isinstance(data.input_shape, tuple):
        return keras.Input(data.input_shape)
    return {name: keras.Input(shape, name=name) for name, shape in data.input_shape.items()}


def finished(inputs: Tensor, outputs: Tensor, factors: Factors, *, layer_seeds: LayerSeeds) -> keras.Model:
    """The model; with several outputs, Keras orders the output layers, and so their seeds."""
    model = keras.Model(inputs, outputs)
    if len(model.outputs) > 1:
        restart(model, factors, layer_seeds=layer_seeds)
    return model


def check_data(model: str, factors: Factors, data: ModelData) -> None:
    """Raise `StudyError` if a built-in model cannot learn from such data, whatever its kind."""
    if any(target.kind == "none" for target in data.targets.values()):
        raise StudyError(
            f"model.name: {model} needs targets, but these data have none\n"
            '  give them y_train, or name a model that makes its own loss, as "my_models.py:build"'
        )
    kind = level_in(factors, "augmentation")
    if kind == "none":
        return
    if data.single_shape is None:
        raise StudyError(
            f'augmentation: "{kind}" would change one of several inputs without the others\n'
            '  set augmentation to "none"'
        )
    if any(target.is_dense for target in data.targets.values()):
        raise StudyError(
            f'augmentation: "{kind}" would change the images, but not the targets of their pixels\n'
            '  set augmentation to "none"'
        )


def image_shape(model: str, data: ModelData, *, instead: str) -> Shape:
    """Height, width and channels of the only input. Raises `StudyError` if there are none."""
    shape = single_input(model, data)
    if len(shape) != 3:
        raise StudyError(
            f"model.name: {model} needs images (height, width, channels), but these examples have shape {shape}\n"
            f"  choose a data set of images, or {instead}"
        )
    return shape


def single_input(model: str, data: ModelData) -> Shape:
    """Shape of the only input. Raises `StudyError` if there are several."""
    if not isinstance(data.input_shape, tuple):
        raise StudyError(
            f"model.name: {model} takes one input, but these data have {len(data.input_shape)}: "
            f"{', '.join(data.input_shape)}\n"
            '  choose model "mlp", which joins them, or a model of your own, as "my_models.py:build"'
        )
    return data.input_shape


def flat_output(model: str, data: ModelData) -> int:
    """Numbers that the model returns for its only target. Raises `StudyError` for several targets, or a mask."""
    shapes = [target.output_shape for target in data.targets.values()]
    if len(shapes) > 1 or len(shapes[0]) > 1:
        has = f"{len(shapes)} targets" if len(shapes) > 1 else f"targets of shape {shapes[0]}"
        raise StudyError(
            f"model.name: {model} returns one row of numbers for each example, but these data have {has}\n"
            '  choose model "mlp" or "cnn"; for masks of images "unet"'
        )
    return shapes[0][0]


def joined(inputs: Tensor) -> Tensor:
    """All inputs as one row of numbers for each example."""
    flat = map_tree(lambda x: keras.layers.Flatten()(x) if len(x.shape) > 2 else x, inputs)
    if not isinstance(flat, dict):
        return flat
    return keras.layers.Concatenate()(list(flat.values())) if len(flat) > 1 else next(iter(flat.values()))
