"""Create Keras optimizers by name whose update is a pure function of their state.

On the TensorFlow backend Keras routes updates through tf.distribute and refuses `stateless_apply`. The overrides of
`Functional` send them through Keras variables instead, which a StatelessScope redirects to tensors. Two of them,
`_backend_update_step` and `_apply_weight_decay`, are underscored hooks of Keras, and `Nadam` reads its state by
underscored names; `tests/training/engine/test_optimizers.py` compares every optimizer with `train_on_batch`, weight by
weight, and fails when they change.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import keras
from keras import ops

from ablate.data.array import Tensor
from ablate.study.catalog import level_in
from ablate.study.trial import Factors
from ablate.training.engine.settings import HEAD_ONLY

K = keras.optimizers


class SGD(keras.optimizers.SGD):  # type: ignore[misc]  # keras has no types
    """Keras' SGD with a momentum that may be a tensor, although Keras compares it with 0 in Python."""

    def update_step(self, gradient: Tensor, variable: Tensor, learning_rate: Tensor) -> None:
        """Update one variable and its velocity."""
        if not self.momentums:
            super().update_step(gradient, variable, learning_rate)
            return
        velocity = self.momentums[self._get_variable_index(variable)]
        momentum = ops.cast(self.momentum, variable.dtype)
        self.assign(velocity, velocity * momentum - gradient * learning_rate)
        ahead = velocity * momentum - gradient * learning_rate if self.nesterov else velocity
        self.assign_add(variable, ahead)


class Nadam(keras.optimizers.Nadam):  # type: ignore[misc]  # keras has no types
    """Keras' Nadam (Dozat 2015) with its bias corrections as factors.

    Keras divides every weight three times by a scalar, which XLA keeps as divisions: on a CPU they take 40 % of the
    update. Here the scalars are divided, once per step for all variables. Equal to Keras' up to rounding.
    """

    def _backend_update_step(
        self, grads: Sequence[Tensor], trainable_variables: Sequence[Tensor], learning_rate: Tensor
    ) -> None:
        self._factors: tuple[Tensor, ...] = ()  # bias corrections of this step
        super()._backend_update_step(grads, trainable_variables, learning_rate)
        self._factors = ()

    def update_step(self, gradient: Tensor, variable: Tensor, learning_rate: Tensor) -> None:
        """Update one variable and its two moments."""
        self._factors = self._factors or self._factors_of_step(learning_rate, variable.dtype)
        mean_share, gradient_share, unbiased = self._factors
        place = self._get_variable_index(variable)
        mean, square = self._momentums[place], self._velocities[place]
        self.assign_add(mean, (gradient - mean) * (1 - self.beta_1))
        self.assign_add(square, (ops.square(gradient) - square) * (1 - self.beta_2))
        change = (mean_share * mean + gradient_share * gradient) / (ops.sqrt(square * unbiased) + self.epsilon)
        self.assign_sub(variable, change)

    def _factors_of_step(self, learning_rate: Tensor, dtype: str) -> tuple[Tensor, ...]:
        step = ops.cast(self.iterations + 1, dtype)
        product, now, ahead = ops.cast(self._u_product, dtype), self._decay(step), self._decay(step + 1)
        mean_share = learning_rate * ahead / (1 - product * ahead)
        gradient_share = learning_rate * (1 - now) / (1 - product)
        return mean_share, gradient_share, 1 / (1 - ops.power(ops.cast(self.beta_2, dtype), step))

    def _decay(self, step: Tensor) -> Tensor:
        return self.beta_1 * (1 - 0.5 * ops.power(ops.cast(0.96, step.dtype), step))


TWINS: Mapping[type, Any] = {
    K.SGD: SGD,
    K.Nadam: Nadam,
}  # Any: keras has no types; of Keras' own classes, with equal steps

