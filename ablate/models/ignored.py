"""Refuse a model that asks for what training here leaves out: compile, a training step of its own, metrics, a state."""

from collections.abc import Iterator

import keras

from ablate.errors import StudyError

# Of `keras.Model`: what `fit` and `evaluate` call, and nothing here does.
OVERRIDES = (
    "train_step", "test_step", "predict_step", "compute_loss", "compute_metrics", "make_train_function",
    "make_test_function", "make_predict_function", "fit", "evaluate",
)  # fmt: skip
COMPILED = (
    "model: build returned a compiled model; ablate trains with its own loss (cross-entropy) and the study's "
    "optimizer, so compile() would be ignored\n"
    "  leave model.compile out, or load_model(path, compile=False), and name the optimizer in [baseline]"
)


def check_nothing_ignored(model: keras.Model) -> None:
    """Raise `StudyError` where part of the model would be left out without a word."""
    if model.compiled or getattr(model, "optimizer", None) is not None:
        raise StudyError(COMPILED)
    for part in _parts(model):
        if isinstance(part, keras.Model):
            _check_overrides(part, is_inner=part is not model)
        if getattr(part, "stateful", False):
            raise StudyError(
                f"model: the layer {part.name} is stateful; batches are drawn at random, so a state that goes from one "
                "to the next would mean nothing\n  leave stateful=True out"
            )
    if model.metrics:
        names = ", ".join(metric.name for metric in model.metrics)
        raise StudyError(
            f"model: its layers have metrics of their own ({names}); ablate records loss and accuracy, so they would "
            "be ignored\n  leave the metrics out"
        )


def check_trains(model: keras.Model) -> None:
    """Raise `StudyError` where no weight would change."""
    if not model.trainable_variables:
        raise StudyError(
            "model: build returned a model without trainable weights, so training would change nothing\n"
            "  leave trainable = False out, at least for the last layer"
        )


def _check_overrides(model: keras.Model, *, is_inner: bool) -> None:
    own = [name for name in OVERRIDES if _is_own(model, name)]
    if own:
        whose = f"its inner model {model.name} has" if is_inner else f"build returned a {type(model).__name__} with"
        raise StudyError(
            f"model: {whose} its own {', '.join(own)}; ablate trains with its own step and loss (cross-entropy), so "
            "that would be ignored\n"
            "  return keras.Model(inputs, outputs) of its layers; a penalty can be a layer's add_loss"
        )


def _is_own(model: keras.Model, name: str) -> bool:
    return name in vars(model) or getattr(type(model), name, None) is not getattr(keras.Model, name, None)


def _parts(layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    """A layer, and the layers within it where it is a model or a wrapper of another one."""
    yield layer
    inner = layer.layers if isinstance(layer, keras.Model) else ()
    if isinstance(layer, keras.layers.Wrapper):
        inner = (layer.layer,)
    for part in inner:
        yield from _parts(part)
