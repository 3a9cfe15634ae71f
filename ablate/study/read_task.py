"""Make the task of a study: its losses, and its metrics, from its tables and the data's targets."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

from ablate.errors import StudyError, known_names
from ablate.study.losses import LOSSES, default_loss, find_loss, is_loss_name
from ablate.study.metrics import NATS, default_metric, find_metric, metric_names
from ablate.study.model_ref import ModelRef
from ablate.study.score_words import goal_of_name
from ablate.study.settings import Ablation, MetricTable, StudySettings, Training
from ablate.study.task import LOSS, Target, Task, TaskMetric
from ablate.study.tree import shown
from ablate.study.trial import PARTS, is_of_test
from ablate.study.user_code import may_compile

Guess: TypeAlias = Callable[..., float]  # of a name; `is_loss` for that of a loss
Fault: TypeAlias = Callable[..., StudyError]  # of a key, a rule and a hint
_FUNCTION = re.compile(r".*\.py:(?P<name>[^\W\d]\w*)")
_SHARE = re.compile(r"\s*(\d+(\.\d*)?|\.\d+)\s*%\s*")
_MONITORED = "val_"


def task_of(study: StudySettings, targets: Mapping[str, Target], guess: Guess) -> Task:
    """The task of a study on data with these targets. Raises `StudyError` if a metric or a loss does not fit them.

    `guess` gives the value of the best constant prediction for a metric, "mae" or "recall_at_precision_0_9", and for a
    loss, "mse" or "sparse_categorical_crossentropy"; with several outputs for "OUTPUT.NAME". Of a model that may come
    compiled, the loss is not known yet, and metrics keep the names that the study writes, as they may be the model's.
    """
    fault = _fault_of(study)
    if study.model.trains_itself:
        return _reported_task(study, targets, guess, fault)
    losses, compiles = _losses(study.training, targets, fault), may_compile(study.model, base=study.base)
    known = {} if compiles and study.training.loss is None else losses
    reader = _MetricReader(targets, guess, known, fault, is_users=study.model.is_users, may_compile=compiles)
    decides = decided_by(study.metric, study.training, fault)
    usual = default_metric(targets.values())
    deciding = reader.metric(decides or usual, "name", study.metric)
    named = [reader.plain(usual) if deciding.name == LOSS else deciding]
    named += [reader.metric(name, "also", MetricTable()) for name in study.metric.also or ()]
    loss = deciding if deciding.name == LOSS else reader.plain(LOSS)
    whole = _distinct([*(metric for metric in named if metric.name != LOSS), loss], fault)
    margin, share = margins(study.metric, study.ablation, fault)
    return Task(dict(targets), whole, deciding.name, losses, margin, share)


def check_judging(
    metric: MetricTable, training: Training, ablation: Ablation, fault: Fault, *, model: ModelRef
) -> None:
    """Check everything that the tables alone tell, before there are data."""
    decides = decided_by(metric, training, fault)
    margins(metric, ablation, fault)
    if model.trains_itself:
        _check_reported(metric, fault)
    reader = _MetricReader({}, _unknown, {}, fault, is_users=model.is_users, may_compile=model.is_users)
    if decides is not None:
        reader.metric(decides, "name", metric)
    for name in metric.also or ():
        reader.metric(name, "also", MetricTable())
    if training.loss is not None and not (_FUNCTION.fullmatch(training.loss) or is_loss_name(training.loss)):
        raise _unknown_loss(training.loss, fault)


def _reported_task(study: StudySettings, targets: Mapping[str, Target], guess: Guess, fault: Fault) -> Task:
    """The task of a study whose trials report their metrics: those that it names, under the names that it writes."""
    reader = _MetricReader(targets, guess, {}, fault, is_users=True, may_compile=True)
    deciding = reader.metric(study.metric.name or LOSS, "name", study.metric)
    also = [reader.metric(name, "also", MetricTable()) for name in study.metric.also or ()]
    margin, share = margins(study.metric, study.ablation, fault)
    return Task(dict(targets), _distinct([deciding, *also], fault), deciding.name, {}, margin, share)


def _check_reported(metric: MetricTable, fault: Fault) -> None:
    """The names of metrics that a function or a program reports."""
    if metric.name is None:
        hint = 'write name = "accuracy" in [metric], or another name that the trials report'
        raise fault(("metric", "name"), "is missing: the trials report their metrics by name", hint=hint)
    for key, names in (("name", (metric.name,)), ("also", metric.also or ())):
        for name in names:
            if is_of_test(name):
                rule = f"{shown(name)} is by its name a score of the test set, which decides nothing before the freeze"
                hint = "write the metric's own name; the trials report its test score as test_NAME"
                raise fault(("metric", key), rule, hint=hint)
            if part := next((part for part in PARTS if name.startswith(f"{part}_")), ""):
                rule = f"{shown(name)} names the examples that it is measured on"
                raise fault(("metric", key), rule, hint=f"write {shown(name.removeprefix(f'{part}_'))}")
            if not name.isidentifier():
                hint = "write the name under which the trials report it, of letters, digits and _"
                raise fault(("metric", key), f"{shown(name)} is no name of a metric", hint=hint)
            if goal_of_name(name) is None and not (key == "name" and metric.goal) and find_metric(name) is None:
                rule = f"the name {shown(name)} does not tell whether higher values are better"
                hint = 'write goal = "maximize" or goal = "minimize" in [metric]'
                if key == "also":
                    hint = "report it under a name that tells, such as my_loss, my_score_f1"
                raise fault(("metric", "goal" if key == "name" else key), rule, hint=hint)


def decided_by(metric: MetricTable, training: Training, fault: Fault) -> str | None:
    """The metric that [metric] or training.monitor names; None if none does. They must not contradict each other."""
    monitored = None
    if training.monitor is not None:
        monitored = training.monitor.removeprefix(_MONITORED)
        if monitored == training.monitor or not monitored:
            rule = f'must be "val_" and the name of a metric, such as "val_loss", got {shown(training.monitor)}'
            raise fault(("training", "monitor"), rule)
    if metric.name is None or monitored is None:
        return monitored if metric.name is None else metric.name
    if _canonical(metric.name, fault) != _canonical(monitored, fault):
        rule = f"is {shown(training.monitor)}, but metric.name is {shown(metric.name)}"
        raise fault(("training", "monitor"), rule, hint="remove training.monitor: the metric also stops trials early")
    return metric.name


def margins(metric: MetricTable, ablation: Ablation, fault: Fault) -> tuple[float | None, float | None]:
    """The stated margin in recorded values, or as a share of the reference's mean."""
    stated = metric.margin
    if stated is not None and ablation.margin is not None:
        rule = f"is {shown(stated)}, but ablation.margin is {shown(ablation.margin)}"
        raise fault(("metric", "margin"), rule, hint="remove ablation.margin")
    if not isinstance(stated, str):
        return (ablation.margin if stated is None else stated), None
    found = _SHARE.fullmatch(stated)
    if found is None or not 0 < float(found[1]) < 100:
        rule = f'must be a number above 0, or a share of the reference\'s mean such as "2%", got {shown(stated)}'
        raise fault(("metric", "margin"), rule)
    return None, float(found[1]) / 100