# Keras' own defaults; the learning rate is set at each step from outside.
OPTIMIZERS: Mapping[str, Callable[[], keras.optimizers.Optimizer]] = {
    "sgd": lambda: SGD(0.01),
    "momentum": lambda: SGD(0.01, momentum=0.9),
    "nesterov": lambda: SGD(0.01, momentum=0.9, nesterov=True),
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
    """A mixin placed after a Keras optimizer in the method order, so that hooks such as Nadam's remain in force.

    The settings named in `varied` are part of the state: scalars that are set at a trial's start and change in no step.
    """

    varied: tuple[str, ...] = ()

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Create the variables of the state."""
        super().build(variables)
        self.settings = {
            name: self.add_variable(shape=(), initializer="zeros", dtype="float32", name=name) for name in self.varied
        }

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
        with keras.StatelessScope(state_mapping=list(zip(old, new, strict=True))) as scope, self._settings_in_force():
            self.apply(grads)
        values = [scope.get_current_value(variable) for variable in old]
        return values[: len(trainable_variables)], values[len(trainable_variables) :]

    def stateless_scale(self, optimizer_variables: Sequence[Tensor], loss: Tensor) -> Tensor:
        """The loss whose gradients `stateless_apply` takes: times a fixed factor, if the optimizer has one."""
        del optimizer_variables
        return self.scale_loss(loss)

    @contextmanager
    def _settings_in_force(self) -> Iterator[None]:
        """Keras' attributes as tensors of the state, inside the block."""
        keras_own = {name: value for name, value in self.settings.items() if name != HEAD_ONLY}
        tensors = {setting_of(self, name): ops.convert_to_tensor(value) for name, value in keras_own.items()}
        kept = {attribute: getattr(self, attribute) for attribute in tensors}
        try:
            for attribute, tensor in tensors.items():
                setattr(self, attribute, tensor)
            yield
        finally:
            for attribute, value in kept.items():
                setattr(self, attribute, value)


class LossScaled(keras.optimizers.LossScaleOptimizer):  # type: ignore[misc]  # keras has no types
    """A functional optimizer for float16, whose small gradients would vanish unscaled (Micikevicius et al. 2018)."""

    @property
    def settings(self) -> Mapping[str, keras.Variable]:
        """The settings of the wrapped optimizer."""
        inner: Mapping[str, keras.Variable] = self.inner_optimizer.settings
        return inner

    def stateless_scale(self, optimizer_variables: Sequence[Tensor], loss: Tensor) -> Tensor:
        """The loss times the scale that the state holds."""
        place = next(i for i, variable in enumerate(self.variables) if variable is self.dynamic_scale)
        return loss * ops.cast(optimizer_variables[place], loss.dtype)


def functional(optimizer: keras.optimizers.Optimizer, *, varied: Collection[str] = ()) -> keras.optimizers.Optimizer:
    """The same optimizer with a `stateless_apply` that works on TensorFlow, and settings as inputs."""
    kind, kept = type(optimizer), tuple(name for name in varied if setting_of(optimizer, name))
    mixed: Any = type(f"Functional{kind.__name__}", (kind, Functional), {"varied": kept})  # Any: a class made here
    return mixed.from_config(optimizer.get_config())


def make_optimizer(
    name: str,
    *,
    varied: Collection[str] = (),
    precision: str = "float32",
    clipping: Mapping[str, float] = MappingProxyType({}),
) -> keras.optimizers.Optimizer:
    """The functional optimizer of that name with Keras' defaults; in mixed_float16 its loss is scaled."""
    plain = OPTIMIZERS[name]()
    made = functional(type(plain).from_config({**plain.get_config(), **clipping}), varied=varied)
    return LossScaled(made) if precision == "mixed_float16" else made


def plain_optimizer(
    factors: Factors, settings: Mapping[str, float], *, precision: str = "float32"
) -> keras.optimizers.Optimizer:
    """Keras' own optimizer of a configuration, for `model.fit`; its learning rate is set at each step."""
    made = OPTIMIZERS[str(factors["optimizer"])]()
    kind = {SGD: K.SGD, Nadam: K.Nadam}.get(type(made), type(made))
    own = {name: value for setting, value in settings.items() if (name := setting_of(made, setting))}
    plain = kind.from_config({**made.get_config(), **clipping_of(factors), **own})
    return keras.optimizers.LossScaleOptimizer(plain) if precision == "mixed_float16" else plain


def clipping_of(factors: Factors) -> Mapping[str, float]:
    """Keras' arguments for clipping a configuration's gradients. Only one kind at a time: the norm has priority."""
    for factor, name in (("clip_norm", "clipnorm"), ("clip_value", "clipvalue")):
        if (bound := float(level_in(factors, factor))) > 0:
            return {name: bound}
    return {}


def setting_of(optimizer: keras.optimizers.Optimizer, setting: str) -> str:
    """Keras' name for a setting; "" if the optimizer does not have it.

    The momentum of Adam's relatives is their beta_1: the share of the running mean of gradients that a step keeps.
    """
    if setting != "momentum":
        return setting
    if isinstance(optimizer, SGD):
        return "momentum" if optimizer.momentum else ""
    if type(optimizer) is K.SGD:
        return "momentum"
    return "beta_1" if hasattr(optimizer, "beta_1") else ""
