"""Build models whose shapes Keras knows only once they are called: subclasses of `keras.Model`, open `Sequential`s."""

import inspect
from collections.abc import Mapping
from typing import Any

import keras

from ablate.errors import StudyError, is_ours
from ablate.models.model_data import Shapes
from ablate.models.own_training import is_callable, own_methods

_OWN_LOSS = ("compute_loss", "compile")


def with_shapes(model: keras.Model, shapes: Shapes) -> keras.Model:
    """The model with weights, for examples of these shapes; the same model if it knows its shapes, or cannot be called.

    A subclass that changes nothing of training becomes the only layer of a functional model, which trains the same.
    """
    if getattr(model, "inputs", None) or not is_callable(model):
        return model
    try:
        if isinstance(model, keras.Sequential) and not isinstance(shapes, Mapping):
            model.build((None, *shapes))
            return model
        inputs = _symbolic(shapes)
        outputs = model(inputs)
    except Exception as err:  # whatever the user's call raises: a check of shapes names what is missing
        if is_ours(err):
            raise
        return model
    is_plain = not model.compiled and not own_methods(model) and not model.metrics
    if not is_plain or any(getattr(type(model), name) is not getattr(keras.Model, name) for name in _OWN_LOSS):
        _check_call(model)
        return model
    return keras.Model(inputs, outputs)


def _check_call(model: keras.Model) -> None:
    """Raise `StudyError` if a model cannot be told whether it trains."""
    parameters = inspect.signature(model.call).parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    if "training" not in parameters and not takes_any:
        name = type(model).__name__
        raise StudyError(
            f"model: {name}.call takes no argument training, so it cannot be told whether it trains\n"
            "  write def call(self, inputs, training=False)"
        )


def output_shapes(model: keras.Model, shapes: Shapes) -> list[tuple[int | None, ...]] | None:
    """The shapes of a called model's outputs for a batch of examples of these shapes, flat; None if that fails."""
    if not is_callable(model) or not model.built:
        return None
    try:
        outputs = model.compute_output_spec(_symbolic(shapes))
    except Exception as err:  # as above
        if is_ours(err):
            raise
        return None
    return [tuple(tensor.shape) for tensor in keras.tree.flatten(outputs)]


def _symbolic(shapes: Shapes) -> Any:  # Any: what Keras takes
    if isinstance(shapes, Mapping):
        return {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    return keras.Input(shapes)
