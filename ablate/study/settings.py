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

    # A registered name, a path to an .npz, a .csv, a .parquet or a folder of images, from the study file's folder, or
    # "my.py:load", a function that returns arrays or a table.
    # "": none, where the trials bring their own data.
    name: str = Field(default="", max_length=1000)
    # Of a table: the column or columns to predict, and those to predict from (None: all others).
    target: Columns | None = None
    features: Columns | None = None
    columns: Mapping[str, Literal["number", "category"]] = {}  # [data.columns]: how columns of a table are read
    image_size: Annotated[tuple[Pixels, Pixels], BeforeValidator(_as_tuple)] | None = None  # height, width; of a folder
    # Fitted on the training split only.
    scaling: ScalingName = "standardize"
    # Scaling of numbers to predict, for the loss; metrics are in their own unit. None: "standardize" for the models of
    # this package, "none" for a user's.
    target_scaling: Literal["none", "standardize"] | None = None
    # Examples held out of the training set: a number or a share; "given": the source's own validation part; "folds": a
    # fold for each seed.
    validation: HeldOut | Literal["given", "folds"] = 5000
    folds: int | None = Field(default=None, ge=2, le=1000)  # of validation = "folds"
    train: int | None = Field(default=None, ge=1, le=10**9)  # maximum number of training examples
    # Maximum number of test examples; or, where the source has no test part, the number or share kept for testing
    # (None: a fifth).
    test: HeldOut | None = None
    groups: str | None = None  # column or array: no group stands on two sides of a split
    order: str | None = None  # column or array, time: validation and test are the latest examples
    weights: str | None = None  # "balanced": classes by rarity; or a column or array of example weights
    # Use only these classes, as 0, 1, … in this order; None: all. The numbers above count examples of these classes.
    classes: Classes | None = None


NO_DATA = Data(scaling="none")


class ModelTable(StudyTable):
    """[model]: in the file, every key except `name` is one of the `options`. It is turned into a `ModelRef`.

    Instead of `name` there may be `train` or `command`: `ablate.study.own_trial` reads these.
    """

    name: str = Field(min_length=1, max_length=1000)  # a registered name, or "my_models.py:build"
    options: dict[str, OneLevel] = {}


class Training(StudyTable):
    """[training]"""

    epochs: int = Field(default=20, ge=1, le=10**6)
    batch_size: int = Field(default=32, ge=1, le=10**6)
    patience: int = Field(default=5, ge=0, le=10**6)  # epochs without an improvement before stopping; 0: off
    # "val_" and the metric by which epochs are compared, and stopped early; None: metric.name, or by the targets.
    monitor: str | None = Field(default=None, max_length=1000)
    # A training batch's mean cross-entropy (nats) above this is divergence. Chance is 2.3 for ten classes; a run that
    # recovers may overshoot to hundreds in its first batches; a run that does not is past 1e6 a few batches later.
    max_loss: float = Field(default=1000.0, gt=0.0, allow_inf_nan=False)
    precision: Precision = "float32"  # Keras' dtype policy; mixed policies pay off on GPUs with tensor cores
    # Keras' backend; auto: KERAS_BACKEND if set, else JAX where it is installed and no code imports TensorFlow.
    backend: BackendName = "auto"
    # A name of Keras or "my.py:f", where build's model comes uncompiled; None: by the targets.
    loss: str | None = Field(default=None, min_length=1, max_length=1000)
    # Models kept as .keras files: that of the search's best trial (without a search, the reference's best run), or all.
    keep: Keep = "none"

    def deciding(self) -> dict[str, Any]:  # Any: JSON
        """The settings that decide the numbers of a trial; its conditions have the backend."""
        return self.model_dump(exclude={"keep", "backend"})


class MetricTable(StudyTable):
    """[metric]: how runs are judged."""

    # A metric of Keras, one that the model is compiled with, or "my.py:f" of (y_true, y_pred); None: by the targets.
    name: str | None = Field(default=None, min_length=1, max_length=1000)
    goal: Literal["maximize", "minimize"] | None = None  # None: as its name tells
    unit: str | None = Field(default=None, max_length=30)  # "points" shows fractions times 100; None: as its name tells
    # Smallest difference that matters, in the metric's unit as recorded, or "2%" of the reference's mean.
    margin: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] | str | None = None
    also: Columns | None = None  # further metrics, recorded and shown, never tested


