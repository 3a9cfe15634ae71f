"""Choose how a model of a study learns: its objective, and how its inputs are prepared."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet

import keras
import numpy as np

from ablate.data import Dataset
from ablate.data.trees import ONLY, leaves, map_tree, n_examples, rows_of
from ablate.errors import StudyError, reason_of
from ablate.models.outputs import Reading
from ablate.models.shapes import input_order, output_order
from ablate.study.losses import LOSSES
from ablate.study.task import Task
from ablate.training.engine.compiled_objective import CompiledObjective
from ablate.training.engine.host_metrics import HostMetric
from ablate.training.engine.inputs import Preparation
from ablate.training.engine.metrics import metrics_of
from ablate.training.engine.objective import ClassObjective, Objective
from ablate.training.engine.targets import as_held, columns_of
from ablate.training.engine.views import OutputKind
from ablate.training.engine.weighting import check_weights

_PROBED = 16  # examples with which a compiled model's metrics are found
_CLASSIC = ("accuracy", "loss")
_OURS: "WeakSet[keras.Model]" = WeakSet()  # models that came uncompiled
_GIVEN: "WeakSet[keras.Model]" = WeakSet()  # models whose loss is the study's


@dataclass(frozen=True, slots=True)
class Learning:
    """How a model learns."""

    objective: Objective
    prepare: Preparation
    host: tuple[HostMetric, ...] = ()  # metrics computed after each evaluation
    kinds: Mapping[str, OutputKind] = field(default_factory=dict)  # of outputs whose predictions may be logits
    notes: tuple[str, ...] = ()


def learning_of(
    model: keras.Model,
    data: Dataset,
    task: Task,
    reading: Reading,
    *,
    load: Callable[[str], Callable[..., Any]],  # Any: a user's function
    samples: int = 0,
    batch_size: int = 32,
    is_weighted: bool = False,
    weighs_places: bool = False,
    loss: str | None = None,
) -> Learning:
    """How a model learns, given what its outputs are. Raises `StudyError` if it cannot.

    `load` imports the function of "my.py:f". A model that comes uncompiled is compiled with the losses of the task;
    `loss` is what the study itself says.
    """
    prepare = preparation_of(model, data, reading)
    if is_classic(model, data, task, is_weighted=is_weighted):
        return Learning(ClassObjective(model, reading.outputs, samples=samples), prepare)
    if samples:
        raise StudyError(
            "mc_samples: averages the probabilities of one class for each example, judged by accuracy and "
            "cross-entropy, but this study has another task\n  set mc_samples to 0"
        )
    names = output_order(model, data.targets) or tuple(data.targets)
    kinds = {name: kind_of(task, name, reading) for name in names}
    was_compiled = came_compiled(model)
    if was_compiled and lacks_loss(model, data, prepare):
        check_no_metrics(model)
        compile_with(model, task, names, kinds, load=load, optimizer=model.optimizer)
    elif was_compiled and loss is not None:
        raise StudyError(
            f'training.loss: the study says "{loss}", but build returns a model that is compiled with its own loss\n'
            "  remove training.loss, or model.compile"
        )
    if not was_compiled:
        compile_with(model, task, names, kinds, load=load)
        _OURS.add(model)
    targets = {name: data.targets[name] for name in names}
    example = _example(model, data, prepare, names) if was_compiled or is_weighted else None
    if is_weighted and example is not None:
        check_weights(model, targets, *example, by_place=weighs_places)
    found = metrics_of(
        task,
        kinds,
        load=load,
        model=model if was_compiled else None,
        examples=example[1:] if example is not None and was_compiled else None,
        batch_size=batch_size,
    )
    has_targets = data.targets[names[0]].kind != "none"
    objective = CompiledObjective(
        model, found.streamed, targets=targets, has_targets=has_targets, columns=columns_of(data.targets)
    )
    return Learning(objective, prepare, found.host, kinds, found.notes)


def preparation_of(model: keras.Model, data: Dataset, reading: Reading) -> Preparation:
    """How the inputs of a model are made from stored examples."""
    return Preparation(reading.unscaled, fills=_may_lack(data), order=list_order(model, data.x_train))


def came_compiled(model: keras.Model) -> bool:
    """Whether a user's build compiled a model, not `learning_of`."""
    return bool(model.compiled) and model not in _OURS


