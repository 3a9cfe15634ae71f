"""The known factors and model options: their allowed levels and their defaults."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from ablate.study.trial import Factors, Level

OWN_TRIAL = ""  # in place of a model's name where a user's function or program trains: every factor is its own
NORMALIZATIONS = ("none", "batch", "layer")
ACTIVATIONS = (
    "relu", "leaky_relu", "prelu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid", "relu6", "celu", "mish",
    "softplus", "softsign", "hard_sigmoid", "hard_silu", "linear",
)  # fmt: skip
INITIALIZERS = (
    "he_normal", "he_uniform", "lecun_normal", "lecun_uniform", "glorot_normal", "glorot_uniform", "random_normal",
    "random_uniform", "truncated_normal", "orthogonal", "zeros", "ones",
)  # fmt: skip
OPTIMIZERS = (
    "sgd", "momentum", "nesterov", "adagrad", "adadelta", "rmsprop", "adam", "adamw", "adamax", "nadam", "lion",
    "ftrl", "adafactor", "lamb",
)  # fmt: skip
WITHOUT_MOMENTUM = ("sgd", "adagrad", "adadelta", "rmsprop", "adafactor", "ftrl")  # as Keras makes them
SCHEDULES = (
    "constant", "power", "exponential", "exponential_batch", "piecewise", "plateau", "cosine", "1cycle",
)  # fmt: skip
ScalingName: TypeAlias = Literal["none", "unit", "standardize", "standardize_channels"]
SCALINGS: tuple[ScalingName, ...] = get_args(ScalingName)
AUGMENTATIONS = ("none", "flip", "rotation", "zoom", "all")
KERAS_DATA_SETS = ("cifar10", "cifar100", "fashion_mnist", "mnist")  # names in keras.datasets
DATA_SETS = ("digits", *KERAS_DATA_SETS)
TRANSFERS = ("none", "unfrozen", "frozen_then_unfrozen")
_NOT_BEFORE = ("transfer", "learning_rate", "budget")  # factors that pretraining sets itself, or does not use
Structure: TypeAlias = tuple[tuple[str, Level], ...]


@dataclass(frozen=True, slots=True)
class Names:
    """A level is one of the names. If `scaled`, also "NAME*NUMBER": the initializer of that name, times the number."""

    known: tuple[str, ...]
    scaled: bool = False


@dataclass(frozen=True, slots=True)
class Numbers:
    """A level is a number from `low` to `high`; excluding `high` if `is_open`, excluding `low` if `is_above`."""

    low: float = 0.0
    high: float = math.inf
    whole: bool = False
    is_open: bool = False
    is_above: bool = False

    def has(self, number: float) -> bool:
        """Whether a number is in the range; whole numbers are not checked here."""
        if self.is_above and number == self.low:
            return False
        return self.low <= number < self.high if self.is_open else self.low <= number <= self.high

    def said(self) -> str:
        """The rule in words: "a number from 0 to below 1"."""
        end = f" to {'below ' if self.is_open else ''}{self.high:g}" if math.isfinite(self.high) else " up"
        start = f"above {self.low:g}" if self.is_above else f"from {self.low:g}"
        return f"a {'whole ' if self.whole else ''}number {start}{end}"


@dataclass(frozen=True, slots=True)
class LayerSizes:
    """A level lists the units of each layer, as "300-100"; or is "", if other factors give them or there is none."""

    needed: bool = False  # there must be a layer


LevelRule = Names | Numbers | LayerSizes


def factors_of_range_test(factors: Factors) -> Factors:
    """The configuration whose range test counts for `factors`: with every layer trained.

    A rate found while only the new output layer trained may be far too high for the layers below it.
    """
    return {**factors, "transfer": "unfrozen"} if factors.get("transfer") == "frozen_then_unfrozen" else factors


@dataclass(frozen=True, slots=True)
class Factor:
    """A known factor, or an option that may also be used as a factor."""

    rule: LevelRule
    default: Level | None = None  # if a study names no level; None: that of [training], [data] or Keras
    required: bool = False  # every study must name a level for it
    in_graph: bool = True  # False: its levels are values that one compiled program takes as inputs
    affects_range_test: bool = True  # False: its levels change nothing along a learning-rate range test
    meaning: str = ""  # what it is, for the reference of factors


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A registered model: its factors, and the options of [model] that can be factors instead."""

    factors: Mapping[str, Factor]
    options: Mapping[str, Factor] = field(default_factory=dict)
    needs_gpu: bool = False  # a study of it takes days on a CPU
    # Factors of other models that this one cannot have, with the reason. Without "scaling", examples stay as they are.
    inapplicable: Mapping[str, str] = field(default_factory=dict)


