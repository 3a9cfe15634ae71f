"""Describe a run of a study: the facts fixed when it begins, and how it ended."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ablate.data import Dataset, SplitSizes, split_settings, split_sizes
from ablate.data.tasks import data_task
from ablate.storage.conditions import Conditions, of_workers
from ablate.storage.files.json_file import to_plain
from ablate.storage.preregistration import Preregistration
from ablate.storage.provenance import DataFacts, EarlierFacts, FrontFacts, NodeFacts, TaskFacts, TuningFacts
from ablate.study.cautions import Cautions, Remarks
from ablate.study.data_table import BALANCED
from ablate.study.objectives import SearchObjective, objectives_of
from ablate.study.settings import StudySettings
from ablate.study.task import Task
from ablate.study.trial import Factors


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts that are fixed when a run of a study begins."""

    study: StudySettings
    data: Dataset
    label: str
    command: str
    workers: int
    threads: int  # per worker
    tracking_uri: str
    started: str  # ISO time
    stack: int | None = None  # requested trials per program; None: as many as suit the device
    cautions: Cautions = field(default_factory=dict)  # what the data show
    remarks: Remarks = field(default_factory=dict)
    placement: str = ""  # on examples that are streamed from disk
    elsewhere: Conditions | None = None  # of the machines of a cluster; None: the study runs on this machine
    nodes: Sequence[NodeFacts] = ()  # these machines
    mixed: bool = False  # whether some of them may give other numbers than the others

    def sizes(self) -> SplitSizes:
        """Numbers of examples in each split; zeros where the trials bring their own data."""
        if not self.study.data.name:
            return SplitSizes(0, 0, 0)
        return split_sizes(self.data, self.study.data)

    @property
    def task(self) -> Task:
        """What the networks learn, and how they are judged."""
        return data_task(self.study, self.data)

    @property
    def objectives(self) -> tuple[SearchObjective, ...]:
        """The objectives of the search if it has several; ()."""
        return objectives_of(self.study, self.task) if self.study.search.objectives else ()

    def n_train(self) -> int:
        """Examples in the training split."""
        return self.sizes().n_train

    def overlap(self) -> float | None:
        """Held-out examples per training example, if each seed holds out another of several folds; None otherwise."""
        return fold_overlap(self.study)

    def split_settings(self) -> list[object]:
        """What decides the splits together with a replicate's seed, for keys."""
        settings, further = self.study.data, split_settings(self.data, self.study.data)
        decides = [self.data.digest, self.n_train(), settings.validation, settings.scaling]
        return [*decides, further] if further else decides

    def conditions(self) -> Conditions:
        """The conditions besides the specs that the numbers depend on, as they are now."""
        return self.elsewhere or of_workers(self.study, workers=self.workers, threads=self.threads)

    def fingerprint(self) -> str:
        """SHA-256 of the arrays and of the settings that decide the splits, first 16 digits."""
        settings, seed = self.study.data, self.study.seed
        text = f"{self.data.digest} {settings.validation} {settings.train} {settings.scaling} {seed}"
        if further := split_settings(self.data, settings):
            text += f" {further}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def about_data(self) -> DataFacts | None:
        """The data set as provenance, tracker and report describe it; None where the trials bring their own."""
        if not self.study.data.name:
            return None
        sizes = self.sizes()
        return DataFacts(
            name=self.data.name,
            fingerprint=self.fingerprint(),
            stand_in=self.data.stand_in,
            source=self.data.source,
            n_train=sizes.n_train,
            n_validation=sizes.n_validation,
            n_test=sizes.n_test,
            n_classes=self.data.n_classes,
            shape=None if isinstance(self.data.x_train, Mapping) else list(self.data.x_train.shape[1:]),
            inputs={name: list(array.shape[1:]) for name, array in self.data.x_train.items()}
            if isinstance(self.data.x_train, Mapping)
            else None,
            weights=self._weights(),
            scaling=self.study.data.scaling,
            pretraining=self._pretraining(),
            placement=self.placement or None,
        )

    def data_as_json(self) -> dict[str, Any]:  # Any: JSON
        """`about_data` as a JSON table; empty without data."""
        about = self.about_data()
        return to_plain(about) if about is not None else {}

    def about_task(self) -> TaskFacts:
        """The task as provenance and report describe it."""
        return TaskFacts.of(self.task)

    def _weights(self) -> Literal["classes", "examples", "both"] | None:
        is_balanced = self.study.data.weights == BALANCED
        if self.data.weights_train is None:
            return "classes" if is_balanced else None
        return "both" if is_balanced else "examples"

    def _pretraining(self) -> str | None:
        """The pretraining task, if there is one."""
        before = self.study.transfer
        if before is None or self.data.pretraining is None:
            return None
        classes = ", ".join(map(str, before.classes))
        n_train = _at_most(before.train, len(self.data.pretraining.y_train) - before.validation)
        return f"classes {classes} · {n_train:,} train · {before.validation:,} validation"


def _at_most(n: int | None, there: int) -> int:
    return there if n is None else min(n, there)


def fold_overlap(study: StudySettings) -> float | None:
    """Held-out examples per training example, if each seed holds out another of several folds; None otherwise."""
    folds = study.data.folds
    return 1 / (folds - 1) if folds is not None and study.data.validation == "folds" else None


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run of a study ended."""

    ended: str  # ISO time
    reference: Factors
    complete: bool
    interrupted: bool
    seconds: Mapping[str, float]  # seconds of wall time by part, "total" among them
    gave_up: str = ""  # why the run ended early, if trials kept failing in the same way
    front: FrontFacts | None = None  # of a search with several objectives
    compared: bool = True  # whether the run came to the comparisons: False with --only search
    changes: Sequence[str] = ()  # changes of study, model file and versions after the first trial
    frozen: Preregistration | None = None  # the preregistration; None if the test set was not read
    origins: Mapping[str, EarlierFacts] = field(default_factory=dict)  # known preregistrations, by their digest
    looks: Sequence[int] = ()  # seeds at each look of a sequential design
    tune: TuningFacts | None = None  # how learning rates were tuned, and the results; None: none were tuned
