"""Records that cross process borders: trial specs going out, epochs and outcomes coming back; immutable, JSON types."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

Level: TypeAlias = str | float | int | bool
Factors: TypeAlias = Mapping[str, Level]  # a complete configuration: a level for every factor of the study
Phase: TypeAlias = Literal["search", "tune", "ablation"]
Mode: TypeAlias = Literal["carry", "find", "tune"]  # how the learning rates of a comparison are chosen
Design: TypeAlias = Literal["one-factor", "factorial", "path"]
When: TypeAlias = Literal["start", "end"]  # times in a trial: before its first step, with its best weights
State: TypeAlias = Literal["finished", "pruned", "diverged", "out_of_memory", "failed", "killed"]
FailedState: TypeAlias = Literal["failed", "out_of_memory"]  # a fault of code or machine: numbers unused
RateVerdict: TypeAlias = Literal["determined", "undetermined"]  # verdict of a learning-rate range test
FAILED: tuple[FailedState, ...] = get_args(FailedState)
SCORED: tuple[State, ...] = ("finished", "pruned")  # a study uses no numbers of trials in other states
CUT_SHORT: tuple[State, ...] = ("killed", "pruned")  # says nothing about the configuration
REFERENCE = "reference"  # the variant with which every other variant is compared
BEST = "best"  # the second reference of a study that compares in both directions; compared with the first
# Columns of the results table: these, then those of the metrics, `COLUMNS_AFTER`, and a column for each factor.
COLUMNS_BEFORE = (
    "trial", "phase", "design", "variant", "factor", "level", "against", "mode", "seed", "state", "score",
)  # fmt: skip
COLUMNS_AFTER = (
    "predictive_sd", "best_epoch", "epochs", "learning_rate", "parameters", "seconds", "attempt", "data", "lr_test",
    "trained_by", "run_id", "same_as", "read_at", "read_under", "reason",
)  # fmt: skip
COLUMNS = (*COLUMNS_BEFORE, *COLUMNS_AFTER)
DATA_SET = "data_set"  # a further column after the label's, in tables of several data sets alone
TRAINED_ON = "trained_on"  # a further column after the trial's, in tables of studies on a cluster: the machine
PARTS = ("train", "val", "test")  # of the data; a metric's columns begin with one of them
RATE_SETTING = "learning_rate_setting"  # the factor's level, e.g. "find*0.3"; the column learning_rate is the rate used
# Columns that the analysis adds to tables of factors: a factor with such a name is renamed there.
ADDED = ("value", "number", "optimism")
MOST_CORNER = 16  # rows and columns of a kernel that are kept
_OF_TEST = re.compile(r"(?i)(^|_)test")
_NUMBER = {"search": re.compile("([0-9]{1,15})$"), "ablation": re.compile(r"^path-\w+-([0-9]{1,6})-")}


@dataclass(frozen=True, slots=True)
class Monitor:
    """The validation metric that early stopping watches, and whose best value is a trial's score."""

    name: str = "val_accuracy"  # its column
    sign: int = 1  # factor that makes higher values better


ACCURACY = Monitor()


@dataclass(frozen=True, slots=True)
class Label:
    """The purpose of a trial, which decides none of its numbers."""

    phase: Phase
    variant: str = ""  # "reference", "normalization=batch"; "" in the search
    factor: str = ""  # the factor in which the variant differs; "" for the reference and in the search
    level: str = ""
    mode: Mode | Literal[""] = ""  # learning-rate mode of the comparison; "" for a reference that all modes share
    design: Design | Literal[""] = ""  # the plan that requested this trial; "" outside of the ablation
    against: str = ""  # the variant with which this one is compared: REFERENCE or BEST; "" for the reference itself
    number: int | None = None  # number of a search trial, from 0; step of a path; half decades from the start of tuning


def number_in(trial: str, phase: str) -> int | None:
    """The number of a trial from its name, as in tables, and in journals of older versions."""
    found = _NUMBER[phase].search(trial) if phase in _NUMBER else None
    return int(found[1]) if found else None