_SHARE = Numbers(0, 1, is_open=True)
_COUNT = Numbers(1, 100_000, whole=True)
# Factors of the engine, for every model. The learning rate is a factor too; `study.rate` reads its levels.
ENGINE: Mapping[str, Factor] = {
    "optimizer": Factor(
        Names(OPTIMIZERS), required=True, meaning="the optimizer; of your own model where it is not compiled with one"
    ),
    "weight_decay": Factor(Numbers(0), in_graph=False, meaning="decoupled weight decay of the optimizer"),
    "momentum": Factor(_SHARE, in_graph=False, meaning="momentum, or beta 1, of the optimizer"),
    "clip_value": Factor(Numbers(0), default=0.0, meaning="clips each number of a gradient; 0: off"),
    "clip_norm": Factor(Numbers(0), default=0.0, meaning="clips the norm of each gradient; 0: off"),
    "schedule": Factor(
        Names(SCHEDULES), default="constant", in_graph=False, affects_range_test=False,
        meaning="learning-rate schedule; [schedule] has the shapes",
    ),
    "batch_size": Factor(Numbers(1, 10**6, whole=True), meaning="examples of a training batch"),
    "budget": Factor(
        Numbers(0, 1, is_above=True), default=1.0, in_graph=False, affects_range_test=False,
        meaning="share of the epochs that a trial may take",
    ),
    "scaling": Factor(Names(SCALINGS), in_graph=False, meaning="scaling of the inputs, fitted on the training split"),
    "transfer": Factor(
        Names(TRANSFERS), default="none", in_graph=False, meaning="start from weights that [transfer] pretrains"
    ),
}  # fmt: skip
SETTINGS = ("weight_decay", "momentum")  # settings of an optimizer: inputs of its programs
_BLOCKS: Mapping[str, Factor] = {
    "normalization": Factor(Names(NORMALIZATIONS), required=True, meaning="normalization of each hidden layer"),
    "activation": Factor(Names(ACTIVATIONS), required=True, meaning="activation of the hidden layers"),
    "initializer": Factor(
        Names(INITIALIZERS, scaled=True),
        required=True,
        in_graph=False,
        meaning="initial weights of the hidden layers",
    ),
    "dropout": Factor(_SHARE, required=True, meaning="dropout rate"),  # in the graph only as present or absent
    "normalization_place": Factor(
        Names(("before", "after")),
        default="before",
        meaning="place of the normalization: before or after the activation",
    ),
    "input_normalization": Factor(
        Names(NORMALIZATIONS), default="none", meaning="normalization of the inputs, in the network"
    ),
    "dropout_kind": Factor(
        Names(("auto", "plain", "alpha")), default="auto", meaning="kind of dropout; auto: alpha with selu, else plain"
    ),
    "mc_samples": Factor(
        Numbers(0, 1000, whole=True),
        default=0,
        affects_range_test=False,
        meaning="passes with dropout over which a prediction is averaged (Monte Carlo dropout); 0: off",
    ),
    "l1": Factor(Numbers(0), default=0.0, meaning="L1 penalty on the weights"),
    "l2": Factor(Numbers(0), default=0.0, meaning="L2 penalty on the weights"),
    "max_norm": Factor(Numbers(0), default=0.0, meaning="bound on the norm of each unit's incoming weights; 0: none"),
    "augmentation": Factor(Names(AUGMENTATIONS), default="none", meaning="random changes of the training images"),
}
_OF_IDS = "its examples are ids of words, which stay as they are"
_NOT_TEXT = {"input_normalization": _OF_IDS, "augmentation": _OF_IDS, "scaling": _OF_IDS}
_NOT_UNET = {"augmentation": "it would change the images, but not the targets of their pixels"}
_RESIDUAL: Mapping[str, Factor] = {name: _BLOCKS[name] for name in ("normalization", "augmentation")}
MODELS: Mapping[str, RegisteredModel] = {
    "mlp": RegisteredModel(
        _BLOCKS,
        {
            "depth": Factor(_COUNT, default=2, meaning="hidden layers"),
            "width": Factor(_COUNT, default=64, meaning="units of each hidden layer"),
            "units": Factor(LayerSizes(), default="", meaning="units of each hidden layer, instead of depth and width"),
            "dropout_at": Factor(
                Names(("each", "last")), default="each", meaning="the hidden layers with dropout after them"
            ),
        },
    ),
    "cnn": RegisteredModel(
        _BLOCKS,
        {
            "stages": Factor(Numbers(1, 20, whole=True), default=3, meaning="stages, each ending in pooling"),
            "convolutions": Factor(Numbers(1, 100, whole=True), default=2, meaning="convolutions in each stage"),
            "filters": Factor(Numbers(1, 10_000, whole=True), default=32, meaning="filters in the first stage"),
            "growth": Factor(
                Numbers(1, 10, whole=True), default=2, meaning="ratio of filters to those of the previous stage"
            ),
            "kernel": Factor(Numbers(1, 31, whole=True), default=3, meaning="pixels along each side of a kernel"),
            "padding": Factor(Names(("same", "valid")), default="same", meaning="padding of the convolutions"),
            "pooling": Factor(
                Names(("max", "average", "none")),
                default="max",
                meaning="pooling over 2 x 2 pixels at the end of a stage",
            ),
            "bottleneck": Factor(
                Numbers(0, 10_000, whole=True),
                default=0,
                meaning="filters of 1 x 1 convolutions between the others; 0: none",
            ),
            "units": Factor(LayerSizes(), default="256", meaning="units of the dense layers before the output"),
            "dense_normalization": Factor(
                Names(("same", "none")),
                default="same",
                meaning="normalization of the dense layers; same: like the convolutions",
            ),
            "bias": Factor(
                Names(("auto", "all")), default="auto", meaning="layers with a bias; auto: none before a normalization"
            ),
            "dropout_at": Factor(
                Names(("dense", "flatten", "stages")), default="dense", meaning="the layers with dropout after them"
            ),
        },
    ),
    "text": RegisteredModel(
        {name: known for name, known in _BLOCKS.items() if name not in _NOT_TEXT},
        {
            "vocabulary": Factor(
                Numbers(0, 10**7, whole=True),
                default=0,
                meaning="number of ids, from 0 on; 0: as many as the data have",
            ),
            "dim": Factor(
                Numbers(1, 10_000, whole=True),
                default=64,
                meaning="numbers of a word's vector, and units of a recurrent layer",
            ),
            "encoder": Factor(
                Names(("average", "max", "gru", "lstm")), default="average", meaning="how the words' vectors become one"
            ),
            "units": Factor(
                LayerSizes(needed=True), default="64", meaning="units of the dense layers before the output"
            ),
        },
        inapplicable=_NOT_TEXT,
    ),
    "unet": RegisteredModel(
        {name: known for name, known in _BLOCKS.items() if name not in _NOT_UNET},
        {
            "stages": Factor(Numbers(1, 10, whole=True), default=3, meaning="stages, each of which halves the sides"),
            "convolutions": Factor(Numbers(1, 100, whole=True), default=2, meaning="convolutions in each stage"),
            "filters": Factor(Numbers(1, 10_000, whole=True), default=16, meaning="filters in the first stage"),
            "growth": Factor(
                Numbers(1, 10, whole=True), default=2, meaning="ratio of filters to those of the previous stage"
            ),
            "kernel": Factor(Numbers(1, 31, whole=True), default=3, meaning="pixels along each side of a kernel"),
            "dropout_at": Factor(
                Names(("bottom", "stages")), default="bottom", meaning="the parts with dropout after them"
            ),
        },
        inapplicable=_NOT_UNET,
    ),
    "resnet": RegisteredModel(
        _RESIDUAL,
        {"blocks": Factor(Numbers(1, 200, whole=True), default=3, meaning="blocks in each of 3 stages")},
        needs_gpu=True,
    ),
    "resnet50": RegisteredModel(_RESIDUAL, needs_gpu=True),
}


