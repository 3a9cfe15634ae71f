"""Tell why a model has to be trained by `model.fit`: its training is more than a loss that a compiled program takes."""

from collections.abc import Iterator, Sequence

import keras

from ablate.errors import StudyError
from ablate.text import listed

# Methods of `keras.Model` that `fit`, `evaluate` and `predict` call, and a compiled program does not.
METHODS = (
    "train_step", "test_step", "predict_step", "compute_metrics", "make_train_function", "make_test_function",
    "make_predict_function", "reset_metrics", "fit", "evaluate", "predict",
)  # fmt: skip
_OF_COMPILE = ("loss", "compile_metrics")  # names of the metrics that `compile` adds


def why_fit(model: keras.Model, *, file: str, has_callbacks: bool = False) -> str:
    """Why a model of a user's `file` is trained by `model.fit`; "" if a compiled program trains it as well."""
    if own := own_methods(model):
        return f"{file} overrides {listed(own)}"
    if tracked := _tracked(model):
        return f"its layers track metrics ({', '.join(tracked)})"
    if model.compiled and model.run_eagerly:
        return f"{file} compiles it with run_eagerly"
    return f"{file} has callbacks" if has_callbacks else ""


def own_methods(model: keras.Model) -> list[str]:
    """The methods of training that are not Keras' own."""
    return [name for name in METHODS if _is_own(model, name)]


def check_parts(model: keras.Model) -> None:
    """Raise `StudyError` if a part of the model asks for what neither way of training does."""
    for part in _parts(model):
        if isinstance(part, keras.Model) and part is not model and (own := own_methods(part)):
            raise StudyError(
                f"model: its inner model {part.name} has its own {listed(own)}, which training the outer model never "
                "calls, neither here nor in model.fit\n  move it to the model that build returns"
            )
        if getattr(part, "stateful", False):
            raise StudyError(
                f"model: the layer {part.name} is stateful, but batches are random, so a state carried over from one "
                "batch to the next has no meaning\n  remove stateful=True"
            )


def is_callable(model: keras.Model) -> bool:
    """Whether the model itself maps inputs to outputs; one that only has a `train_step` need not."""
    return type(model).call is not keras.Model.call


def _tracked(model: keras.Model) -> Sequence[str]:
    """The names of metrics that layers update as they are called."""
    return [metric.name for metric in model.metrics if metric.name not in _OF_COMPILE]


def _is_own(model: keras.Model, name: str) -> bool:
    return name in vars(model) or getattr(type(model), name, None) is not getattr(keras.Model, name, None)


def _parts(layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    yield layer
    inner = layer.layers if isinstance(layer, keras.Model) else ()
    if isinstance(layer, keras.layers.Wrapper):
        inner = (layer.layer,)
    for part in inner:
        yield from _parts(part)