@dataclass(frozen=True, slots=True)
class TrialSpec:
    """Everything that decides the numbers of a trial, given the study's settings, and the label with its purpose.

    `factors["learning_rate"]` is a number, "find", or "find*0.3": that multiple of the rate found by a range test.
    The range test is run for this configuration, or for `rate_factors` if given (mode "carry").
    """

    trial: str  # unique in its study, e.g. "search-0014" or "ablation-normalization=batch-find-s3"
    label: Label
    seed: int  # replicate: the same number means the same split, batch order and per-layer random streams
    factors: Factors
    rate_factors: Factors | None = None
    test: bool = False  # score the best weights on the test set at the end
    frozen: str = ""  # digest of the preregistration that includes this trial's comparison; "" before there is one

    def may_test(self) -> bool:
        """Whether the test set may be read: for a confirmatory trial of a preregistered comparison that requests it."""
        return self.test and bool(self.frozen) and self.label.phase == "ablation" and self.label.design != "path"

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """A flat dictionary of JSON types."""
        data = asdict(self)
        label = data.pop("label")
        return {**label, **data}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "TrialSpec":
        """The spec that `to_json` wrote; older versions wrote no number."""
        label = {name: data[name] for name in Label.__slots__ if name in data}
        label.setdefault("number", number_in(data["trial"], data["phase"]))
        return cls(label=Label(**label), **{name: value for name, value in data.items() if name not in label})