def known_factor(name: str, *, model: str) -> Factor | None:
    """The entry of a factor for the model `model`, registered or a user's; None if the factor is unknown."""
    if model == OWN_TRIAL:
        return None
    kind = MODELS.get(model, RegisteredModel({}))
    return ENGINE.get(name) or kind.factors.get(name) or kind.options.get(name)


def known_factors(model: str) -> list[str]:
    """The names of all factors of a registered model, the required factors first."""
    kind = MODELS[model]
    every = {**kind.factors, **ENGINE, **kind.options}
    optional = [name for name in every if not every[name].required and name not in kind.inapplicable]
    return [*required_factors(model), *optional]


def required_factors(model: str) -> list[str]:
    """The names of the factors for which every study of a model must name a level.

    A user's model may be compiled with an optimizer of its own; then a study names none.
    """
    if model == OWN_TRIAL:
        return []
    kinds = (MODELS[model].factors, ENGINE) if model in MODELS else ()
    named = [name for factors in kinds for name, known in factors.items() if known.required]
    return [*named, "learning_rate"]


def ramp_factors(factors: Factors, *, model: str) -> Factors:
    """The part of a configuration that decides the result of its learning-rate range test."""
    known = {name: known_factor(name, model=model) for name in factors if name != "learning_rate"}
    ramped = factors_of_range_test(factors)
    return {name: ramped[name] for name, factor in known.items() if factor is None or factor.affects_range_test}


