"""Build and check the model of a configuration, built-in or a user's, and advise against questionable combinations.

Models of this package are uncompiled and return logits, one per class or tag, or amounts.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import keras
import numpy as np

from ablate.errors import StudyError
from ablate.models import blocks
from ablate.models.cnn import cnn
from ablate.models.layers import LayerSeeds, is_of_trial
from ablate.models.mlp import mlp
from ablate.models.model_data import ModelData
from ablate.models.own_training import check_parts
from ablate.models.process_settings import settings_kept
from ablate.models.resnet import resnet, resnet50, restart_residual
from ablate.models.shapes import check_shapes, returned_rule
from ablate.models.subclassed import with_shapes
from ablate.models.text import text
from ablate.models.unet import unet
from ablate.study.catalog import MODELS, WITHOUT_MOMENTUM, level_in
from ablate.study.trial import Factors, Level


@dataclass(frozen=True, slots=True)
class Builder:
    """A function that builds a model, and optionally a faster one that resets a model of the same structure."""

    build: Callable[..., keras.Model]  # (factors, data, *, layer_seeds, **options)
    restart: Callable[..., None] | None = None  # (model, factors, *, layer_seeds)
    options: Mapping[str, Level] = field(default_factory=dict)  # options that may be factors instead, with defaults
    callbacks: Callable[..., object] | None = None  # (factors, seed), as it lists them: a user's, for `model.fit`


def _built_in(name: str, build: Callable[..., keras.Model], restart: Callable[..., None]) -> Builder:
    known = MODELS[name].options
    return Builder(build, restart, {option: of.default for option, of in known.items() if of.default is not None})


BUILT_IN: Mapping[str, Builder] = {
    "mlp": _built_in("mlp", mlp, blocks.restart),
    "cnn": _built_in("cnn", cnn, blocks.restart),
    "text": _built_in("text", text, blocks.restart),
    "unet": _built_in("unet", unet, blocks.restart),
    "resnet": _built_in("resnet", resnet, restart_residual),
    "resnet50": _built_in("resnet50", resnet50, restart_residual),
}


def build_model(
    builder: Builder,
    factors: Factors,
    data: ModelData,
    *,
    layer_seeds: LayerSeeds,
    options: Mapping[str, Level],
    precision: str = "float32",
) -> keras.Model:
    """The model of a configuration. Raises `StudyError` unless it takes the data's inputs and fits their targets."""
    varied = {name: factors[name] for name in builder.options if name in factors}
    options = {**builder.options, **options, **varied}
    with _dtype_policy(precision), settings_kept("model: build"):
        model = builder.build(factors, data, layer_seeds=layer_seeds, **options)
        if isinstance(model, keras.Model):
            model = with_shapes(model, data.input_shape)
    _check(model, data)
    return model


def _check(model: object, data: ModelData) -> None:
    if not isinstance(model, keras.Model):
        raise StudyError(f"{returned_rule(data)}, got {type(model).__name__}")
    check_parts(model)
    check_shapes(model, data)
    check_trains(model)
    values = {v.path: np.asarray(v) for v in model.trainable_variables}
    wrong = [path for path, value in values.items() if not np.isfinite(value).all()]
    if wrong:
        raise StudyError(
            f"model: all weights must be finite before the first step, but {wrong[0]} has NaN or infinite weights"
        )


@contextmanager
def _dtype_policy(name: str) -> Iterator[None]:
    kept = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(kept)


def advice(factors: Factors) -> tuple[str, ...]:
    """Advice on a configuration: combinations that their authors advise against, and settings without effect."""
    return (*_about_selu(factors), *_about_dropout(factors), *_in_vain(factors))


def _about_selu(factors: Factors) -> Iterator[str]:
    if factors.get("activation") != "selu":
        return
    initializer, kind = factors.get("initializer", "lecun_normal"), factors.get("dropout_kind", "auto")
    if initializer != "lecun_normal":
        yield f"selu needs initializer lecun_normal, but this trial uses {initializer}"
    if factors.get("normalization", "none") != "none":
        yield f"selu already normalizes, but this trial adds {factors['normalization']} normalization"
    if _has_dropout(factors) and kind != "alpha":
        used = "so this trial uses it" if kind == "auto" else f"but this trial uses {kind} dropout"
        yield f"selu needs alpha dropout, {used}"


def _about_dropout(factors: Factors) -> Iterator[str]:
    activation = factors.get("activation", "selu")
    if _has_dropout(factors) and factors.get("dropout_kind") == "alpha" and activation != "selu":
        yield f"alpha dropout is made for selu, but this trial uses {activation}"
    if factors.get("dropout") == 0 and factors.get("mc_samples", 0) != 0:
        yield "mc_samples changes nothing here: without dropout every pass gives the same result"


def _in_vain(factors: Factors) -> Iterator[str]:
    if factors.get("normalization") == "none" and factors.get("normalization_place") == "after":
        yield "there is no normalization, so its place changes nothing here"
    if all(float(level_in(factors, name)) > 0 for name in ("clip_norm", "clip_value")):
        yield "clip_norm is set, so clip_value changes nothing here"
    if "momentum" in factors and factors.get("optimizer") in WITHOUT_MOMENTUM:
        yield f"{factors['optimizer']} has no momentum, so the factor momentum changes nothing here"


def _has_dropout(factors: Factors) -> bool:
    """Whether a configuration has a rate above 0; in a user's model, the factor may mean something else."""
    rate = factors.get("dropout", 0.0)
    return isinstance(rate, int | float) and rate > 0


def count_parameters(model: keras.Model) -> int:
    """Number of weights, trainable or not, without the states of random generators and dropout rates."""
    counted = [v for v in model.weights if not is_of_trial(v)]
    return sum(math.prod(v.shape) for v in counted)


def check_trains(model: keras.Model) -> None:
    """Raise `StudyError` if the model has no trainable weight."""
    if not model.trainable_variables:
        raise StudyError(
            "model: build returned a model without trainable weights, so training would change nothing\n"
            "  remove trainable = False, at least for the last layer"
        )