def function_name(spec: str) -> str:
    """The name of the function in "my.py:f"; "" for other names."""
    found = _FUNCTION.fullmatch(spec)
    return found["name"] if found else ""


class _MetricReader:
    """Reads names of metrics, for targets if there are any yet."""

    def __init__(
        self,
        targets: Mapping[str, Target],
        guess: Guess,
        losses: Mapping[str, str],
        fault: Fault,
        *,
        is_users: bool,
        may_compile: bool,
    ) -> None:
        self._targets, self._guess, self._losses, self._fault = targets, guess, losses, fault
        self._is_users, self._may_compile = is_users, may_compile

    def plain(self, name: str) -> TaskMetric:
        """A metric of which the study states nothing."""
        return self.metric(name, "name", MetricTable())

    def metric(self, spec: str, key: str, stated: MetricTable) -> TaskMetric:
        """The metric that a study names under a key of [metric], with its stated goal and unit."""
        if spec == LOSS:
            metric = TaskMetric(LOSS, "minimize", self._loss_unit(), self._loss_guess())
        elif function := function_name(spec):
            metric = self._of_name(function, spec, key, stated)
        elif ":" in spec:
            rule = f"unknown metric {shown(spec)}"
            raise self._fault(("metric", key), rule, hint='a function of yours is written "my.py:f"')
        else:
            metric = self._of_keras(spec, key) or self._of_name(spec, spec, key, stated)
        if stated.goal is not None and stated.goal != metric.goal:
            better = "higher" if metric.goal == "maximize" else "lower"
            rule = f"is {shown(stated.goal)}, but {better} values of {metric.name} are better"
            raise self._fault(("metric", "goal"), rule, hint="remove goal")
        return metric if stated.unit is None else replace(metric, unit=stated.unit)

    def _of_keras(self, spec: str, key: str) -> TaskMetric | None:
        """A metric that this package computes; of several outputs for one of them, "price_mae"."""
        for output, name in self._split(spec):
            try:
                found = find_metric(name)
            except ValueError as err:
                raise self._fault(("metric", key), str(err)) from err
            if found is None:
                continue
            target = self._targets.get(output)
            if target is not None and (misfit := found.misfit(target)):
                if self._may_compile:
                    continue  # the model's own of that name may well fit
                raise self._misfit(key, misfit)
            if self._may_compile and spec != f"{output}_{found.name}".strip("_"):
                return TaskMetric(_column(spec), found.known.goal, found.known.unit, spec=spec)
            column = f"{output}_{found.name}" if output else found.name
            asked = f"{output}.{found.name}" if output else found.name
            return TaskMetric(column, found.known.goal, found.known.unit, self._guess(asked), spec)
        if len(self._targets) > 1 and not self._is_users and find_metric(spec) is not None:
            each = [f"{output}_{spec}" for output in self._targets]
            rule = f"{shown(spec)} needs the name of an output, as there are {len(self._targets)}"
            raise self._fault(("metric", key), rule, hint=f"known: {', '.join(each)}")
        return None

    def _split(self, spec: str) -> Iterator[tuple[str, str]]:
        """The outputs that a name may begin with, and the rest."""
        if len(self._targets) <= 1:
            yield next(iter(self._targets), ""), spec
        if not self._targets and self._is_users and goal_of_name(spec) is None:  # the outputs are not known yet
            parts = spec.split("_")
            yield from (("_".join(parts[:n]), "_".join(parts[n:])) for n in range(1, len(parts)))
        for output in sorted(self._targets, key=len, reverse=True):
            if spec.startswith(f"{output}_"):
                yield output, spec.removeprefix(f"{output}_")

    def _of_name(self, name: str, spec: str, key: str, stated: MetricTable) -> TaskMetric:
        """A function of the user's, or a metric that the model is compiled with."""
        goal = stated.goal or goal_of_name(name)
        if name == spec and not (self._is_users and goal):
            hint = known_names(spec, metric_names())
            if self._is_users and key == "name":
                hint += '\n  or a metric that the model is compiled with: then add goal = "maximize" or "minimize"'
            elif self._is_users:
                hint += "\n  or one that the model is compiled with, under a name that tells, such as my_loss, my_f1"
            raise self._fault(("metric", key), f"unknown metric {shown(spec)}", hint=hint)
        if goal is None and key == "name":
            rule = f'is missing, and the name "{name}" does not tell whether higher values are better'
            raise self._fault(("metric", "goal"), rule, hint='write goal = "maximize" or goal = "minimize"')
        if goal is None:
            rule = f'the name "{name}" does not tell whether higher values are better'
            raise self._fault(
                ("metric", key), rule, hint="give the function a name that tells, such as my_loss, my_score_f1"
            )
        if name == LOSS:
            hint = "rename the function: the column loss is that of the training loss"
            raise self._fault(("metric", key), f"{shown(spec)} would be recorded as loss", hint=hint)
        return TaskMetric(name, goal, "", spec=spec)

    def _misfit(self, key: str, misfit: str) -> StudyError:
        rule, _, fitting = misfit.rpartition(": ")
        return self._fault(("metric", key), rule, hint=f"known for these: {fitting}")

    def _loss_unit(self) -> str:
        """Nats if the loss is a single cross-entropy."""
        known = [LOSSES.get(name) for name in self._losses.values()]
        return NATS if len(known) == 1 and known[0] is not None and known[0].is_cross_entropy else ""

    def _loss_guess(self) -> float:
        """The guess of the sum of the losses; NaN if one of them is unknown."""
        if not self._losses or any(name not in LOSSES for name in self._losses.values()):
            return math.nan
        return sum(
            self._guess(f"{output}.{name}" if output else name, is_loss=True) for output, name in self._losses.items()
        )