def is_transferred(factors: Factors) -> bool:
    """Whether a trial starts from pretrained weights."""
    return level_in(factors, "transfer") != "none"


def trained_before(factors: Factors) -> Factors:
    """The levels that a configuration shares with the pretrained network whose weights it uses."""
    return {name: level for name, level in factors.items() if name not in _NOT_BEFORE}


def is_real(factor: str, *, model: str) -> bool:
    """Whether a whole number written as a level or bound of a factor means the real number."""
    if factor == "learning_rate" or (factor == "dropout" and model != OWN_TRIAL):
        return True
    known = known_factor(factor, model=model)
    return known is not None and isinstance(known.rule, Numbers) and not known.rule.whole


def level_in(factors: Factors, name: str) -> Level:
    """The level of an engine's or a block's factor in a configuration; its default if left out."""
    if name in factors:
        return factors[name]
    known = ENGINE.get(name) or _BLOCKS[name]
    assert known.default is not None
    return known.default


def structure_of(factors: Factors, *, model: str) -> Structure:
    """The factors that change the graph of the model named `model`, in the order of their names.

    The learning rate, its schedule and the optimizer's settings are inputs of every program. For registered models,
    so are factors that change only values, such as the initializer; dropout enters as present or absent. In a user's
    model, every other factor may change the graph.
    """
    kept = {name: level for name, level in sorted(factors.items()) if not _is_free(name, model)}
    if model in MODELS and "dropout" in kept:
        kept["dropout"] = bool(float(kept["dropout"]) > 0)
    return tuple(kept.items())


def _is_free(factor: str, model: str) -> bool:
    known = known_factor(factor, model=model)
    return factor == "learning_rate" or (known is not None and not known.in_graph)
