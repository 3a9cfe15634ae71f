"""The tables of a study file as immutable records: the only place that states a setting's type, range and default."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator

from ablate.study.catalog import ScalingName
from ablate.study.given_functions import GivenFunction
from ablate.study.model_ref import ModelRef
from ablate.study.space import Space
from ablate.study.trial import Design, Level, Mode

Keep: TypeAlias = Literal["none", "best", "all"]
BackendName: TypeAlias = Literal["auto", "jax", "tensorflow"]
Precision: TypeAlias = Literal["float32", "mixed_bfloat16", "mixed_float16"]


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _as_names(value: object) -> object:
    return (value,) if isinstance(value, str) else _as_tuple(value)


def _as_level(value: object) -> Level:
    if isinstance(value, str | float | int | bool):
        return value
    raise ValueError("must be text, a number, true or false")


OneLevel = Annotated[Level, PlainValidator(_as_level)]  # a plain union would turn true into 1
Reals = Annotated[tuple[float, ...], BeforeValidator(_as_tuple)]
Classes = Annotated[tuple[Annotated[int, Field(ge=0, le=10**6)], ...], BeforeValidator(_as_tuple)]


Pixels: TypeAlias = Annotated[int, Field(ge=1, le=10**5)]
Columns: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_as_names), Field(min_length=1)]
# A number of examples, or their share.
HeldOut: TypeAlias = Annotated[int, Field(ge=1, le=10**9)] | Annotated[float, Field(gt=0.0, lt=1.0)]


class StudyTable(BaseModel):
    """A table of the file: its keys are the fields, no others, and nothing is converted silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)


class Data(StudyTable):
    """[data]"""

    name: str = Field(default="", max_length=1000)
    """A data set by name (`cifar10`, `cifar100`, `mnist`, `fashion_mnist`, `digits`), a path to an .npz, .csv or
    .parquet file or to a folder of images, or "my.py:load", a function that returns arrays or a table. Paths start
    at the study file's folder. Empty where the trials bring their own data."""
    target: Columns | None = None
    """Column or columns of a table to predict."""
    features: Columns | None = None
    """Columns of a table to predict from; by default all others."""
    columns: Mapping[str, Literal["number", "category"]] = {}
    """How columns of a table are read: as "number" or "category"; by default by their values."""
    image_size: Annotated[tuple[Pixels, Pixels], BeforeValidator(_as_tuple)] | None = None
    """Height and width of the images of a folder, in pixels; others are resized."""
    scaling: ScalingName = "standardize"
    """Scaling of the inputs, fitted on the training split only."""
    target_scaling: Literal["none", "standardize"] | None = None
    """Scaling of amounts to predict, for the loss; metrics are in the amounts' own unit. By default "standardize"
    for the models of this package and "none" for yours."""
    validation: HeldOut | Literal["given", "folds"] = 5000
    """Examples held out of the training set, as a number or a share; "given" takes the source's own validation part,
    "folds" holds out one fold for each seed."""
    folds: int | None = Field(default=None, ge=2, le=1000)
    """Number of folds where validation is "folds"."""
    train: int | None = Field(default=None, ge=1, le=10**9)
    """Largest number of training examples; by default all."""
    test: HeldOut | None = None
    """Largest number of test examples; where the source has no test part, the number or share kept for testing, by
    default a fifth."""
    groups: str | None = None
    """Column or array of groups, as patients: no group stands on two sides of a split."""
    order: str | None = None
    """Column or array of times: validation and test are the latest examples."""
    weights: str | None = None
    """Weights of the classes by their rarity ("balanced"), or a column or array of example weights."""
    classes: Classes | None = None
    """Use only these classes, as 0, 1, … in this order; by default all. All numbers of examples then count examples
    of these classes."""


NO_DATA = Data(scaling="none")


class ModelTable(StudyTable):
    """[model]: in the file, every key except `name` is one of the `options`. It is turned into a `ModelRef`.

    Instead of `name` there may be `train` or `command`: `ablate.study.own_trial` reads these.
    """

    name: str = Field(min_length=1, max_length=1000)
    """A built-in model (`mlp`, `cnn`, `text`, `unet`, `resnet`, `resnet50`), or "my_models.py:build", a function
    that returns a Keras model."""
    options: dict[str, OneLevel] = {}
    """Options of the model, each a key of its own in the file."""


