"""Describe what a study's networks learn: their targets, the loss, and the metrics, of which one decides.

A task is made once, from the study and the data, before anything trains. Nothing else knows of accuracy or
cross-entropy.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ablate.study.trial import Monitor

# "classes": whole numbers that count classes from 0; "one-hot": a 1 in the place of the class, 0 elsewhere; "tags":
# several columns of 0 and 1, any number of them set; "numbers": amounts; "none": the model makes its own loss.
TargetKind: TypeAlias = Literal["classes", "one-hot", "tags", "numbers", "none"]
Goal: TypeAlias = Literal["maximize", "minimize"]
LOSS = "loss"  # the metric that every task records


@dataclass(frozen=True, slots=True)
class Target:
    """What a network predicts for each example, as the data hold it; for one of its outputs, if it has several."""

    kind: TargetKind
    shape: tuple[int, ...] = ()  # of one example's target; () for a class, (3,) for three tags, (64, 64) for a mask
    n_classes: int = 0  # of "classes", "one-hot" and "tags"; 0 otherwise
    names: tuple[str, ...] = ()  # of the classes, tags or numbers, if the data name them
    is_column: bool = False  # the data hold its single numbers, or 0 and 1, as (n, 1): so a model's own code takes them

    @property
    def is_binary(self) -> bool:
        """Whether there are two classes, 0 and 1."""
        return self.kind == "classes" and self.n_classes == 2

    @property
    def is_dense(self) -> bool:
        """Whether each example has many targets: a class for every pixel or step, a series of numbers."""
        return len(self.shape) > (0 if self.kind == "classes" else 1)

    @property
    def n_outputs(self) -> int:
        """Numbers that a network returns for a target: one per class, tag or amount."""
        if self.kind in ("classes", "one-hot", "tags"):
            return self.n_classes
        return self.shape[-1] if self.shape else 1

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of a network's output for one example."""
        return (*self.shape, self.n_classes) if self.kind == "classes" else self.shape or (1,)


@dataclass(frozen=True, slots=True)
class TaskMetric:
    """A recorded metric; its values stand in the columns train_NAME, val_NAME and test_NAME."""

    name: str  # as a column has it: "accuracy", "pr_auc", "recall_at_precision_0_9"
    goal: Goal
    unit: str = ""  # "points": fractions, shown times 100; "nats"; otherwise that of the values
    guess: float = math.nan  # value of the best constant prediction, from training targets; NaN: unknown
    spec: str = ""  # as the study names it: "recall_at_precision(0.9)", "my.py:f"; "": its name

    @property
    def scale(self) -> float:
        """From the recorded to the shown value."""
        return 100.0 if self.unit == "points" else 1.0

    @property
    def sign(self) -> int:
        """Factor that makes higher values better."""
        return 1 if self.goal == "maximize" else -1

    @property
    def guess_score(self) -> float:
        """The score of guessing, higher is better; NaN: unknown."""
        return self.sign * self.guess


@dataclass(frozen=True, slots=True)
class Task:
    """What the networks of a study learn, and how they are judged."""

    targets: Mapping[str, Target]  # by output; "" for the only one
    metrics: tuple[TaskMetric, ...]  # the loss is the last
    decides: str  # name of the metric on which variants are compared
    losses: Mapping[str, str] = field(default_factory=dict)  # by output: Keras' name or "my.py:f"; {}: the model's own
    margin: float | None = None  # smallest difference that matters, in recorded values; None: none is stated
    margin_share: float | None = None  # or as a share of the reference's mean

    @property
    def metric(self) -> TaskMetric:
        """The metric that decides."""
        return self.metric_of(self.decides)

    @property
    def monitor(self) -> Monitor:
        """The validation metric that early stopping watches."""
        return Monitor(f"val_{self.decides}", self.metric.sign)

    @property
    def target(self) -> Target:
        """The target, or the first of several."""
        return next(iter(self.targets.values()))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the metrics, in the order of their columns."""
        return tuple(metric.name for metric in self.metrics)

    def metric_of(self, name: str) -> TaskMetric:
        """The metric of that name, which the task has."""
        return next(metric for metric in self.metrics if metric.name == name)


def classification(monitor: str, n_classes: int) -> Task:
    """The task of studies of older versions: one of `n_classes` classes, judged by accuracy or cross-entropy.

    Guessing is that on balanced classes; unknown for 0 classes.
    """
    by_loss = monitor == "val_loss"
    accuracy = TaskMetric("accuracy", "maximize", "points", 1 / n_classes if n_classes else math.nan)
    loss = TaskMetric(LOSS, "minimize", "nats", math.log(n_classes) if n_classes else math.nan)
    return Task({"": Target("classes", n_classes=n_classes)}, (accuracy, loss), LOSS if by_loss else "accuracy")
