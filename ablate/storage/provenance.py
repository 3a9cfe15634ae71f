"""The content of provenance.json, for a study or an imported table: every key and its type, for writer and readers."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from ablate.storage.files.json_file import Count, Scale, Size, Within, read_json, to_plain, to_record
from ablate.study.cautions import CautionKind
from ablate.study.task import Task, TaskMetric
from ablate.study.trial import Level, Mode

NAME = Path("provenance.json")
MOST_LOOKS = 100
MOST_OBJECTIVES = 3
# Keys that are written as null if they are None; all other keys that are None are left out.
_ALSO_NONE = ("stack", "git", "margin", "tune", "frozen")


@dataclass(frozen=True, slots=True)
class HardwareFacts:
    """The machine, as `ablate.system.hardware` describes it."""

    machine: str | None = None
    cpu: str | None = None
    cores: Count | None = None  # processors that the process may use
    memory_gb: Size | None = None
    gpus: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """A machine of a cluster that trained."""

    host: str | None = None
    cpu: str | None = None
    cores: Count | None = None
    memory_gb: Size | None = None
    gpus: Sequence[str] | None = None
    workers: Count | None = None  # that it had room for


@dataclass(frozen=True, slots=True)
class GitFacts:
    """The checkout that the study was started from."""

    commit: str | None = None
    dirty: bool | None = None  # whether it had changes


@dataclass(frozen=True, slots=True)
class DataFacts:
    """The data set on which trials were trained."""

    name: str | None = None
    fingerprint: str | None = None  # fingerprint of arrays and splits
    stand_in: bool | None = None  # synthetic, since the real data set was not available
    source: str | None = None  # source of the arrays
    n_train: Count | None = None
    n_validation: Count | None = None
    n_test: Count | None = None
    n_classes: Count | None = None
    shape: Sequence[Count] | None = None  # shape of an example; None with several inputs
    inputs: Mapping[str, Sequence[Count]] | None = None  # shapes of several inputs
    weights: Literal["classes", "examples", "both"] | None = None  # what counts by weight in the loss; None: nothing
    scaling: str | None = None
    pretraining: str | None = None  # the pretraining task, in words
    placement: str | None = None  # why examples are streamed from disk, in words; None: they are not


@dataclass(frozen=True, slots=True)
class MetricFacts:
    """The score of an imported table."""

    name: str
    direction: str | None = None  # "maximize" or "minimize"
    unit: str | None = None
    scale: Scale | None = None  # factor from the table's unit to the displayed unit
    margin: Size | None = None  # in the table's unit
    chance: Annotated[float, Within(-1e100, 1e100)] | None = (
        None  # score of guessing in the table's unit, with its sign turned if lower is better
    )


@dataclass(frozen=True, slots=True)
class TaskMetricFacts:
    """A metric that a study recorded, in the columns train_NAME, val_NAME and test_NAME."""

    name: str
    goal: Literal["maximize", "minimize"]
    unit: str = ""  # "points": fractions, shown times 100
    guess: Annotated[float, Within(-1e100, 1e100)] | None = None  # its value of the best constant prediction

    @classmethod
    def of(cls, metric: TaskMetric) -> "TaskMetricFacts":
        """A metric in JSON types."""
        return cls(metric.name, metric.goal, metric.unit, metric.guess if math.isfinite(metric.guess) else None)


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """What the networks of a study learned, and how they were judged."""

    decides: str  # the name of the metric on which variants are compared
    metrics: Sequence[TaskMetricFacts]
    losses: Mapping[str, str] | None = None  # by output; {}: the model's own
    kind: str | None = None  # of the targets, as `ablate.study.task.TargetKind`; of several outputs the first
    names: Sequence[str] | None = None  # of classes, tags or numbers, if the data name them
    margin: Size | None = None  # the smallest difference that matters, in recorded values
    margin_share: Size | None = None  # or as a share of the reference's mean

    @classmethod
    def of(cls, task: Task) -> "TaskFacts":
        """A task in JSON types."""
        return cls(
            decides=task.decides,
            metrics=[TaskMetricFacts.of(metric) for metric in task.metrics],
            losses=dict(task.losses),
            kind=task.target.kind if task.targets else None,
            names=list(task.target.names) if task.targets else None,
            margin=task.margin,
            margin_share=task.margin_share,
        )


@dataclass(frozen=True, slots=True)
class PruningFacts:
    """How a search stopped trials early."""

    pruner: str
    rungs: Sequence[Count] = ()  # of "asha": the epochs after which trials were compared
    reduction_factor: Count | None = None  # of "asha"


@dataclass(frozen=True, slots=True)
class FrontFacts:
    """The objectives of a search that has several, and which of its trials counts as the best."""

    objectives: Sequence[str]  # names, the metric that decides first
    tolerance: Size | None = None  # what the best may give up of the first objective, in recorded values
    chosen: str | None = None  # the trial that counts as the best; None: none finished

    def __post_init__(self) -> None:
        names = self.objectives
        if not 2 <= len(set(names)) == len(names) <= MOST_OBJECTIVES:
            raise ValueError(f"front: objectives: must be two or three different names, got {list(names)[:5]}")


@dataclass(frozen=True, slots=True)
class EarlierFacts:
    """An earlier preregistration; `scores`: the test scores of this study that were first read under it."""

    study: str | None = None  # None: no longer known
    at: str | None = None  # ISO time
    scores: Count | None = None


@dataclass(frozen=True, slots=True)
class PreregistrationFacts:
    """The preregistration, in short."""

    digest: str | None = None
    at: str | None = None  # ISO time
    contrasts: Count | None = None
    cells: Count | None = None
    unfrozen: Count | None = None  # rows with a test score that was not read under this preregistration
    level: Annotated[float, Within(0, 1, is_open=True)] | None = None  # at which the comparisons are judged
    earlier: Sequence[EarlierFacts] | None = None  # those before it that share a comparison, the oldest first
    among: Count | None = None  # comparisons from which these were chosen after scores were read; None: all of them
    scores: Count | None = None  # different test scores behind the table; None: their readings were not recorded
    read_before: Sequence[EarlierFacts] | None = None  # where scores had been read before this preregistration
    undated: Count | None = None  # scores of which no reading is recorded, as in journals of older versions


@dataclass(frozen=True, slots=True)
class TuningFacts:
    """How learning rates were tuned, and the results."""

    points: Count | None = None  # points of each grid at its start
    rates: Sequence[Mapping[str, Any]] | None = None  # as `TunedRate.to_json` makes them; Any: JSON
    extended: Sequence[str] | None = None  # variants whose grid grew
    at_edge: Sequence[str] | None = None  # variants whose best rate is still at an end of the grid


@dataclass(frozen=True, slots=True)
class ReuseFacts:
    """The number of rows that reuse results of other studies, and from which."""

    rows: Count | None = None
    from_: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Everything known about results besides the tables: None if not recorded, as in files of older versions.

    A running study writes it, and so does `ablate analyze` for an imported table, with the keys that it knows.
    """

    study: str | None = None  # name under which results are kept
    title: str | None = None
    started: str | None = None  # ISO time
    ended: str | None = None
    command: str | None = None  # the command as typed
    ablate_version: str | None = None
    versions: Mapping[str, str] | None = None  # versions of Python and the libraries
    backend: str | None = None  # of Keras, which trained the networks
    hardware: HardwareFacts | None = None
    nodes: Sequence[NodeFacts] | None = None  # machines of the cluster; `hardware` is that of the first
    mixed: bool | None = None  # whether machines were taken in whose numbers may differ from the others'
    workers: Count | None = None
    threads: Count | None = None  # threads of each worker
    stack: Count | None = None  # requested trials per program; None: as many as suited the device
    seed: Count | None = None  # seed of the study
    git: GitFacts | None = None  # None: the study ran outside of a checkout
    package_in_checkout: bool | None = None  # whether the checkout is the source of this package
    data: DataFacts | None = None
    data_sets: Sequence[DataFacts] | None = None  # of a study on several data sets, in order; `data` is the first
    part_of: str | None = None  # the study on several data sets of which this one has one
    parts: Sequence[str] | None = None  # the studies on one data set of which this one consists, in order
    model: Mapping[str, Level] | None = None  # "name", and "code": the digest of the user's code, or ""
    sampler: str | None = None  # of the search
    pruning: PruningFacts | None = None  # None: no search, or nothing is recorded
    front: FrontFacts | None = None  # None: the search had one objective
    monitor: str | None = None  # the validation metric that early stopping watched
    task: TaskFacts | None = None  # None: as in files of older versions, classes judged by accuracy or cross-entropy
    margin: Size | None = None  # the smallest difference that matters, as stated
    reference: Mapping[str, Level] | None = None  # the configuration that variants are compared with
    reference_kind: str | None = None  # "baseline", "best" or "both"
    designs: Sequence[str] | None = None
    factorial: Sequence[str] | None = None  # crossed factors
    recipes: Mapping[str, Mapping[str, Level]] | None = None  # name -> levels that are changed together
    conditions: Mapping[str, Mapping[str, Sequence[Level]]] | None = None  # factor -> when it is active
    modes: Sequence[Mode] | None = None  # where the comparisons' learning rates come from
    tune: TuningFacts | None = None  # None: nothing was tuned
    seeds: Count | Literal["auto"] | None = None  # seeds per comparison
    max_seeds: Count | None = None  # limit of "auto"
    looks: Sequence[Annotated[int, Within(1, 10**6)]] | None = None  # seeds at each look of a sequential design
    epochs: Count | None = None  # at most
    batch_size: Count | None = None
    patience: Count | None = None  # epochs without a better value before stopping
    frozen: PreregistrationFacts | None = None  # None: the test set was not read
    reused: ReuseFacts | None = None
    tracking_uri: str | None = None  # address without a password
    experiment: str | None = None
    parent_run_id: str | None = None
    time: Mapping[str, Size] | None = None  # seconds of wall time by part, "total" among them
    handed_over: Sequence[str] | None = None  # functions that a script held in memory: no file has them
    complete: bool | None = None  # whether every trial ended
    interrupted: bool | None = None
    gave_up: str | None = None  # why the study ended early, if trials kept failing in the same way; "" otherwise
    discarded: Mapping[str, Count] | None = None  # metrics of the test set that runs reported too early, runs of each
    changes: Sequence[str] | None = None  # of study, code and versions after the first trial
    quick: bool | None = None  # reduced for a smoke test
    notes: Sequence[str] | None = None  # notices about the comparisons
    cautions: Mapping[CautionKind, Sequence[str]] | None = None  # kinds of problems that were checked -> findings
    remarks: Mapping[CautionKind, str] | None = None  # text for kinds without a finding
    # Of a table that `ablate analyze` read:
    foreign: bool | None = None  # produced by another tool
    source: str | None = None  # file, experiment or storage
    source_id: str | None = None  # digest of the source
    read_as: str | None = None  # the columns' roles, in a sentence
    metric: MetricFacts | None = None
    factors: Sequence[str] | None = None
    drawn: Sequence[str] | None = None  # factors whose values hardly ever repeat
    alone: Sequence[str] | None = None  # factors in which most configurations have a unique value
    together: Sequence[Sequence[str]] | None = None  # pairs of factors that always change together
    aliased: Sequence[str] | None = None  # sentences on factors that others decide
    confounded: Sequence[str] | None = None  # sentences on columns for which comparisons were not formed
    ignored: Sequence[str] | None = None  # sentences on columns that differ, and that the user called harmless
    looked_at: Sequence[str] | None = None  # columns besides the factors that were compared between the sides
    not_looked_at: Sequence[str] | None = None  # varying columns that were not compared
    separating: Sequence[str] | None = None  # sentences on those whose values both sides do not share
    also_varies: Sequence[str] | None = None  # settings over which the comparisons average
    reference_asked: str | None = None
    target: Mapping[str, Level] | None = None  # the cell of a factorial with the best mean score of all seeds
    target_stated: Mapping[str, Level] | None = None  # its levels that the user gave; scores choose the others
    seed_column: str | None = None  # "" if the table has none
    block: str | None = None  # the column of data sets on each of which effects are estimated
    overlap: Size | None = None  # test examples per training example of overlapping folds; None: replicates share none

    def __post_init__(self) -> None:
        looks = self.looks or ()
        if len(looks) > MOST_LOOKS or any(later <= earlier for earlier, later in pairwise(looks)):
            raise ValueError(f"looks: must grow, and be {MOST_LOOKS} at most, got {list(looks)[:5]}")
        if outside := [part for part in self.parts or () if Path(part).name != part or part in ("", "..")]:
            raise ValueError(f"parts: must be names of folders, got {outside[0][:60]!r}")

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """The content of provenance.json."""
        named = to_plain(self)
        return {name: named.get(name) for name in self.__slots__ if name in named or name in _ALSO_NONE}

    def to_text(self) -> str:
        """The content of provenance.json as text."""
        return json.dumps(self.to_json(), indent=2, ensure_ascii=False)

    @classmethod
    def from_json(cls, found: Any, *, place: Path = NAME) -> "Provenance":  # Any: JSON
        """Read the content of the file `place`; keys of a newer version are ignored.

        Raises `DataError` at the first key whose value has the wrong type.
        """
        return to_record(found, cls, place=place)


def read_provenance(path: Path) -> Provenance:
    """Read the file; without it, every field is None. Raises `DataError` if it is broken."""
    return Provenance.from_json(read_json(path, otherwise={}), place=path)
