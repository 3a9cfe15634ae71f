"""The objective of a compiled model, as `model.fit` minimizes it and counts its metrics, in pure functions.

The loss is `model.compute_loss`, a model's own or Keras': losses of several outputs with their weights, penalties, and
what layers add. Models that a user's `build` leaves uncompiled are compiled with the study's loss first.
"""

import inspect
from collections.abc import Collection, Mapping, Sequence
from typing import final

import keras
from keras import ops

from ablate.data.array import Tensor
from ablate.data.trees import leaves, to_tree
from ablate.study.task import Target
from ablate.training.engine.metrics import StreamedMetrics
from ablate.training.engine.objective import Forward, ScalingTree, Tally, Trees
from ablate.training.engine.targets import as_held, scaled_targets, unscaled_outputs
from ablate.training.engine.weighting import loss_weights, n_place_axes, with_places


@final
class CompiledObjective:
    """The loss of a compiled model, and the streamed metrics of its task."""

    is_exact, has_classes = True, False

    def __init__(
        self,
        model: keras.Model,
        metrics: StreamedMetrics,
        *,
        targets: Mapping[str, Target],
        has_targets: bool = True,
        columns: Collection[str] = (),
    ) -> None:
        """`targets` are in the order of the outputs; the loss takes `columns` of them as (n, 1)."""
        self._columns = columns
        self._model, self._metrics, self._targets, self._has_targets = model, metrics, dict(targets), has_targets
        self._takes_training = "training" in inspect.signature(model.compute_loss).parameters

    def forward(
        self,
        weights: Sequence[Tensor],
        frozen: Sequence[Tensor],
        x: Trees,
        y: Trees,
        w: Tensor | None,
        scaling: ScalingTree,
    ) -> Forward:
        """The loss of a batch as `model.fit` has it."""
        return self._called(weights, frozen, x, y, w, scaling, training=True)

    def count(self, tally: Tally, y: Trees, outputs: Trees, w: Tensor | None, scaling: ScalingTree) -> Tally:
        """The metrics' states with one more batch."""
        return self._metrics.update(tally, y, unscaled_outputs(outputs, scaling), w)

    def score(
        self,
        state: tuple[Tensor, Tensor],
        tally: Tally,
        x: Trees,
        y: Trees,
        w: Tensor | None,
        scaling: ScalingTree,
        *,
        counted: Tensor,
        place: Tensor,
    ) -> tuple[Tally, Tensor]:
        """The sum of the losses of a chunk's examples and their number, then the metrics' states."""
        del place
        loss, _, outputs = self._called(*state, x, y, w, scaling, training=False)
        n = ops.cast(ops.size(counted), "float32")
        total, examples, *states = tally
        after = self._metrics.update(tuple(states), y, unscaled_outputs(outputs, scaling), w)
        return (total + n * loss, examples + n, *after), ops.zeros(ops.shape(counted), "int32")

    def start(self) -> Tally:
        """The metrics' states."""
        return self._metrics.start()

    def start_scores(self) -> Tally:
        """The sum of losses, the number of examples and the metrics' states."""
        return ops.zeros(()), ops.zeros(()), *self._metrics.start()

    def trained(self, tally: Tally, n: int) -> dict[str, float]:
        """The streamed metrics."""
        del n
        values = self._metrics.values(tally)
        return dict(zip(self._metrics.names, values, strict=True))

    def scored(self, tally: Tally, n: int) -> dict[str, float]:
        """The loss and the streamed metrics."""
        total, examples, *states = tally
        return {"loss": float(total) / max(float(examples), 1.0), **self.trained(tuple(states), n)}

    def spread(self, tally: Tally, n: int) -> float:
        """Predictions are those of a single pass."""
        del tally, n
        return 0.0

    def predictions(self, outputs: Trees, scaling: ScalingTree) -> Trees:
        """The outputs by target, amounts in the unit of the targets."""
        return unscaled_outputs(self._by_name(outputs), scaling)

    def traced(
        self, copy: keras.Model, state: Sequence[Sequence[Tensor]], x: Trees, y: Trees, scaling: ScalingTree
    ) -> tuple[Tensor, list[Tensor]]:
        """The loss of a training batch in which all count equally."""
        variables = (*copy.trainable_variables, *copy.non_trainable_variables)
        mapping = [*zip(variables, [value for some in state for value in some], strict=True)]
        with keras.StatelessScope(mapping, collect_losses=True):
            found, n = keras.tree.flatten(copy(x)), len(self._model.outputs)
            inner, outputs = found[:-n], self._packed(found[-n:])
            loss = self._loss(x, y, outputs, None, scaling, training=True)
        return ops.cast(loss, "float32"), inner

    def _packed(self, outputs: list[Tensor]) -> Trees:
        """Outputs in the structure in which the model returns them."""
        if isinstance(self._model, keras.Sequential):
            return outputs[0]
        return keras.tree.pack_sequence_as(self._model.output, outputs)

    def _called(
        self,
        weights: Sequence[Tensor],
        frozen: Sequence[Tensor],
        x: Trees,
        y: Trees,
        w: Tensor | None,
        scaling: ScalingTree,
        *,
        training: bool,
    ) -> Forward:
        """The loss, the frozen state and the outputs, without a change of the model's variables."""
        model = self._model
        mapping = [*zip(model.trainable_variables, weights, strict=True)]
        mapping += zip(model.non_trainable_variables, frozen, strict=True)
        with keras.StatelessScope(mapping, collect_losses=True) as scope:
            outputs = model(x, training=training)
            loss = self._loss(x, y, outputs, w, scaling, training=training)
        after = [scope.get_current_value(variable) for variable in model.non_trainable_variables]
        return ops.cast(loss, "float32"), after, self._by_name(outputs)

    def _loss(
        self, x: Trees, y: Trees, outputs: Trees, w: Tensor | None, scaling: ScalingTree, *, training: bool
    ) -> Tensor:
        how = {"training": training} if self._takes_training else {}
        goal, weights = self._goal(y, outputs, w, scaling), self._loss_weights(w, outputs)
        return self._model.compute_loss(x=x, y=goal, y_pred=outputs, sample_weight=weights, **how)

    def _goal(self, y: Trees, outputs: Trees, w: Tensor | None, scaling: ScalingTree) -> Trees:
        """The targets as the loss takes them: scaled, in the structure of the outputs."""
        if not self._has_targets:
            return None
        goals = leaves(as_held(scaled_targets(y, scaling), self._columns))
        if w is not None:
            made = leaves(self._by_name(outputs))
            goals = {name: with_places(goal, made[name], self._targets[name]) for name, goal in goals.items()}
        return self._as_outputs(goals, outputs)

    def _loss_weights(self, w: Tensor | None, outputs: Trees) -> Trees:
        """The weights as the loss takes them: those of examples by output, where an output has places."""
        if w is None or not any(n_place_axes(target) for target in self._targets.values()):
            return w
        return self._as_outputs({name: loss_weights(w, target) for name, target in self._targets.items()}, outputs)

    def _as_outputs(self, by_name: Mapping[str, Tensor], outputs: Trees) -> Trees:
        if isinstance(outputs, list | tuple):
            return [by_name[name] for name in self._targets]
        return to_tree(by_name)

    def _by_name(self, outputs: Trees) -> Trees:
        """Outputs under the names of the targets."""
        if isinstance(outputs, list | tuple):
            return to_tree(dict(zip(self._targets, outputs, strict=True)))
        return outputs
