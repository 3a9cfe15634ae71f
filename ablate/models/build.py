"""Build and check the model of a configuration, built-in or a user's, and advise against questionable combinations.

Models of this package are uncompiled and return logits, one per class or tag, or amounts.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import keras

from ablate.errors import StudyError
from ablate.models import blocks
from ablate.models.cnn import cnn
from ablate.models.layers import LayerSeeds, is_of_trial
from ablate.models.mlp import mlp
from ablate.models.model_data import ModelData
from ablate.models.process_settings import settings_kept
from ablate.models.resnet import resnet, resnet50, restart_residual
from ablate.models.shapes import check_shapes, returned_rule
from ablate.models.text import text
from ablate.models.unet import unet
from ablate.study.catalog import MODELS, WITHOUT_MOMENTUM, level_in
from ablate.study.trial import Factors, Level

# Methods of `keras.Model` that `fit` and `evaluate` call, but this package never does.
OVERRIDES = (
    "train_step", "test_step", "predict_step", "compute_metrics", "make_train_function",
    "make_test_function", "make_predict_function", "fit", "evaluate",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Builder:
    """A function that builds a model, and optionally a faster one that resets a model of the same structure."""

    build: Callable[..., keras.Model]  # (factors, data, *, layer_seeds, **options)
    restart: Callable[..., None] | None = None  # (model, factors, *, layer_seeds)
    options: Mapping[str, Level] = field(default_factory=dict)  # options that may be factors instead, with defaults


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
    keras.utils.set_random_seed(layer_seeds.users())  # for layers without a seed of their own, as in user code
    varied = {name: factors[name] for name in builder.options if name in factors}
    options = {**builder.options, **options, **varied}
    with _dtype_policy(precision), settings_kept("model: build"):
        model = builder.build(factors, data, layer_seeds=layer_seeds, **options)
    _check(model, data)
    return model


def _check(model: object, data: ModelData) -> None:
    if not isinstance(model, keras.Model):
        raise StudyError(f"{returned_rule(data)}, got {type(model).__name__}")
    check_nothing_ignored(model)
    check_shapes(model, data)
    check_trains(model)
    wrong = [v.path for v in model.trainable_variables if not keras.ops.all(keras.ops.isfinite(v))]
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


def check_nothing_ignored(model: keras.Model) -> None:
    """Raise `StudyError` if the engine would silently ignore part of the model."""
    for part in _parts(model):
        if isinstance(part, keras.Model):
            _check_overrides(part, is_inner=part is not model)
        if getattr(part, "stateful", False):
            raise StudyError(
                f"model: the layer {part.name} is stateful, but batches are random, so a state carried over from one "
                "batch to the next has no meaning\n  remove stateful=True"
            )
    if model.metrics and not model.compiled:
        names = ", ".join(metric.name for metric in model.metrics)
        raise StudyError(
            f"model: its layers add metrics ({names}), but ablate records only loss and accuracy and would "
            "ignore them\n  remove the metrics"
        )


def check_trains(model: keras.Model) -> None:
    """Raise `StudyError` if the model has no trainable weight."""
    if not model.trainable_variables:
        raise StudyError(
            "model: build returned a model without trainable weights, so training would change nothing\n"
            "  remove trainable = False, at least for the last layer"
        )


def _check_overrides(model: keras.Model, *, is_inner: bool) -> None:
    own = [name for name in OVERRIDES if _is_own(model, name)]
    if own:
        whose = f"its inner model {model.name} has" if is_inner else f"build returned a {type(model).__name__} with"
        raise StudyError(
            f"model: {whose} its own {', '.join(own)}; ablate trains with its own step and loss (cross-entropy), so "
            "that would be ignored\n"
            "  return keras.Model(inputs, outputs) with the same layers; for a penalty use a layer's add_loss"
        )


def _is_own(model: keras.Model, name: str) -> bool:
    return name in vars(model) or getattr(type(model), name, None) is not getattr(keras.Model, name, None)


def _parts(layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    yield layer
    inner = layer.layers if isinstance(layer, keras.Model) else ()
    if isinstance(layer, keras.layers.Wrapper):
        inner = (layer.layer,)
    for part in inner:
        yield from _parts(part)
