"""Prepare the model of a configuration for `model.fit`: its loss, its optimizer, its seeds, the metrics it lacks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, final
from weakref import WeakSet

import keras
import numpy as np
from keras import ops

from ablate.data import Split
from ablate.data.array import Array, Integers
from ablate.data.trees import example_shape, leaves, map_tree, to_tree
from ablate.errors import StudyError, explained
from ablate.models.global_seed import seed_globally
from ablate.models.layers import LayerSeeds
from ablate.models.outputs import Reading
from ablate.models.own_training import is_callable, own_methods
from ablate.models.shapes import output_order
from ablate.models.subclassed import output_shapes
from ablate.study import seeds
from ablate.study.listed_arguments import listed_arguments
from ablate.study.task import LOSS, Task
from ablate.study.trial import Factors
from ablate.training.engine import backend
from ablate.training.engine.compiled_optimizer import own_optimizer
from ablate.training.engine.context import TrainingContext
from ablate.training.engine.learning import compile_with, kind_of, lacks_loss, preparation_of
from ablate.training.engine.metrics import TaskMetrics, metrics_of
from ablate.training.engine.optimizers import plain_optimizer
from ablate.training.engine.scaling import evaluated_weights
from ablate.training.engine.settings import batch_size_of, settings_of
from ablate.training.engine.views import OutputKind
from ablate.training.fit.feeding import Feeding, in_batches
from ablate.training.fit.reported import BatchMeans
from ablate.training.packing import chances_of, pack_outputs

_USED: "WeakSet[keras.Model]" = WeakSet()  # models that model.fit has changed
_AT_ONCE = 4096  # examples whose metrics are counted together


@final
@dataclass(frozen=True, slots=True)
class FittedModel:
    """A model that is ready for `model.fit`."""

    model: keras.Model
    feeding: Feeding
    task: Task
    kinds: Mapping[str, OutputKind]  # of its outputs
    batch_size: int
    context: TrainingContext
    callbacks: tuple[keras.callbacks.Callback, ...] = ()  # of the user's; they act around evaluations too

    @property
    def is_callable(self) -> bool:
        """Whether the model itself maps inputs to outputs."""
        return is_callable(self.model)

    def evaluated(self, rows: Integers) -> dict[str, float]:
        """The task's metrics of some examples, with those that the model does not report itself."""
        return self.completed(self.own_report(rows), rows)

    def own_report(self, rows: Integers) -> dict[str, float]:
        """What the model itself reports of some examples."""
        means = self.means("test", n=len(rows))
        callbacks = [means, *self.callbacks]
        found = self.model.evaluate(self._dataset(rows), return_dict=True, verbose=0, callbacks=callbacks)
        return means.of(found)

    def means(self, part: Literal["train", "test"], *, n: int) -> BatchMeans:
        """A reader of what the model reports of `n` examples."""
        return BatchMeans(part, n=n, batch_size=self.batch_size)

    def completed(self, reported: Mapping[str, float], rows: Integers) -> dict[str, float]:
        """The task's metrics of some examples, given what the model itself reports of them."""
        own = self.reported(reported)
        lacking = [metric for metric in self.task.metrics if metric.name not in own]
        if not lacking:
            return own
        check_loss(own)
        return {**own, **self._computed(replace(self.task, metrics=tuple(lacking)), rows)}

    def reported(self, logs: Mapping[str, float]) -> dict[str, float]:
        """The task's metrics among what a model reports."""
        found = {metric.name: logs.get(metric.spec, logs.get(metric.name)) for metric in self.task.metrics}
        return {name: value for name, value in found.items() if value is not None}

    def outputs(self, rows: Integers) -> dict[str, Array]:
        """What the model returns for some examples, by target."""
        if not is_callable(self.model):
            raise StudyError(
                f"metric: {type(self.model).__name__} reports none of them and cannot be called, so nothing computes "
                "them\n  return the metric from train_step and test_step, or give the model a call method"
            )
        made = self.model.predict(self._dataset(rows), verbose=0, callbacks=list(self.callbacks))
        if isinstance(made, list | tuple):
            names = output_order(self.model, self.task.targets) or tuple(self.task.targets)
            return dict(zip(names, made, strict=True))
        return leaves(made)

    def packed(self, rows: Integers) -> str:
        """Its predictions for some examples as text; "" where there is nothing to keep."""
        if not is_callable(self.model):
            return ""
        chances = chances_of(self.task, self.kinds, to_tree(self.outputs(rows)))
        return pack_outputs(self.task, chances, self.feeding.targets(rows), None)

    def _dataset(self, rows: Integers) -> Any:  # Any: a data set of the backend
        return self.feeding.dataset(lambda: in_batches(rows, self.batch_size), part="evaluate")

    def _computed(self, task: Task, rows: Integers) -> dict[str, float]:
        metrics = self._metrics(task)
        y, outputs = leaves(self.feeding.targets(rows)), self.outputs(rows)
        state = metrics.streamed.start()
        for some in in_batches(np.arange(len(rows), dtype=np.int32), _AT_ONCE):
            parts = (to_tree({name: tree[name][some] for name in tree}) for tree in (y, outputs))
            state = metrics.streamed.update(state, *(map_tree(ops.convert_to_tensor, part) for part in parts))
        values = zip(metrics.streamed.names, metrics.streamed.values(state), strict=True)
        weights = evaluated_weights(self.context.data, rows)
        of_all = {one.name: one.value(to_tree(y), to_tree(outputs), weights) for one in metrics.host}
        return {name: float(value) for name, value in values} | of_all

    def _metrics(self, task: Task) -> TaskMetrics:
        return metrics_of(task, self.kinds, load=self.context.function, batch_size=self.batch_size)