class Training(StudyTable):
    """[training]"""

    epochs: int = Field(default=20, ge=1, le=10**6)
    """Largest number of epochs of a trial."""
    batch_size: int = Field(default=32, ge=1, le=10**6)
    """Examples of a training batch."""
    patience: int = Field(default=5, ge=0, le=10**6)
    """Epochs without an improvement before a trial stops; 0 never stops early."""
    monitor: str | None = Field(default=None, max_length=1000)
    """The metric by which epochs are compared, with "val_" before it; by default that of the study."""
    max_loss: float = Field(default=1000.0, gt=0.0, allow_inf_nan=False)
    """A training batch's mean cross-entropy (nats) above this is divergence. Chance is 2.3 for ten classes; a run
    that recovers may overshoot to hundreds in its first batches; a run that does not is past 1e6 a few batches
    later."""
    precision: Precision = "float32"
    """Keras' dtype policy; mixed policies pay off on GPUs with tensor cores."""
    backend: BackendName = "auto"
    """Keras' backend. "auto" takes KERAS_BACKEND if it is set, else JAX where it is installed and the study's code
    can run on it."""
    loss: str | None = Field(default=None, min_length=1, max_length=1000)
    """A loss of Keras or "my.py:f", where the model comes uncompiled; by default the one that fits the targets."""
    keep: Keep = "none"
    """Models kept as .keras files: none, all, or that of the search's best trial (without a search, of the
    reference's best run)."""

    def deciding(self) -> dict[str, Any]:  # Any: JSON
        """The settings that decide the numbers of a trial; its conditions have the backend."""
        return self.model_dump(exclude={"keep", "backend"})


class MetricTable(StudyTable):
    """[metric]: how runs are judged."""

    name: str | None = Field(default=None, min_length=1, max_length=1000)
    """A metric of Keras, one that the model is compiled with, one that the trials report, or "my.py:f" of (y_true,
    y_pred); by default the one that fits the targets."""
    goal: Literal["maximize", "minimize"] | None = None
    """Whether higher or lower is better; by default as the metric's name tells."""
    unit: str | None = Field(default=None, max_length=30)
    """Unit in which differences are shown; "points" shows fractions times 100. By default as the metric's name
    tells."""
    margin: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] | str | None = None
    """Smallest difference that matters, in the metric's unit as recorded, or "2%" of the reference's mean. Without a
    margin nothing is called equivalent."""
    also: Columns | None = None
    """Further metrics, recorded and shown, never tested."""


Share: TypeAlias = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


class Schedule(StudyTable):
    """[schedule]: the shapes of the levels of the factor `schedule`. Lengths are fractions of a trial's epochs.

    Defaults are those of Géron (2022, ch. 11), stretched from his 25 epochs to any number.
    """

    power: Share = 0.25
    """Length of power until the rate is halved: rate / (1 + t / power)."""
    exponential: Share = 0.8
    """Length of exponential in which the rate falls tenfold, by epoch or by batch."""
    boundaries: Annotated[Reals, Field(min_length=1)] = (0.2, 0.6)
    """Where the rate of piecewise changes."""
    values: Annotated[Reals, Field(min_length=2)] = (1.0, 0.5, 0.1)
    """Rates of piecewise as shares of the peak, one more than boundaries."""
    plateau_factor: float = Field(default=0.5, gt=0.0, lt=1.0)
    """Factor of the rate on a plateau."""
    plateau_patience: int = Field(default=2, ge=1, le=10**6)
    """Epochs without a lower validation loss that make a plateau."""
    cosine_end: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Last rate of cosine, as a share of the peak."""
    cycle_start: float = Field(default=0.1, gt=0.0, le=1.0)
    """First rate of 1cycle, as a share of the peak."""
    cycle_end: float = Field(default=1e-4, gt=0.0, le=1.0)
    """Last rate of 1cycle, as a share of the peak."""


class Transfer(StudyTable):
    """[transfer]: the pretraining task, used if the factor `transfer` is not "none"."""

    classes: Classes
    """Classes of the same data set to pretrain on, none of data.classes."""
    train: int | None = Field(default=None, ge=1, le=10**9)
    """Largest number of its training examples; by default all."""
    validation: int = Field(default=5000, ge=1, le=10**9)
    """Examples held out for early stopping and the best epoch."""
    epochs: int = Field(default=20, ge=1, le=10**6)
    """Largest number of epochs of the pretraining."""
    patience: int = Field(default=5, ge=0, le=10**6)
    """Like training.patience."""
    learning_rate: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] | Literal["find"] = "find"
    """Learning rate of the pretraining only; "find" takes that of a range test of its own."""
    frozen_epochs: int = Field(default=4, ge=1, le=10**6)
    """Of the training.epochs of a trial of "frozen_then_unfrozen", those in which the pretrained layers stay frozen."""
    unfrozen_rate: float = Field(default=1.0, gt=0.0, le=1.0)
    """Ratio of the rate after unfreezing to the rate before. A found rate is for a network with all layers training.
    """


class LrTest(StudyTable):
    """[lr_test]: the learning-rate range test."""

    low: float = Field(default=1e-6, gt=0.0, allow_inf_nan=False)
    """Lowest rate of the test."""
    high: float = Field(default=10.0, gt=0.0, allow_inf_nan=False)
    """Highest rate of the test."""
    steps_per_decade: int | None = Field(default=None, ge=25, le=10_000)
    """Training steps for each tenfold of the rate. By default 25, and fewer where the tests would take more than
    `share` of a trial's training steps, down to 8."""
    seeds: int | None = Field(default=None, ge=1, le=1000)
    """Tests whose curves are averaged. By default 3, and fewer where they would take more than `share`, down to 2."""
    share: float = Field(default=0.35, gt=0.0, allow_inf_nan=False)
    """Largest share of a trial's training steps that its range tests may take."""
    fallback: float = Field(default=1e-3, gt=0.0, allow_inf_nan=False)
    """The rate if a range test is inconclusive."""