def is_classic(model: keras.Model, data: Dataset, task: Task, *, is_weighted: bool) -> bool:
    """Whether a model predicts one of several classes an example, judged by accuracy and cross-entropy alone."""
    if len(data.targets) > 1 or model.compiled or is_weighted or task.names != _CLASSIC:
        return False
    target = task.target
    is_one = target.kind == "classes" and not target.is_dense and set(data.targets) == {ONLY}
    shape = getattr(model, "output_shape", None)
    has_losses = task.losses == {ONLY: "sparse_categorical_crossentropy"}
    is_own = type(model).compute_loss is not keras.Model.compute_loss
    return is_one and has_losses and not is_own and shape == (None, target.n_classes)


def compile_with(
    model: keras.Model,
    task: Task,
    names: Sequence[str],
    kinds: Mapping[str, OutputKind],
    *,
    load: Callable[[str], Callable[..., Any]],  # Any: a user's function
    optimizer: keras.optimizers.Optimizer | str | None = "sgd",
    columns: Sequence[int | None] = (),
) -> None:
    """Compile a model with the losses of a task. The optimizer here trains nothing.

    `columns` are the lengths of the outputs' last axes, where the model does not know them itself.
    """
    ends = dict(zip(names, columns or _columns(model), strict=False))
    losses = [_loss(task, name, kinds[name], ends.get(name), load=load) for name in names if name in task.losses]
    with_loss = {"loss": losses if len(losses) > 1 else losses[0]} if losses else {}
    model.compile(optimizer=optimizer, **with_loss)
    _GIVEN.add(model)


def check_no_metrics(model: keras.Model) -> None:
    """Raise `StudyError` if a model that is compiled without a loss has metrics, which a new loss would remove."""
    named = [metric.name for metric in model.metrics if metric.name != "loss"]
    if named and model not in _GIVEN:
        raise StudyError(
            "model: build compiles it with metrics, but without a loss\n  name the loss in model.compile, too"
        )


def lacks_loss(model: keras.Model, data: Dataset, prepare: Preparation) -> bool:
    """Whether a model is compiled without a loss, as with its optimizer alone, and its layers add none."""
    if model in _GIVEN:
        return True
    is_own = type(model).compute_loss is not keras.Model.compute_loss
    if is_own or getattr(model, "loss", None) is not None or next(iter(data.targets.values())).kind == "none":
        return False
    with keras.StatelessScope(collect_losses=True) as scope:
        model(_prepared(rows_of(data.x_train, np.arange(1)), prepare), training=True)
    return not scope.losses


def _columns(model: keras.Model) -> list[int | None]:
    """The length of each output's last axis."""
    return [tensor.shape[-1] for tensor in getattr(model, "outputs", None) or ()]


def _loss(
    task: Task,
    name: str,
    kind: OutputKind,
    columns: int | None,
    *,
    load: Callable[[str], Callable[..., Any]],  # Any: a user's function
) -> object:
    """Keras' loss for an output of so many columns, told whether it is a logit.

    Of two classes, one output has the binary cross-entropy, two have that of classes: they are the same function.
    """
    loss, target = task.losses[name], task.targets[name]
    if target.is_binary and loss in _OF_TWO:
        loss = _OF_TWO[columns != target.n_classes]
    if loss not in LOSSES:
        return load(loss)
    made = _CLASSES[loss]
    if kind != "logits" or loss in _TAKES_RAW:
        return made()
    if "from_logits" in inspect.signature(made).parameters:
        return made(from_logits=True)
    raise StudyError(
        f'training.loss: "{loss}" needs probabilities, but the model returns logits\n'
        "  end the model in a sigmoid or softmax, or take a cross-entropy"
    )