def fitted_model(
    context: TrainingContext, factors: Factors, replicate: int, *, split: Split | None = None
) -> FittedModel:
    """The model of a configuration in a replicate, with its initial weights, for the replicate's split or another.

    Raises `StudyError` if it cannot train.
    """
    study, task = context.study, context.task
    model = context.model(factors, replicate)
    if model in _USED:
        raise StudyError(
            "model: build returned a model that has trained before, so it would not begin with its initial weights\n"
            "  build a new model at each call"
        )
    _USED.add(model)
    reading = context.reading(model, factors) if is_callable(model) else Reading("logits")
    preparation = preparation_of(model, context.data, reading)
    names = output_order(model, task.targets) if is_callable(model) else None
    names = names or tuple(task.targets)
    kinds = {name: kind_of(task, name, reading) for name in names}
    if not model.compiled or (is_callable(model) and lacks_loss(model, context.data, preparation)):
        optimizer, load = model.optimizer if model.compiled else "sgd", context.function
        shapes = None if getattr(model, "outputs", None) else output_shapes(model, example_shape(context.data.x_train))
        ends = [shape[-1] for shape in shapes or ()]
        explained(
            lambda: compile_with(model, task, names, kinds, load=load, optimizer=optimizer, columns=ends),
            "model: it comes without a loss; compile it in build, since compiling it here with the study's loss fails",
        )
    model.optimizer = _optimizer(model, factors, precision=study.training.precision)
    model.steps_per_execution = 1  # each step has a rate of its own
    for name in own_methods(model):
        if name.endswith("_step"):
            setattr(model, name, backend.unpacked(getattr(model, name)))
    split = context.split(replicate, factors) if split is None else split
    batch_size = min(batch_size_of(study, factors), len(split.train))
    feeding = Feeding.of(model, context.data, split, reading)
    seed_globally(seeds.integer(study.seed, replicate, "fit"))
    return FittedModel(model, feeding, task, kinds, batch_size, context)


def _optimizer(model: keras.Model, factors: Factors, *, precision: str) -> keras.optimizers.Optimizer:
    """The optimizer of a configuration: that of its factor, else the model's own."""
    if "optimizer" not in factors:
        return own_optimizer(model, factors)
    return plain_optimizer(factors, settings_of(factors, head_only=False), precision=precision)


def users_callbacks(context: TrainingContext, factors: Factors, replicate: int) -> list[keras.callbacks.Callback]:
    """New callbacks of the user's for a trial."""
    function, file = context.builder.callbacks, context.study.model.file
    if function is None:
        return []
    offered = {"factors": dict(factors), "seed": LayerSeeds(context.study.seed, replicate).users()}
    arguments = listed_arguments(function, offered, {}, what=f"{file}:callbacks", table="model", in_order=("factors",))
    made = explained(lambda: function(*arguments.positional, **arguments.named), f"model.name: {file}:callbacks fails")
    return _checked(made, what=f"{file}:callbacks")


def _checked(made: object, *, what: str) -> list[keras.callbacks.Callback]:
    if not isinstance(made, Sequence) or not all(isinstance(one, keras.callbacks.Callback) for one in made):
        raise StudyError(f"model.name: {what} must return a list of keras.callbacks, got {type(made).__name__}")
    for callback in made:
        for kind, way_out in _REFUSED.items():
            if isinstance(callback, kind):
                raise StudyError(f"model.name: {what} returns a {kind.__name__}, but {way_out}")
    return list(made)


_SETS_RATE = "the learning rate is that of the study\n  take the factors learning_rate and schedule instead"
_REFUSED = {
    keras.callbacks.SwapEMAWeights: "the weights that it swaps in are those of the last epoch, not of the best\n"
    "  leave it out",
    keras.callbacks.LearningRateScheduler: _SETS_RATE,
    keras.callbacks.ReduceLROnPlateau: _SETS_RATE,
    keras.callbacks.BackupAndRestore: "it would begin a trial with the weights of another\n  leave it out: an "
    "interrupted study goes on by itself",
}


def check_loss(reported: Mapping[str, float]) -> None:
    """Raise `StudyError` if a model reports no loss, by which a trial is found to diverge."""
    if LOSS not in reported:
        raise StudyError(
            f"model: training and testing must report a loss, got {', '.join(reported) or 'nothing'}\n"
            '  return {"loss": …} from train_step and test_step'
        )
