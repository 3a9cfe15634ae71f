"""What provenance.json says of a study or a table: every key, with its type, declared once for writer and readers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from ablate.storage.files.json_file import Count, Scale, Size, Within, read_json, to_plain, to_record
from ablate.study.cautions import CautionKind
from ablate.study.trial import Level, Mode

NAME = Path("provenance.json")
MOST_LOOKS = 100
# Keys that stand in the file, as null, also where there is none of it; whatever else is None is left out.
_ALSO_NONE = ("stack", "git", "margin", "tune", "frozen")


@dataclass(frozen=True, slots=True)
class HardwareFacts:
    """The machine, as `ablate.system.hardware` has it."""

    machine: str | None = None
    cpu: str | None = None
    cores: Count | None = None  # that the process may use
    memory_gb: Size | None = None
    gpus: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class GitFacts:
    """The checkout that the study was started from."""

    commit: str | None = None
    dirty: bool | None = None  # whether it had changes


@dataclass(frozen=True, slots=True)
class DataFacts:
    """The data set that trials were trained on."""

    name: str | None = None
    fingerprint: str | None = None  # of arrays and splits
    stand_in: bool | None = None  # drawn by this package, since the real set could not be had
    source: str | None = None  # where the arrays are from
    n_train: Count | None = None
    n_validation: Count | None = None
    n_test: Count | None = None
    n_classes: Count | None = None
    shape: Sequence[Count] | None = None  # of an example
    scaling: str | None = None
    pretraining: str | None = None  # the task on which networks were trained before, in words


@dataclass(frozen=True, slots=True)
class MetricFacts:
    """The score of a table that another tool made."""

    name: str
    direction: str | None = None  # "maximize" or "minimize"
    unit: str | None = None
    scale: Scale | None = None  # from the table's unit to the one that people are shown
    margin: Size | None = None  # in the table's unit


@dataclass(frozen=True, slots=True)
class PreregistrationFacts:
    """What was declared before the test set was read."""

    digest: str | None = None
    at: str | None = None  # ISO time
    contrasts: Count | None = None
    cells: Count | None = None
    unfrozen: Count | None = None  # rows with a test score that was not read under this freeze


@dataclass(frozen=True, slots=True)
class TuningFacts:
    """How learning rates were tuned, and what came of it."""

    points: Count | None = None  # of each grid at its start
    rates: Sequence[Mapping[str, Any]] | None = None  # as `TunedRate.to_json` makes them; Any: JSON
    extended: Sequence[str] | None = None  # variants whose grid grew
    at_edge: Sequence[str] | None = None  # variants whose best rate is an end of the grid all the same


@dataclass(frozen=True, slots=True)
class ReuseFacts:
    """How many rows are results of other studies, and of which."""

    rows: Count | None = None
    from_: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is known of results besides the tables: None where it is not recorded, as in files of older versions.

    The running half writes it for a study, `ablate analyze` for a table of another tool, with the keys that it knows.
    """

    study: str | None = None  # under which name results are kept
    title: str | None = None
    started: str | None = None  # ISO time
    ended: str | None = None
    command: str | None = None  # as typed
    ablate_version: str | None = None
    versions: Mapping[str, str] | None = None  # of Python and the libraries
    hardware: HardwareFacts | None = None
    workers: Count | None = None
    threads: Count | None = None  # of each worker
    stack: Count | None = None  # trials in one program, as asked for; None: as many as suited the device
    seed: Count | None = None  # of the study
    git: GitFacts | None = None  # None: the study ran outside of a checkout
    package_in_checkout: bool | None = None  # whether the checkout is this package's own source
    data: DataFacts | None = None
    model: Mapping[str, Level] | None = None  # "name", and "code": the digest of the user's code, or ""
    sampler: str | None = None  # of the search
    monitor: Literal["val_accuracy", "val_loss"] | None = None  # what early stopping watched
    margin: Size | None = None  # the smallest difference that matters, as stated
    reference: Mapping[str, Level] | None = None  # the configuration that variants are compared with
    reference_kind: str | None = None  # "baseline", "best" or "both"
    designs: Sequence[str] | None = None
    factorial: Sequence[str] | None = None  # factors that are crossed
    recipes: Mapping[str, Mapping[str, Level]] | None = None  # name -> levels that are set together
    conditions: Mapping[str, Mapping[str, Sequence[Level]]] | None = None  # factor -> when it counts
    modes: Sequence[Mode] | None = None  # where the comparisons' learning rates come from
    tune: TuningFacts | None = None  # None: nothing was tuned
    seeds: Count | Literal["auto"] | None = None  # of each comparison
    max_seeds: Count | None = None  # of "auto"
    looks: Sequence[Annotated[int, Within(1, 10**6)]] | None = None  # seeds at each look of a sequential design
    epochs: Count | None = None  # at most
    batch_size: Count | None = None
    patience: Count | None = None  # epochs without a better value before stopping
    frozen: PreregistrationFacts | None = None  # None: the test set was not read
    reused: ReuseFacts | None = None
    tracking_uri: str | None = None  # without a password
    experiment: str | None = None
    parent_run_id: str | None = None
    time: Mapping[str, Size] | None = None  # seconds of wall time by part, "total" among them
    complete: bool | None = None  # whether every trial ended
    interrupted: bool | None = None
    gave_up: str | None = None  # why the study ended early, where trials failed alike; "": it did not
    changes: Sequence[str] | None = None  # of study, code and versions after the first trial
    quick: bool | None = None  # cut down for a try
    notes: Sequence[str] | None = None  # what a person should know of the comparisons
    cautions: Mapping[CautionKind, Sequence[str]] | None = None  # kinds that were looked for -> what was seen
    remarks: Mapping[CautionKind, str] | None = None  # to be said where nothing was seen
    # Of a table that `ablate analyze` read:
    foreign: bool | None = None  # made by another tool
    source: str | None = None  # file, experiment or storage
    source_id: str | None = None  # digest of where it is from
    read_as: str | None = None  # the columns' roles, in a sentence
    metric: MetricFacts | None = None
    factors: Sequence[str] | None = None
    drawn: Sequence[str] | None = None  # factors of which hardly a value comes twice
    alone: Sequence[str] | None = None  # factors in which most configurations have a value of their own
    together: Sequence[Sequence[str]] | None = None  # pairs of factors that always change together
    reference_asked: str | None = None
    target: Mapping[str, Level] | None = None  # the other end of paths through a factorial
    seed_column: str | None = None  # "" where the table has none

    def __post_init__(self) -> None:
        looks = self.looks or ()
        if len(looks) > MOST_LOOKS or any(later <= earlier for earlier, later in pairwise(looks)):
            raise ValueError(f"looks: must grow, and be {MOST_LOOKS} at most, got {list(looks)[:5]}")

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """The content of provenance.json."""
        named = to_plain(self)
        return {name: named.get(name) for name in self.__slots__ if name in named or name in _ALSO_NONE}

    def to_text(self) -> str:
        """The same as text."""
        return json.dumps(self.to_json(), indent=2, ensure_ascii=False)

    @classmethod
    def from_json(cls, found: Any, *, place: Path = NAME) -> "Provenance":  # Any: JSON
        """From the content of the file `place`; keys of a newer version are passed over.

        Raises `DataError` at the first key whose value is of another kind.
        """
        return to_record(found, cls, place=place)


def read_provenance(path: Path) -> Provenance:
    """From the file; all None without it. Raises `DataError` where it is broken."""
    return Provenance.from_json(read_json(path, otherwise={}), place=path)