_CLASSES: Mapping[str, type[keras.losses.Loss]] = {
    "sparse_categorical_crossentropy": keras.losses.SparseCategoricalCrossentropy,
    "categorical_crossentropy": keras.losses.CategoricalCrossentropy,
    "binary_crossentropy": keras.losses.BinaryCrossentropy,
    "binary_focal_crossentropy": keras.losses.BinaryFocalCrossentropy,
    "categorical_focal_crossentropy": keras.losses.CategoricalFocalCrossentropy,
    "kl_divergence": keras.losses.KLDivergence,
    "categorical_hinge": keras.losses.CategoricalHinge,
    "hinge": keras.losses.Hinge,
    "squared_hinge": keras.losses.SquaredHinge,
    "dice": keras.losses.Dice,
    "tversky": keras.losses.Tversky,
    "mse": keras.losses.MeanSquaredError,
    "mae": keras.losses.MeanAbsoluteError,
    "mape": keras.losses.MeanAbsolutePercentageError,
    "msle": keras.losses.MeanSquaredLogarithmicError,
    "huber": keras.losses.Huber,
    "log_cosh": keras.losses.LogCosh,
    "poisson": keras.losses.Poisson,
    "cosine_similarity": keras.losses.CosineSimilarity,
}
_OF_TWO = ("sparse_categorical_crossentropy", "binary_crossentropy")
_TAKES_RAW = ("hinge", "squared_hinge", "categorical_hinge", "mse", "mae")  # of outputs of any range


def kind_of(task: Task, name: str, reading: Reading) -> OutputKind:
    """What the output for a target holds."""
    return "numbers" if task.targets[name].kind in ("numbers", "none") else reading.outputs_of(name)


def _may_lack(data: Dataset) -> bool:
    """Whether inputs may be unknown: of tables only."""
    return bool(data.columns) and bool(np.isnan(data.x_train).any() or np.isnan(data.x_test).any())


def list_order(model: keras.Model, x: Any) -> tuple[str, ...]:  # Any: an array, or arrays by name
    """The inputs in the order of a model that takes several as a list; () if it takes one, or takes them by name."""
    is_listed = getattr(model, "inputs", None) and isinstance(getattr(model, "input", None), list | tuple)
    if not isinstance(x, Mapping) or not is_listed:
        return ()
    return input_order(model, x) or tuple(x)


def _example(
    model: keras.Model, data: Dataset, prepare: Preparation, names: Sequence[str]
) -> tuple[Any, Any, Any]:  # Any: arrays by input or output
    """Inputs, targets and outputs of a few training examples."""
    n = min(_PROBED, n_examples(data.x_train))
    rows = np.resize(np.arange(n), _PROBED)
    x, y = rows_of(data.x_train, rows), as_held(rows_of(data.y_train, rows), columns_of(data.targets))
    try:
        outputs = model(_prepared(x, prepare), training=False)
        is_list = isinstance(outputs, list | tuple)
        model.compute_loss(x=x, y=[leaves(y)[name] for name in names] if is_list else y, y_pred=outputs)
    except Exception as err:
        raise StudyError(
            f"model: the loss that it is compiled with fails on the first examples: {reason_of(err)}\n"
            "  check that the loss fits the targets and outputs"
        ) from err
    named = dict(zip(names, outputs, strict=True)) if is_list else leaves(outputs)
    made = {name: np.asarray(keras.ops.convert_to_numpy(some)) for name, some in named.items()}
    return x, y, made[ONLY] if set(made) == {ONLY} else made


def _prepared(x: Any, prepare: Preparation) -> Any:  # Any: arrays by input; what the model takes
    """Examples as the model takes them, unscaled."""
    shift, scale = ({name: np.float32(value) for name in leaves(x)} for value in (0, 1))
    return prepare(map_tree(keras.ops.convert_to_tensor, x), shift, scale)
