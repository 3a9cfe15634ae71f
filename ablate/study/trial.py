"""What crosses a process border: specs going out, epochs and outcomes coming back. Frozen and JSON-able."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

Level: TypeAlias = str | float | int | bool
Factors: TypeAlias = Mapping[str, Level]  # a complete configuration: a level for every factor of the study
Phase: TypeAlias = Literal["search", "tune", "ablation"]
Mode: TypeAlias = Literal["carry", "find", "tune"]  # where a contrast's learning rates come from
Design: TypeAlias = Literal["one-factor", "factorial", "path"]
When: TypeAlias = Literal["start", "end"]  # of a trial: before its first step, with its best weights
State: TypeAlias = Literal["finished", "pruned", "diverged", "out_of_memory", "failed", "killed"]
FailedState: TypeAlias = Literal["failed", "out_of_memory"]  # of the code or the machine: its numbers play no part
RateVerdict: TypeAlias = Literal["determined", "undetermined"]  # of a learning-rate range test
FAILED: tuple[FailedState, ...] = get_args(FailedState)
SCORED: tuple[State, ...] = ("finished", "pruned")  # of trials in other states, a study uses no number
CUT_SHORT: tuple[State, ...] = ("killed", "pruned")  # says nothing of the configuration
REFERENCE = "reference"  # the variant that every other one is compared with
BEST = "best"  # the second reference of a study that compares in both directions; itself compared with the first
# Of the table of results, before a column for each factor.
COLUMNS = (
    "trial", "phase", "design", "variant", "factor", "level", "against", "mode", "seed", "state", "score",
    "val_accuracy", "val_loss", "test_accuracy", "test_loss", "predictive_sd", "best_epoch", "epochs", "learning_rate",
    "parameters", "seconds", "attempt", "data", "lr_test", "run_id", "same_as", "reason",
)  # fmt: skip
RATE_SETTING = "learning_rate_setting"  # the factor's level, e.g. "find*0.3"; the column learning_rate is the rate used
# What the reading half adds to tables in which factors stand: a factor of such a name has another one there.
ADDED = ("value", "number", "optimism")
MOST_CORNER = 16  # rows and columns that are kept of a kernel
_NUMBER = {"search": re.compile("([0-9]{1,15})$"), "ablation": re.compile(r"^path-\w+-([0-9]{1,6})-")}
Monitor: TypeAlias = Literal["val_accuracy", "val_loss"]


@dataclass(frozen=True, slots=True)
class Label:
    """What a trial is for, which decides none of its numbers."""

    phase: Phase
    variant: str = ""  # "reference", "normalization=batch"; "" in the search
    factor: str = ""  # the factor in which the variant differs; "" for the reference and in the search
    level: str = ""
    mode: Mode | Literal[""] = ""  # learning-rate mode of the contrast; "" for a reference that all modes share
    design: Design | Literal[""] = ""  # what asked for this trial; "" outside of the ablation
    against: str = ""  # the variant that this one is compared with: REFERENCE or BEST; "" for the reference itself
    number: int | None = None  # of a search trial, from 0; a path's step; half decades from where tuning starts


def number_in(trial: str, phase: str) -> int | None:
    """The number of a trial of which only the name is known: in tables, and in journals of older versions."""
    found = _NUMBER[phase].search(trial) if phase in _NUMBER else None
    return int(found[1]) if found else None


@dataclass(frozen=True, slots=True)
class TrialSpec:
    """All that decides the numbers of one trial, given the study's settings, beside the label that says what it is for.

    `factors["learning_rate"]` is a number, "find", or "find*0.3": that multiple of the rate found by a range test.
    The range test is of this very configuration, or of `rate_factors` where that is given (mode "carry").
    """

    trial: str  # unique in its study, e.g. "search-0014" or "ablation-normalization=batch-find-s3"
    label: Label
    seed: int  # replicate: the same number means the same split, batch order and per-layer random streams
    factors: Factors
    rate_factors: Factors | None = None
    test: bool = False  # score the best weights on the test set at the end
    frozen: str = ""  # digest of the comparisons that were frozen before, this one's among them; "" while they are not

    def may_test(self) -> bool:
        """Whether the test set may be read for it: a confirmatory trial of a frozen comparison that asks for it."""
        return self.test and bool(self.frozen) and self.label.phase == "ablation" and self.label.design != "path"

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """A dictionary of JSON types, flat."""
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
    """What one epoch of one trial gave. Accuracies are fractions, losses mean cross-entropy in nats."""

    trial: str
    epoch: int  # from 1
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float  # of its last step
    seconds: float


@dataclass(frozen=True, slots=True)
class RateTest:
    """A learning-rate range test: its curve, what each rule reads from it, and the suggestion."""

    key: str  # digest of everything it depends on
    rates: tuple[float, ...]
    losses: tuple[float, ...]  # per-batch loss at each rate, averaged over the replicate seeds
    rules: Mapping[str, float | None]  # rule name -> rate it picks, or None where it finds nothing
    suggestion: float  # a doubtful one, or the study's fallback, where the verdict is "undetermined"
    verdict: RateVerdict
    reason: str  # why it is undetermined; "" otherwise
    seconds: float

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "RateTest":
        """The test that `asdict` and JSON made of it."""
        return cls(**{**data, "rates": tuple(data["rates"]), "losses": tuple(data["losses"])})


@dataclass(frozen=True, slots=True)
class LayerState:
    """A hidden layer of a trial, on some of its validation examples: None for what is not known or not finite."""

    when: When
    number: int  # from 1, in the order of the model
    layer: str  # its kind: "Dense", "Conv2D"
    mean: float | None  # of its activations, after the activation function
    sd: float | None
    gradient_norm: float | None  # of the loss by its kernel
    units: int  # each with a vector of incoming weights
    distinct: int  # of these vectors
    corner: tuple[tuple[float, ...], ...] = ()  # of the kernel, incoming × units; of one layer alone, at the end

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "LayerState":
        """The state that `asdict` and JSON made of it."""
        return cls(**{**data, "corner": tuple(tuple(row) for row in data["corner"])})


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one trial ended. `score` is already "higher is better"; None where there is none."""

    trial: str
    state: State
    score: float | None = None
    best_epoch: int | None = None
    epochs: int = 0  # epochs begun
    val_accuracy: float | None = None  # at the best epoch
    val_loss: float | None = None
    test_accuracy: float | None = None  # of the best weights, once, where the spec asks for it
    test_loss: float | None = None
    predictive_sd: float | None = None  # at the best epoch, where a prediction is the mean of several: their mean SD
    learning_rate: float | None = None  # the rate used at the peak of the schedule
    parameters: int | None = None  # trainable and not
    seconds: float = 0.0
    timings: Mapping[str, float] = field(default_factory=dict)  # seconds: data build compile lr_test train evaluate
    data: str = ""  # fingerprint of arrays and split
    reason: str = ""  # why it did not finish
    traceback: str = ""
    notes: tuple[str, ...] = ()  # what the user should know, e.g. SELU without LeCun-normal
    same_as: str = ""  # the trial whose result this is, where a configuration came up again
    rate_test: RateTest | None = None
    attempt: int = 1  # which try at the trial this is, from 1: a process that dies makes another one necessary
    parts: int = 1  # of each batch, trained one after the other and added up, where memory was short for a whole one
    layers: tuple[LayerState, ...] = ()  # where its study asks for them
    initial_weights: str = ""  # digest of those its model was built with; "" where none were drawn, or it is not known

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """A dictionary of JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Outcome":
        """The outcome that `to_json` wrote."""
        test = data.get("rate_test")
        rate_test = RateTest.from_json(test) if test else None
        layers = tuple(LayerState.from_json(layer) for layer in data.get("layers", ()))
        return cls(**{**data, "notes": tuple(data.get("notes", ())), "rate_test": rate_test, "layers": layers})


def score_of(epoch: Epoch, monitor: Monitor) -> float:
    """The monitored quantity, higher is better."""
    return epoch.val_accuracy if monitor == "val_accuracy" else -epoch.val_loss


def counted(outcome: Outcome, epoch: Epoch, *, monitor: Monitor) -> Outcome:
    """The outcome with one more epoch: a better score, strictly, makes it the best one."""
    outcome, score = replace(outcome, epochs=epoch.epoch), score_of(epoch, monitor)
    if outcome.score is not None and score <= outcome.score:
        return outcome
    return replace(
        outcome, score=score, best_epoch=epoch.epoch, val_accuracy=epoch.val_accuracy, val_loss=epoch.val_loss
    )


def stopped(outcome: Outcome) -> Outcome:
    """The outcome of a trial that a plan stopped after its last epoch so far."""
    return replace(outcome, state="pruned", reason=f"stopped after epoch {outcome.epochs}")