def _losses(training: Training, targets: Mapping[str, Target], fault: Fault) -> dict[str, str]:
    """The loss of each output: as the study names it, else by its target; {} if the model makes its own."""
    found = {}
    for output, target in targets.items():
        name = default_loss(target) if training.loss is None else _loss(training.loss, output, target, fault)
        if name:
            found[output] = name
    return found if len(found) == len(targets) else {}


def _loss(name: str, output: str, target: Target, fault: Fault) -> str:
    if target.kind == "none":
        rule = f"is {shown(name)}, but the data have no targets: the model makes its own loss"
        raise fault(("training", "loss"), rule, hint="remove loss, or give the data targets")
    if function_name(name):
        return name
    known = find_loss(name, target)
    if known is None:
        raise _unknown_loss(name, fault)
    if misfit := known.misfit(target):
        rule, _, fitting = misfit.rpartition(": ")
        of = f" (output {shown(output)})" if output else ""
        raise fault(("training", "loss"), f"{rule}{of}", hint=f"known for these: {fitting}" if fitting else "")
    return known.name


def _unknown_loss(name: str, fault: Fault) -> StudyError:
    hint = f'{known_names(name, LOSSES)}\n  or a function of yours, written "my.py:f"'
    return fault(("training", "loss"), f"unknown loss {shown(name)}", hint=hint)


