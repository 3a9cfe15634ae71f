"""An optimizer's name into a Keras optimizer whose update is a function of its state.

On the TensorFlow backend Keras routes updates through tf.distribute and refuses `stateless_apply`. The overrides of
`Functional` send them through Keras variables instead, which a StatelessScope redirects to tensors. Two of them,
`_backend_update_step` and `_apply_weight_decay`, are underscored hooks of Keras, and `Nadam` reads its state by
underscored names; `tests/engine/test_optimizers.py` compares every optimizer with `train_on_batch`, weight by weight,
and fails when they change.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import keras
from keras import ops

Tensor: TypeAlias = Any  # a backend tensor; TensorFlow has no types
K = keras.optimizers


class Nadam(keras.optimizers.Nadam):  # type: ignore[misc]  # keras has no types
    """Keras' Nadam (Dozat 2015) with its bias corrections as factors.

    Keras divides every weight three times by a scalar, which XLA leaves as divisions: on a CPU they take 40 % of the
    update. Here the scalars are divided. Equal to Keras' up to rounding.
    """

    def update_step(self, gradient: Tensor, variable: Tensor, learning_rate: Tensor) -> None:
        """Update one variable and its two moments."""
        step = ops.cast(self.iterations + 1, variable.dtype)
        place = self._get_variable_index(variable)
        mean, square = self._momentums[place], self._velocities[place]
        self.assign_add(mean, (gradient - mean) * (1 - self.beta_1))
        self.assign_add(square, (ops.square(gradient) - square) * (1 - self.beta_2))
        product, now, ahead = ops.cast(self._u_product, variable.dtype), self._decay(step), self._decay(step + 1)
        mean_share = learning_rate * ahead / (1 - product * ahead)
        gradient_share = learning_rate * (1 - now) / (1 - product)
        unbiased = 1 / (1 - ops.power(ops.cast(self.beta_2, variable.dtype), step))
        change = (mean_share * mean + gradient_share * gradient) / (ops.sqrt(square * unbiased) + self.epsilon)
        self.assign_sub(variable, change)

    def _decay(self, step: Tensor) -> Tensor:
        return self.beta_1 * (1 - 0.5 * ops.power(ops.cast(0.96, step.dtype), step))


# Keras' own defaults; the learning rate is set at each step from outside.
OPTIMIZERS: Mapping[str, Callable[[], keras.optimizers.Optimizer]] = {
    "sgd": lambda: K.SGD(0.01),
    "momentum": lambda: K.SGD(0.01, momentum=0.9),
    "nesterov": lambda: K.SGD(0.01, momentum=0.9, nesterov=True),
    "adagrad": lambda: K.Adagrad(0.01),
    "adadelta": lambda: K.Adadelta(0.01),
    "rmsprop": lambda: K.RMSprop(0.01),
    "adam": lambda: K.Adam(0.01),
    "adamw": lambda: K.AdamW(0.01),
    "adamax": lambda: K.Adamax(0.01),
    "nadam": lambda: Nadam(0.01),
    "lion": lambda: K.Lion(0.01),
    "adafactor": lambda: K.Adafactor(0.01),
    "lamb": lambda: K.Lamb(0.01),
    "ftrl": lambda: K.Ftrl(0.01),
}


class Functional(keras.optimizers.Optimizer):  # type: ignore[misc]  # keras has no types
    """A mixin placed after a Keras optimizer in the method order, so that hooks such as Nadam's stay in force."""

    def assign(self, variable: Tensor, value: Tensor) -> None:
        """Set a variable inside the scope."""
        variable.assign(value)

    def assign_add(self, variable: Tensor, value: Tensor) -> None:
        """Add to a variable inside the scope."""
        variable.assign(variable + value)

    def assign_sub(self, variable: Tensor, value: Tensor) -> None:
        """Subtract from a variable inside the scope."""
        variable.assign(variable - value)

    def _backend_update_step(
        self, grads: Sequence[Tensor], trainable_variables: Sequence[Tensor], learning_rate: Tensor
    ) -> None:
        for grad, variable in zip(grads, trainable_variables, strict=True):
            self.update_step(grad, variable, learning_rate)

    def _apply_weight_decay(self, variables: Sequence[Tensor]) -> None:
        if self.weight_decay is None:
            return
        for variable in variables:
            if self._use_weight_decay(variable):
                variable.assign(variable - variable * self.weight_decay * self.learning_rate)

    def _var_key(self, variable: Tensor) -> int:
        return id(variable)

    def stateless_apply(
        self, optimizer_variables: Sequence[Tensor], grads: Sequence[Tensor], trainable_variables: Sequence[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """(state, gradients, weights) -> (new weights, new state), as lists in the order of the inputs."""
        old = [*self._trainable_variables, *self.variables]
        new = [*trainable_variables, *optimizer_variables]
        with keras.StatelessScope(state_mapping=list(zip(old, new, strict=True))) as scope:
            self.apply(grads)
        values = [scope.get_current_value(variable) for variable in old]
        return values[: len(trainable_variables)], values[len(trainable_variables) :]


def functional(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """The same optimizer with a `stateless_apply` that works on TensorFlow."""
    kind = type(optimizer)
    mixed: Any = type(f"Functional{kind.__name__}", (kind, Functional), {})  # Any: a class made here
    return mixed.from_config(optimizer.get_config())


def make_optimizer(name: str) -> keras.optimizers.Optimizer:
    """The functional optimizer of that name with Keras' defaults."""
    return functional(OPTIMIZERS[name]())
