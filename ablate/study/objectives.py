"""The objectives of a search that has several: a metric that decides, further metrics, and costs of a trial."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from ablate.errors import StudyError, known_names
from ablate.study.metrics import find_metric
from ablate.study.read_task import Fault, decided_by, function_name
from ablate.study.settings import MetricTable, Search, StudySettings, Training
from ablate.study.task import LOSS, Goal, Task, TaskMetric
from ablate.study.tree import shown
from ablate.study.trial import Epoch, Outcome

PARAMETERS, SECONDS = "parameters", "seconds"
COSTS = (PARAMETERS, SECONDS)
MOST = 3
LEAST_PARENTS, MOST_PARENTS = 8, 50  # trials of a generation; 50 is Optuna's own number
_KEY = ("search", "objectives")


@dataclass(frozen=True, slots=True)
class SearchObjective:
    """One objective of a search. The costs are the number of parameters, and the median seconds of an epoch."""

    name: str  # as a column has it: "accuracy", "parameters", "seconds"
    goal: Goal
    unit: str = ""  # as in `TaskMetric`

    @property
    def sign(self) -> int:
        """Factor that makes higher values better."""
        return 1 if self.goal == "maximize" else -1

    @property
    def is_cost(self) -> bool:
        """Whether it is a cost of training, not a metric."""
        return self.name in COSTS


def cost(name: str) -> SearchObjective:
    """The objective "parameters" or "seconds"."""
    return SearchObjective(name, "minimize", "s" if name == SECONDS else "")


def objectives_of(study: StudySettings, task: Task) -> tuple[SearchObjective, ...]:
    """The objectives of a study's search on its data, the metric that decides first; () if it has only that one.

    Raises `StudyError` for a name that the task does not record, or if another metric decides.
    """

    def fault(key: Sequence[str], rule: str, *, hint: str = "") -> StudyError:
        return StudyError(f"{study.source}: {'.'.join(key)}: {rule}" + (f"\n  {hint}" if hint else ""))

    names = study.search.objectives or ()
    if names and not _is(names[0], task.metric):
        raise _not_deciding(names[0], task.decides, fault)
    found = tuple(cost(name) if name in COSTS else _metric(name, task, fault) for name in names)
    _check_distinct([objective.name for objective in found], names, fault)
    return found


def read_objectives(search: Search, metric: MetricTable, training: Training, fault: Fault) -> Search:
    """The table [search], with all that the tables alone tell about its objectives checked.

    With several objectives nothing is pruned; a stated pruner is refused. Raises `StudyError`.
    """
    names = search.objectives
    if names and training.keep == "best":
        rule = '"best" is not known before the end of a search with several objectives'
        raise fault(("training", "keep"), rule, hint='write keep = "all", or export the chosen trial afterwards')
    if names is None:
        _check_alone(search, fault)
        return search
    if not 2 <= len(names) <= MOST:
        hint = "for one objective remove it: the search then looks for the best score" if len(names) == 1 else ""
        raise fault(_KEY, f"must be a list of two or three names, got {shown(list(names))}", hint=hint)
    _check_distinct([_plain(name) for name in names], names, fault)
    decides = decided_by(metric, training, fault)
    _check_first(names[0], decides, fault)
    recorded = [decides or names[0], *(metric.also or ()), LOSS]
    for name in names:
        if name not in COSTS and _plain(name) not in map(_plain, recorded):
            raise _unknown(name, [*recorded, *COSTS], fault)
    return _unpruned(search, fault)


def generation_size(search: Search) -> int:
    """Trials of a generation of NSGA-II: 8, or √trials if that is more; of 24 trials Optuna's 50 makes random draws."""
    return max(LEAST_PARENTS, search.trials_per_round, min(MOST_PARENTS, round(math.sqrt(search.trials))))