Share: TypeAlias = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


class Schedule(StudyTable):
    """[schedule]: the shapes of the levels of the factor `schedule`. Lengths are fractions of a trial's epochs.

    Defaults are those of Géron (2022, ch. 11), stretched from his 25 epochs to any number.
    """

    power: Share = 0.25  # length until the rate is halved: rate / (1 + t / power)
    exponential: Share = 0.8  # length in which the rate falls tenfold, by epoch or by batch
    boundaries: Annotated[Reals, Field(min_length=1)] = (0.2, 0.6)  # where the rate of piecewise changes
    values: Annotated[Reals, Field(min_length=2)] = (1.0, 0.5, 0.1)  # rates of piecewise, one more than boundaries
    plateau_factor: float = Field(default=0.5, gt=0.0, lt=1.0)  # multiplies the rate on a plateau
    plateau_patience: int = Field(default=2, ge=1, le=10**6)  # epochs without a lower validation loss
    cosine_end: float = Field(default=0.0, ge=0.0, lt=1.0)  # as a share of the peak
    cycle_start: float = Field(default=0.1, gt=0.0, le=1.0)  # of 1cycle, as a share of the peak
    cycle_end: float = Field(default=1e-4, gt=0.0, le=1.0)


class Transfer(StudyTable):
    """[transfer]: the pretraining task, used if the factor `transfer` is not "none"."""

    classes: Classes  # classes of the same data set, none of data.classes
    train: int | None = Field(default=None, ge=1, le=10**9)  # maximum number of its training examples
    validation: int = Field(default=5000, ge=1, le=10**9)  # held out for early stopping and best epoch
    epochs: int = Field(default=20, ge=1, le=10**6)
    patience: int = Field(default=5, ge=0, le=10**6)  # like training.patience
    # Learning rate of the pretraining only; "find": from a range test of its own.
    learning_rate: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] | Literal["find"] = "find"
    # Fraction of a trial of "frozen_then_unfrozen" during which the pretrained layers stay frozen.
    frozen_epochs: int = Field(default=4, ge=1, le=10**6)
    # Ratio of the rate after unfreezing to the rate before. A found rate is for a network with all layers training.
    unfrozen_rate: float = Field(default=1.0, gt=0.0, le=1.0)


class LrTest(StudyTable):
    """[lr_test]: the learning-rate range test."""

    low: float = Field(default=1e-6, gt=0.0, allow_inf_nan=False)
    high: float = Field(default=10.0, gt=0.0, allow_inf_nan=False)
    # None: 25 steps per decade and 3 seeds, whose curves are averaged; fewer where these would take more than `share`
    # of a trial's training steps, down to two curves of 8 per decade.
    steps_per_decade: int | None = Field(default=None, ge=25, le=10_000)
    seeds: int | None = Field(default=None, ge=1, le=1000)
    share: float = Field(default=0.35, gt=0.0, allow_inf_nan=False)
    fallback: float = Field(default=1e-3, gt=0.0, allow_inf_nan=False)  # the rate if a range test is inconclusive


class Search(StudyTable):
    """[search]"""

    trials: int = Field(default=24, ge=0, le=10**6)  # 0: no search
    sampler: Literal["tpe", "random", "nsga2"] = "tpe"
    # "asha": asynchronous successive halving. "none" with several objectives.
    pruner: Literal["median", "hyperband", "asha", "none"] = "median"
    # Of "asha": of the trials that have come to a rung so far, the best 1/reduction_factor go on, and the next rung
    # comes after reduction_factor times as many epochs. None: 4, as in Li et al. (2020).
    reduction_factor: int | None = Field(default=None, ge=2, le=100)
    # Of "asha": epochs before the first rung, below training.epochs. None: epochs / reduction_factor², rounded up.
    min_resource: int | None = Field(default=None, ge=1, le=10**6)
    # The metric that decides, then one or two more: "parameters", "seconds" (of an epoch), another recorded metric.
    # None: the score alone.
    objectives: Columns | None = None
    # How much of the first objective the best configuration may give up for the second, as recorded; None: the margin.
    tolerance: float | None = Field(default=None, ge=0.0, allow_inf_nan=False)
    # Trials are suggested, and their results reported, in groups of this size: the search is the same for any number of
    # workers up to this one.
    trials_per_round: int = Field(default=4, ge=1, le=10**6)