def _column(spec: str) -> str:
    """The column of a metric that is recorded under the name that the study writes."""
    return re.sub(r"\W+", "_", spec).strip("_")


def _canonical(name: str, fault: Fault) -> str:
    try:
        found = find_metric(name)
    except ValueError as err:
        raise fault(("metric", "name"), str(err)) from err
    return found.name if found else function_name(name) or name


def _distinct(metrics: Iterable[TaskMetric], fault: Fault) -> tuple[TaskMetric, ...]:
    """The metrics, each once. Two that would share a column are refused."""
    by_name: dict[str, TaskMetric] = {}
    for metric in metrics:
        known = by_name.setdefault(metric.name, metric)
        if ":" in known.spec + metric.spec and known.spec != metric.spec:
            both = f"{shown(metric.spec or metric.name)} and {shown(known.spec or known.name)}"
            rule = f"{both} would share the column {metric.name}"
            raise fault(("metric", "also"), rule, hint="rename one of the functions")
    return tuple(by_name.values())


def _unknown(_: str, **__: bool) -> float:
    return math.nan


def _fault_of(study: StudySettings) -> Fault:
    def fault(key: tuple[str, ...], rule: str, *, hint: str = "") -> StudyError:
        return StudyError(f"{study.source}: {'.'.join(key)}: {rule}" + (f"\n  {hint}" if hint else ""))

    return fault