@dataclass(frozen=True, slots=True)
class Epoch:
    """Results of one epoch of a trial."""

    trial: str
    epoch: int  # from 1
    metrics: Mapping[str, float]  # by column: "train_loss", "train_accuracy", "val_loss", "val_accuracy"
    learning_rate: float  # learning rate of its last step
    seconds: float

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """A flat dictionary: the columns of the table of epochs."""
        return {
            "trial": self.trial, "epoch": self.epoch, **self.metrics, "learning_rate": self.learning_rate,
            "seconds": self.seconds,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Epoch":
        """The epoch that `to_json` wrote."""
        metrics = {name: value for name, value in data.items() if is_metric(name)}
        return cls(data["trial"], data["epoch"], metrics, data["learning_rate"], data["seconds"])


@dataclass(frozen=True, slots=True)
class RateTest:
    """A learning-rate range test: its curve, what each rule reads from it, and the suggestion."""

    key: str  # digest of everything it depends on
    rates: tuple[float, ...]
    losses: tuple[float, ...]  # per-batch loss at each rate, averaged over the replicate seeds
    rules: Mapping[str, float | None]  # rule name -> rate it picks, or None if it finds none
    suggestion: float  # doubtful, or the study's fallback, if the verdict is "undetermined"
    verdict: RateVerdict
    reason: str  # why it is undetermined; "" otherwise
    seconds: float

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "RateTest":
        """Rebuild the test from the JSON of its `asdict`."""
        return cls(**{**data, "rates": tuple(data["rates"]), "losses": tuple(data["losses"])})


@dataclass(frozen=True, slots=True)
class LayerState:
    """Statistics of a hidden layer of a trial on validation examples; None if unknown or not finite."""

    when: When
    number: int  # from 1, in the order of the model
    layer: str  # its kind: "Dense", "Conv2D"
    mean: float | None  # of its activations, after the activation function
    sd: float | None
    gradient_norm: float | None  # gradient of the loss with respect to its kernel
    units: int  # units, each with a vector of incoming weights
    distinct: int  # distinct ones among these vectors
    corner: tuple[tuple[float, ...], ...] = ()  # corner of the kernel, incoming × units; of one layer only, at the end

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "LayerState":
        """Rebuild the state from the JSON of its `asdict`."""
        return cls(**{**data, "corner": tuple(tuple(row) for row in data["corner"])})


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trial ended. `score` is already "higher is better"; None if there is none."""

    trial: str
    state: State
    score: float | None = None
    best_epoch: int | None = None
    epochs: int = 0  # epochs begun
    # By column: validation metrics at the best epoch; test metrics of the best weights, once, if the spec requests it.
    metrics: Mapping[str, float] = field(default_factory=dict)
    predictive_sd: float | None = None  # at the best epoch: mean SD over several passes
    learning_rate: float | None = None  # the rate used at the peak of the schedule
    parameters: int | None = None  # trainable and non-trainable
    seconds: float = 0.0
    timings: Mapping[str, float] = field(default_factory=dict)  # seconds: data build compile lr_test train evaluate
    data: str = ""  # fingerprint of arrays and split
    reason: str = ""  # why it did not finish
    traceback: str = ""
    notes: tuple[str, ...] = ()  # notices for the user, e.g. SELU without LeCun-normal
    same_as: str = ""  # the trial whose result is reused, if a configuration came up again
    read_at: str = ""  # ISO time at which the test score was first read, by any study; "" if it was not, or unknown
    read_under: str = ""  # digest of the preregistration under which it was first read; likewise
    rate_test: RateTest | None = None
    attempt: int = 1  # number of the attempt, from 1: a trial whose process dies is tried again
    parts: int = 1  # micro-batches per batch (gradient accumulation), if memory was short for a whole batch
    layers: tuple[LayerState, ...] = ()  # if its study requests them
    initial_weights: str = ""  # digest of its model's initial weights; "" if none were drawn, or it is unknown
    test_predictions: str = ""  # of the best weights, packed by `ablate.data.predictions`; "" if not kept
    trained_by: str = "compiled"  # the way of training
    trained_on: str = ""  # the machine of a cluster; "" if there was none
    discarded: tuple[str, ...] = ()  # metrics of the test set that were reported too early, and thrown away

    @property
    def is_tested(self) -> bool:
        """Whether it has scores of the test set."""
        return any(name.startswith("test_") for name in self.metrics)

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """A flat dictionary of JSON types."""
        data = asdict(self)
        metrics = data.pop("metrics")
        return {**data, **metrics}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Outcome":
        """The outcome that `to_json` wrote."""
        test = data.get("rate_test")
        rate_test = RateTest.from_json(test) if test else None
        layers = tuple(LayerState.from_json(layer) for layer in data.get("layers", ()))
        # Older versions wrote null for a metric without a value.
        metrics = {name: value for name, value in data.items() if is_metric(name) and value is not None}
        others = {name: value for name, value in data.items() if not is_metric(name)}
        given = {name: tuple(data.get(name, ())) for name in ("notes", "discarded")}
        read = {**given, "rate_test": rate_test, "layers": layers, "metrics": metrics}
        return cls(**{**others, **read})


def is_of_test(name: str) -> bool:
    """Whether a reported name means, however it is written, a score of the test set: "test_mae", "val_Test_acc"."""
    return _OF_TEST.search(name) is not None


def is_metric(column: str) -> bool:
    """Whether a column of a table holds a metric: "val_loss"; not "test_predictions", which is a text."""
    part, _, name = column.partition("_")
    return part in PARTS and name not in ("", "predictions") and not name.endswith("_setting")


def score_of(epoch: Epoch, monitor: Monitor) -> float:
    """The monitored quantity, higher is better."""
    return monitor.sign * epoch.metrics[monitor.name]


def counted(outcome: Outcome, epoch: Epoch, *, monitor: Monitor) -> Outcome:
    """The outcome with one more epoch, which becomes the best epoch if its score is strictly better."""
    outcome, score = replace(outcome, epochs=epoch.epoch), score_of(epoch, monitor)
    if outcome.score is not None and score <= outcome.score:
        return outcome
    of_validation = {name: value for name, value in epoch.metrics.items() if name.startswith("val_")}
    return replace(outcome, score=score, best_epoch=epoch.epoch, metrics=of_validation)


def stopped(outcome: Outcome) -> Outcome:
    """The outcome of a trial that a plan stopped after its last epoch so far."""
    return replace(outcome, state="pruned", reason=f"stopped after epoch {outcome.epochs}")