def measured(
    objectives: Sequence[SearchObjective], outcome: Outcome, epochs: Sequence[Epoch], *, sign: int
) -> Mapping[str, float]:
    """The value of each objective of a trial, by name, as recorded; what it lacks is left out.

    `sign` is that of the metric that decides, the first objective; `epochs` are those behind the outcome, of the first
    trial if it is a repeat. A trial without epochs has no seconds.
    """
    found: dict[str, float | None] = {}
    for place, objective in enumerate(objectives):
        match objective.name:
            case _ if place == 0:
                found[objective.name] = None if outcome.score is None else sign * outcome.score
            case "parameters":
                found[objective.name] = outcome.parameters
            case "seconds":
                found[objective.name] = epoch_seconds(epochs)
            case name:
                found[objective.name] = outcome.metrics.get(f"val_{name}")
    return {name: float(value) for name, value in found.items() if value is not None and math.isfinite(value)}


def epoch_seconds(epochs: Sequence[Epoch]) -> float | None:
    """The median seconds of an epoch, so that neither a compilation nor a pause of the machine counts; None without."""
    return median(epoch.seconds for epoch in epochs) if epochs else None


def _check_alone(search: Search, fault: Fault) -> None:
    """Refuse the settings that only a search of several objectives has."""
    hint = 'e.g. objectives = ["accuracy", "parameters"], the metric that decides first'
    if search.sampler == "nsga2":
        raise fault(("search", "sampler"), '"nsga2" needs several objectives', hint=f'{hint}; or sampler = "tpe"')
    if search.tolerance is not None:
        raise fault(
            ("search", "tolerance"), "has no effect without search.objectives", hint=f"remove it, or add {hint}"
        )


def _check_first(name: str, decides: str | None, fault: Fault) -> None:
    if name in COSTS:
        rule = f"the first objective must be the metric that decides, got {shown(name)}"
        raise fault(_KEY, rule, hint=f"e.g. objectives = [{shown(decides or 'accuracy')}, {shown(name)}]")
    if decides is not None and _plain(name) != _plain(decides):
        raise _not_deciding(name, decides, fault)


def _unpruned(search: Search, fault: Fault) -> Search:
    if search.pruner == "none":
        return search
    if "pruner" in search.model_fields_set:
        rule = f"is {shown(search.pruner)}, but pruning compares trials by one objective, and search.objectives has "
        hint = 'remove pruner, or write pruner = "none"'
        raise fault(("search", "pruner"), f"{rule}{len(search.objectives or ())}", hint=hint)
    return search.model_copy(update={"pruner": "none"})


def _metric(name: str, task: Task, fault: Fault) -> SearchObjective:
    for metric in task.metrics:
        if _is(name, metric):
            return SearchObjective(metric.name, metric.goal, metric.unit)
    raise _unknown(name, [*task.names, *COSTS], fault)


def _is(name: str, metric: TaskMetric) -> bool:
    """Whether a study means this metric by the name."""
    return name in (metric.name, metric.spec) or _plain(name) in (_plain(metric.name), _plain(metric.spec))


def _unknown(name: str, known: Sequence[str], fault: Fault) -> StudyError:
    hint = f"{known_names(name, list(dict.fromkeys(known)))}\n  or record a metric: also = [{shown(name)}] in [metric]"
    return fault(_KEY, f"unknown objective {shown(name)}", hint=hint)


def _not_deciding(name: str, decides: str, fault: Fault) -> StudyError:
    rule = f"the first objective must be the metric that decides, {decides}, got {shown(name)}"
    return fault(_KEY, rule, hint=f"write {decides} first, or set metric.name = {shown(name)}")


def _plain(name: str) -> str:
    """One spelling of a metric's name: "acc" and "accuracy" are the same metric."""
    try:
        found = find_metric(name)
    except ValueError:
        return name
    return found.name if found else function_name(name) or name


def _check_distinct(plain: Sequence[str], names: Sequence[str], fault: Fault) -> None:
    if len(set(plain)) < len(plain):
        raise fault(_KEY, f"each objective may appear only once, got {shown(list(names))}")