class Ablation(StudyTable):
    """[ablation]"""

    reference: Literal["baseline", "best", "both"] = "baseline"
    design: Annotated[tuple[Design, ...], BeforeValidator(_as_names)] = Field(default=("one-factor",), min_length=1)
    factorial: Annotated[tuple[str, ...] | None, BeforeValidator(_as_tuple)] = None  # crossed factors
    # Paired replicates of every variant; 0: no ablation; "auto": more for undecided comparisons, up to `max_seeds`.
    seeds: Annotated[int, Field(ge=0, le=10_000)] | Literal["auto"] = 6
    max_seeds: int = Field(default=20, ge=6, le=10_000)  # of "auto"
    looks: int = Field(default=3, ge=1, le=20)  # of "auto": maximum number of looks at the comparisons
    learning_rate: Annotated[tuple[Mode, ...], BeforeValidator(_as_names)] = Field(default=("find",), min_length=1)
    # Smallest difference that matters, a fraction; None: derived from the test set's size.
    margin: float | None = Field(default=None, gt=0.0)
    factors: Annotated[tuple[str, ...] | None, BeforeValidator(_as_tuple)] = None  # None: all of the space


class Inspect(StudyTable):
    """[inspect]: layer statistics of the trials of the ablation. They decide no scores."""

    # At the start and with the best weights: activations, gradient and distinct units of each hidden layer.
    layers: bool = False
    examples: int = Field(default=500, ge=1, le=100_000)  # validation examples, evaluated at once


class Limits(StudyTable):
    """[limits]: the time and memory that a trial may take before it fails, and when a study gives up."""

    trial_minutes: float | None = Field(default=None, gt=0.0, allow_inf_nan=False)  # of a whole trial; None: no limit
    silent_minutes: float = Field(default=120.0, gt=0.0, allow_inf_nan=False)  # without a finished epoch: it hangs
    memory_gb: float | None = Field(default=None, gt=0.0, allow_inf_nan=False)  # of a worker; None: 90 % of the machine
    same_failures: int = Field(default=5, ge=0, le=10_000)  # identical failures that end a study; 0: never


class Retries(StudyTable):
    """[retries]: how often a trial is retried, with the same seed. Divergence and exceptions would recur: no retry."""

    killed: int = Field(default=2, ge=0, le=100)  # if its process died: a signal, a crash, the OOM killer
    # Retries if a trial runs out of memory on its own: gradient accumulation over 2, 4, 8 … micro-batches.
    out_of_memory: int = Field(default=3, ge=0, le=16)


class StudySettings(StudyTable):
    """A complete and checked study file."""

    name: str  # the file's stem: names folders and the MLflow experiment
    title: str
    seed: int = Field(default=0, ge=0, lt=2**32)
    data: Data
    model: ModelRef
    training: Training = Training()
    metric: MetricTable = MetricTable()
    schedule: Schedule = Schedule()
    transfer: Transfer | None = None  # if the factor `transfer` is used
    lr_test: LrTest = LrTest()
    baseline: Mapping[str, OneLevel]
    space: Space
    recipes: Mapping[str, Mapping[str, OneLevel]] = {}  # name -> levels that are set together
    search: Search = Search()
    ablation: Ablation = Ablation()
    inspect: Inspect = Inspect()
    limits: Limits = Limits()
    retries: Retries = Retries()
    # Of a study on several data sets: their settings by name; `data` is the first one's. Empty for one data set.
    data_sets: Mapping[str, Data] = {}
    part_of: str = ""  # the study on several data sets of which this one has one; not in the file
    quick: bool = False  # reduced for a smoke test
    source: str  # the file it came from, or the call in a script, for messages
    base: Path  # its folder: paths of data and user code are relative to it
    functions: Mapping[str, GivenFunction] = {}  # that a script handed over, by the names that stand for them


class DimensionTable(StudyTable):
    """The keys common to all dimensions written as tables."""

    when: dict[str, object] | None = None  # other factor -> its level(s) at which this factor is active


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
