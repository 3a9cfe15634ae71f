"""The objective of a compiled model, as `model.fit` minimizes it and counts its metrics, in pure functions.

The loss is `model.compute_loss`, a model's own or Keras': losses of several outputs with their weights, penalties, and
what layers add. Models that a user's `build` leaves uncompiled are compiled with the study's loss first.
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import final

import keras
from keras import ops

from ablate.data.array import Tensor
from ablate.data.trees import leaves, to_tree
from ablate.study.task import Target
from ablate.training.engine.metrics import StreamedMetrics
from ablate.training.engine.objective import Forward, ScalingTree, Tally, Trees
from ablate.training.engine.targets import scaled_targets, unscaled_outputs
from ablate.training.engine.views import OutputKind, probabilities_of


@final
class CompiledObjective:
    """The loss of a compiled model, and the streamed metrics of its task."""

    is_exact, has_classes = True, False

    def __init__(
        self, model: keras.Model, metrics: StreamedMetrics, *, targets: Mapping[str, Target],
        kinds: Mapping[str, OutputKind], has_targets: bool = True,
    ) -> None:  # fmt: skip
        """`targets` are in the order of the outputs; `kinds` says of each output what it holds."""
        self._model, self._metrics, self._targets, self._has_targets = model, metrics, dict(targets), has_targets
        self._kinds = dict(kinds)
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
        return {name: float(value) for name, value in zip(self._metrics.names, values, strict=True)}

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

    def probabilities(self, predictions: Trees) -> Trees:
        """Predictions with probabilities in place of logits."""
        found = {
            name: probabilities_of(self._targets[name], self._kinds[name], output)
            for name, output in leaves(predictions).items()
        }
        return to_tree({name: ops.convert_to_numpy(output) for name, output in found.items()})

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
            how = {"training": training} if self._takes_training else {}
            goal = self._goal(y, outputs, scaling)
            loss = model.compute_loss(x=x, y=goal, y_pred=outputs, sample_weight=w, **how)
        after = [scope.get_current_value(variable) for variable in model.non_trainable_variables]
        return ops.cast(loss, "float32"), after, self._by_name(outputs)

    def _goal(self, y: Trees, outputs: Trees, scaling: ScalingTree) -> Trees:
        """The targets as the loss takes them: scaled, in the structure of the outputs."""
        if not self._has_targets:
            return None
        goals = scaled_targets(y, scaling)
        if not isinstance(outputs, list | tuple):
            return goals
        by_name = leaves(goals)
        return [by_name[name] for name in self._targets]

    def _by_name(self, outputs: Trees) -> Trees:
        """Outputs under the names of the targets."""
        if isinstance(outputs, list | tuple):
            return to_tree(dict(zip(self._targets, outputs, strict=True)))
        return outputs