class Search(StudyTable):
    """[search]"""

    trials: int = Field(default=24, ge=0, le=10**6)
    """Number of search trials; 0 for no search."""
    sampler: Literal["tpe", "random", "nsga2"] = "tpe"
    """How configurations are suggested: Optuna's TPE around the baseline, at random, or NSGA-II for several
    objectives."""
    pruner: Literal["median", "hyperband", "asha", "none"] = "median"
    """How lagging trials are stopped. "asha" is asynchronous successive halving. "none" with several objectives."""
    reduction_factor: int | None = Field(default=None, ge=2, le=100)
    """Of "asha": of the trials that have come to a rung so far, the best 1/reduction_factor go on, and the next rung
    comes after reduction_factor times as many epochs. By default 4, as in Li et al. (2020)."""
    min_resource: int | None = Field(default=None, ge=1, le=10**6)
    """Of "asha": epochs before the first rung, below training.epochs. By default epochs / reduction_factor², rounded
    up."""
    objectives: Columns | None = None
    """The metric that decides, then one or two more: "parameters", "seconds" (of an epoch), another recorded metric.
    By default the score alone."""
    tolerance: float | None = Field(default=None, ge=0.0, allow_inf_nan=False)
    """How much of the first objective the best configuration may give up for the second, as recorded; by default the
    margin."""
    trials_per_round: int = Field(default=4, ge=1, le=10**6)
    """Trials are suggested, and their results reported, in groups of this size: the search is the same for any
    number of workers up to this one."""


class Ablation(StudyTable):
    """[ablation]"""

    reference: Literal["baseline", "best", "both"] = "baseline"
    """What variants are compared with: the baseline, the search's best, or both."""
    design: Annotated[tuple[Design, ...], BeforeValidator(_as_names)] = Field(default=("one-factor",), min_length=1)
    """Which configurations are compared: "one-factor", "factorial", "path", or several of them."""
    factorial: Annotated[tuple[str, ...] | None, BeforeValidator(_as_tuple)] = None
    """Factors that the factorial crosses."""
    seeds: Annotated[int, Field(ge=0, le=10_000)] | Literal["auto"] = 6
    """Paired replicates of every variant; 0 for no ablation; "auto" adds seeds to undecided comparisons, up to
    `max_seeds`."""
    max_seeds: int = Field(default=20, ge=6, le=10_000)
    """Largest number of seeds with "auto"."""
    looks: int = Field(default=3, ge=1, le=20)
    """Largest number of looks at the comparisons with "auto"."""
    learning_rate: Annotated[tuple[Mode, ...], BeforeValidator(_as_names)] = Field(default=("find",), min_length=1)
    """The rate of each variant: "find" its own from a range test, "carry" the reference's, "tune" the best of five;
    or several of them."""
    margin: float | None = Field(default=None, gt=0.0)
    """Smallest difference that matters, a fraction; by default derived from the test set's size. A study of another
    metric says metric.margin."""
    factors: Annotated[tuple[str, ...] | None, BeforeValidator(_as_tuple)] = None
    """Factors to ablate; by default all of the space."""


class Inspect(StudyTable):
    """[inspect]: layer statistics of the trials of the ablation. They decide no scores."""

    layers: bool = False
    """Whether to record activations, gradient and distinct units of each hidden layer, at the start and with the
    best weights."""
    examples: int = Field(default=500, ge=1, le=100_000)
    """Validation examples that are evaluated at once."""


class Limits(StudyTable):
    """[limits]: the time and memory that a trial may take before it fails, and when a study gives up."""

    trial_minutes: float | None = Field(default=None, gt=0.0, allow_inf_nan=False)
    """Longest time of a whole trial; by default no limit."""
    silent_minutes: float = Field(default=120.0, gt=0.0, allow_inf_nan=False)
    """Longest time without a finished epoch (a program: without output), after which a trial hangs."""
    memory_gb: float | None = Field(default=None, gt=0.0, allow_inf_nan=False)
    """Memory of a worker process; by default 90 % of the machine's."""
    same_failures: int = Field(default=5, ge=0, le=10_000)
    """Number of identical failures in a row that ends a study; 0 never does."""


class Retries(StudyTable):
    """[retries]: how often a trial is retried, with the same seed. Divergence and exceptions would recur: no retry."""

    killed: int = Field(default=2, ge=0, le=100)
    """Retries if a trial's process died: a signal, a crash, the OOM killer."""
    out_of_memory: int = Field(default=3, ge=0, le=16)
    """Retries if a trial runs out of memory on its own: gradient accumulation over 2, 4, 8 … micro-batches."""


class StudySettings(StudyTable):
    """A complete and checked study file."""

    name: str
    """The file's stem: names folders and the MLflow experiment."""
    title: str
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Seed of everything that is random: splits, weights, orders, noise, search."""
    data: Data
    model: ModelRef
    training: Training = Training()
    metric: MetricTable = MetricTable()
    schedule: Schedule = Schedule()
    transfer: Transfer | None = None
    """Present if the factor `transfer` is used."""
    lr_test: LrTest = LrTest()
    baseline: Mapping[str, OneLevel]
    space: Space
    recipes: Mapping[str, Mapping[str, OneLevel]] = {}
    """Levels that are set together, by the recipe's name."""
    search: Search = Search()
    ablation: Ablation = Ablation()
    inspect: Inspect = Inspect()
    limits: Limits = Limits()
    retries: Retries = Retries()
    data_sets: Mapping[str, Data] = {}
    """Settings of each data set of a study on several, by name; `data` is the first one's. Empty for one data set."""
    part_of: str = ""
    """The study on several data sets of which this one has one; not in the file."""
    quick: bool = False
    """Reduced for a smoke test."""
    source: str
    """The file it came from, or the call in a script, for messages."""
    base: Path
    """Its folder: paths of data and user code are relative to it."""
    functions: Mapping[str, GivenFunction] = {}
    """Functions that a script handed over, by the names that stand for them."""


class DimensionTable(StudyTable):
    """The keys common to all dimensions written as tables."""

    when: dict[str, object] | None = None
    """The levels of other factors at which this factor is active."""


class RangeTable(DimensionTable):
    """A dimension given by its bounds."""

    low: float
    high: float
    log: bool = False
    ablate: Reals = ()


class LevelsTable(DimensionTable):
    """A dimension given by its levels, of which the ablation uses a subset."""

    levels: Annotated[tuple[object, ...], BeforeValidator(_as_tuple)]
    ablate: Annotated[tuple[object, ...], BeforeValidator(_as_tuple)] = ()


class AroundTable(DimensionTable):
    """A learning rate around the found rate: the span and `ablate` are multipliers."""

    around: Literal["find"]
    span: Annotated[tuple[float, float], BeforeValidator(_as_tuple)] = (0.1, 3.0)
    ablate: Reals = ()
