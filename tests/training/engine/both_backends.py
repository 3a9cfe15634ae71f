"""Trials of every kind, trained on the backend that Keras has: `python both_backends.py FILE` saves them by case.

Tests compare what two backends have saved. Weights are named "CASE/weight NUMBER", losses "CASE/losses", scores and
metrics "CASE/score NAME".
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from small_models import built, levels

from ablate.data.trees import ONLY, map_tree
from ablate.models.initializers import seeded_initializer
from ablate.models.model_data import ModelData, classification
from ablate.study.catalog import SCHEDULES
from ablate.study.losses import LOSSES, default_loss
from ablate.study.metrics import METRICS, TOP_K, find_metric
from ablate.study.settings import Schedule
from ablate.study.task import Target, Task, TaskMetric
from ablate.training.engine.batches import WHOLE, MicroBatches
from ablate.training.engine.compiled_objective import CompiledObjective
from ablate.training.engine.compiled_optimizer import optimizer_for
from ablate.training.engine.device import prepare_backend
from ablate.training.engine.examples import Resident
from ablate.training.engine.head import TrainingState
from ablate.training.engine.inputs import PLAIN, Preparation
from ablate.training.engine.learning import compile_with
from ablate.training.engine.metrics import metrics_of
from ablate.training.engine.objective import ClassObjective
from ablate.training.engine.optimizers import OPTIMIZERS, make_optimizer
from ablate.training.engine.program import Program, Scaling, Steps
from ablate.training.engine.schedules import SchedulePosition, rates
from ablate.training.engine.settings import settings_of
from ablate.training.engine.views import OutputKind
from ablate.training.range_test import ramp, read_curve, stop_index

N, BATCH, STEPS = 96, 12, 50
RNG = np.random.default_rng(0)
IMAGES = RNG.standard_normal((N, 8, 8, 1)).astype(np.float32)
SIGNAL = IMAGES.reshape(N, 64) @ RNG.standard_normal((64, 4)).astype(np.float32) / 8
LABELS = SIGNAL[:, :3].argmax(axis=1).astype(np.int32)
TABLE, TEXTS = SIGNAL + RNG.standard_normal((N, 4)).astype(np.float32), RNG.integers(0, 10, (N, 6)).astype(np.int32)
MASKS = (IMAGES[..., 0] > 0.3).astype(np.int32)
CONVOLUTIONAL = ("cnn", "resnet", "unet")  # trained without XLA on TensorFlow, which refuses some of them
ORDERS = np.stack([[RNG.permutation(N)[:BATCH] for _ in range(STEPS)] for _ in range(3)], axis=1).astype(np.int32)


@dataclass(frozen=True)
class Case:
    """How trials of one structure train; more than one replicate trains as a stack."""

    kind: str = "mlp"
    data: ModelData = field(default_factory=lambda: classification((8, 8, 1), 3))
    x: Any = field(default_factory=lambda: IMAGES)  # Any: an array, or arrays by name
    y: Any = field(default_factory=lambda: LABELS)
    changes: Mapping[str, Any] = field(default_factory=dict)  # levels and options of the model
    rate: float = 0.01
    replicates: tuple[int, ...] = (1,)
    pieces: MicroBatches = WHOLE
    prepare: Preparation = PLAIN
    is_scored: bool = False  # evaluated, too, which is a program of its own
    is_smooth: bool = False  # with GELU for ReLU: its kinks in 20 layers make a rounding of the start 0.1 in 50 steps


def case(**changes: Any) -> Case:
    """A case with some fields changed; what is no field is a level or an option of the model."""
    fields = {name: value for name, value in changes.items() if name in Case.__dataclass_fields__}
    return Case(**fields, changes={name: value for name, value in changes.items() if name not in fields})


# Steps of momentum are linear in gradients. Those of Adam differ, in Keras as here: on TensorFlow the gradient of an
# embedding has a slice for each word of a batch, and Keras squares the slices of an id before it adds them up.
DIFFERENT = "an embedding with adam"
TEXT = {
    "kind": "text", "x": TEXTS, "prepare": Preparation(frozenset({ONLY})),
    "data": ModelData((6,), {ONLY: Target("classes", n_classes=3)}, ids=lambda: (0, 9)),
}  # fmt: skip
TWO = {"left": TABLE[:, :3], "right": TABLE[:, 3:]}
CASES: Mapping[str, Case] = {
    **{f"optimizer {name}": case(optimizer=name) for name in OPTIMIZERS},
    "batch normalization and dropout": case(normalization="batch", dropout=0.3, is_scored=True),
    "layer normalization after the activation": case(normalization="layer", normalization_place="after"),
    "alpha dropout and mc_samples": case(dropout=0.2, activation="selu", mc_samples=3, is_scored=True),
    "clip_norm and momentum": case(clip_norm=0.1, optimizer="momentum", momentum=0.7, rate=0.1),
    "clip_value and weight decay": case(clip_value=0.01, optimizer="adamw", weight_decay=0.1, momentum=0.8),
    "penalties": case(l1=0.01, l2=0.02, max_norm=0.9, optimizer="nadam", momentum=0.8),
    "cnn": case(kind="cnn", normalization="batch", is_scored=True),
    "cnn with augmentation": case(kind="cnn", stages=1, pooling="average", augmentation="all"),
    "resnet": case(kind="resnet", normalization="batch", optimizer="momentum", is_smooth=True),
    "gru": case(**TEXT, encoder="gru", optimizer="momentum", rate=0.1, is_scored=True),
    "lstm": case(**TEXT, encoder="lstm", optimizer="nesterov", rate=0.1),
    DIFFERENT: case(**TEXT, encoder="average", optimizer="adam"),
    "two tables": case(x=TWO, data=ModelData({"left": (3,), "right": (1,)}, {ONLY: Target("classes", n_classes=3)})),
    "stack of 3": case(dropout=0.2, normalization="batch", replicates=(1, 2, 3), is_scored=True),
    "2 micro-batches": case(normalization="layer", pieces=MicroBatches(2, 16)),
}
AMOUNTS = np.abs(SIGNAL) + 1  # so that errors in percent are no larger than errors
ONE_HOT, TAGS = np.eye(3, dtype=np.float32)[LABELS], (SIGNAL > 0.3).astype(np.float32)


@dataclass(frozen=True)
class Head:
    """One target, and the end of a network for it."""

    target: Target
    y: np.ndarray
    activation: str
    kind: OutputKind

    def network(self, inputs: Any, name: str, seed: int) -> Any:  # Any: tensors of Keras
        """A hidden layer and an output under a name."""
        draws = [seeded_initializer("glorot_uniform", seed=2 * seed + number) for number in (0, 1)]
        hidden = keras.layers.Dense(8, activation="tanh", kernel_initializer=draws[0])(inputs)
        n = 1 if self.target.is_binary else self.target.n_outputs
        made = keras.layers.Dense(n, activation=self.activation, kernel_initializer=draws[1])(hidden)
        return keras.layers.Identity(name=name)(made)


TASKS: Mapping[str, Head] = {
    "binary": Head(Target("classes", n_classes=2), (LABELS > 0).astype(np.int32), "sigmoid", "probabilities"),
    "classes": Head(Target("classes", n_classes=3), LABELS, "linear", "logits"),
    "one_hot": Head(Target("one-hot", (3,), 3), ONE_HOT, "softmax", "probabilities"),
    "tags": Head(Target("tags", (4,), 4), TAGS, "sigmoid", "probabilities"),
    "margins": Head(Target("tags", (4,), 4), TAGS, "tanh", "logits"),
    "number": Head(Target("numbers"), AMOUNTS[:, 0], "softplus", "numbers"),
    "numbers": Head(Target("numbers", (4,)), AMOUNTS, "softplus", "numbers"),
}
FITTING = {
    "classes": "classes", "one-hot": "one_hot", "flags": "tags", "overlap": "one_hot", "margins": "margins",
    "amounts": "numbers",
}  # fmt: skip


def results() -> Iterator[tuple[str, object]]:
    """Everything below, by name."""
    for name, one in CASES.items():
        yield from of_classes(name, one)
    yield from of_rates()
    yield from of_unet()
    yield from of_losses()
    yield from of_metrics()


def of_classes(name: str, one: Case) -> Iterator[tuple[str, object]]:
    """A built-in network that learns classes."""
    program, start = prepared(one)
    found = np.full(STEPS, one.rate)
    yield from trained(name, program, start, one.x, one.y, found=found, is_scored=one.is_scored)


def of_rates() -> Iterator[tuple[str, object]]:
    """Every schedule, a ramp, and what a range test reads from its curve, in one program."""
    one = case(optimizer="nadam")
    program, start = prepared(one)
    for name in SCHEDULES:
        position = SchedulePosition(1, 2, STEPS, (1.0,))
        found = 0.02 * rates(name, Schedule(), position)
        yield from trained(f"schedule {name}", program, start, one.x, one.y, found=found)
    found = ramp(1e-6, 10.0, steps_per_decade=14)
    order = np.concatenate([ORDERS[:, :1], ORDERS[:, 1:2]])[: len(found)]
    curve = run(program, start, one.x, one.y, order=order, found=found).losses[0]
    yield "range test/losses", curve[: stop_index(curve)]
    yield "range test/rate", read_curve(found, curve, fallback=0.5).suggestion


def prepared(one: Case) -> tuple[Program, TrainingState]:
    """The program of a case, and the state from which its trials start."""
    factors = levels(one.kind, **{"optimizer": "adam", **one.changes})
    models = [built(one.kind, one.data, replicate=number, **one.changes) for number in one.replicates]
    for layer in (layer for model in models for layer in model.layers if one.is_smooth):
        if isinstance(layer, keras.layers.Activation):
            layer.activation = keras.activations.gelu
    program = Program(
        models[0],
        optimizer_for(models[0], factors, precision="float32"),
        size=len(models),
        pieces=one.pieces,
        objective=ClassObjective(models[0], "logits", samples=int(factors.get("mc_samples", 0))),
        prepare=one.prepare,
        xla=one.kind not in CONVOLUTIONAL,
    )
    states = [program.initial_state(model, settings_of(factors, head_only=False)) for model in models]
    return program, program.stacked(states)


def of_unet() -> Iterator[tuple[str, object]]:
    """A class for each pixel."""
    target = Target("classes", (8, 8), n_classes=2)
    model = built("unet", ModelData((8, 8, 1), {ONLY: target}), stages=1, normalization="batch", dropout=0.2)
    task = task_of({ONLY: target}, {ONLY: default_loss(target)}, ["dice"])
    yield from of_task("unet", model, task, {ONLY: "logits"}, (IMAGES, MASKS), xla=False)


def of_losses() -> Iterator[tuple[str, object]]:
    """Every loss, each of a network of its own: their weights have nothing in common."""
    heads = {loss: TASKS[FITTING[known.family]] for loss, known in LOSSES.items()}
    yield from of_heads("losses", heads, {loss: loss for loss in heads}, [])


def of_metrics() -> Iterator[tuple[str, object]]:
    """Every metric that fits a kind of target, for each kind."""
    heads = {name: head for name, head in TASKS.items() if name != "margins"}
    losses = {name: default_loss(head.target) for name, head in heads.items()}
    metrics = [f"{name}_{metric}" for name, head in heads.items() for metric in metrics_for(head.target)]
    yield from of_heads("metrics", heads, losses, metrics, is_scored=True)


def of_heads(
    name: str, heads: Mapping[str, Head], losses: Mapping[str, str], metrics: Sequence[str], *, is_scored: bool = False
) -> Iterator[tuple[str, object]]:
    """Networks side by side in one model, each with an output of its own."""
    heads = dict(sorted(heads.items()))  # as Keras orders the outputs of a mapping
    inputs = keras.Input((4,))
    outputs = {name: head.network(inputs, name, seed) for seed, (name, head) in enumerate(heads.items())}
    task = task_of({name: head.target for name, head in heads.items()}, losses, metrics)
    kinds, y = {name: head.kind for name, head in heads.items()}, {name: head.y for name, head in heads.items()}
    yield from of_task(name, keras.Model(inputs, outputs), task, kinds, (TABLE, y), is_scored=is_scored)


def task_of(targets: Mapping[str, Target], losses: Mapping[str, str], metrics: Sequence[str]) -> Task:
    named = [TaskMetric(metric, "maximize", spec=metric) for metric in metrics]
    return Task(targets, (*named, TaskMetric("loss", "minimize")), "loss", losses)


def of_task(
    name: str,
    model: keras.Model,
    task: Task,
    kinds: Mapping[str, OutputKind],
    data: tuple[Any, Any],
    *,
    xla: bool = True,
    is_scored: bool = True,
) -> Iterator[tuple[str, object]]:
    """A network in the compiled objective of a task."""
    compile_with(model, task, tuple(task.targets), kinds, load=_no_function)
    found = metrics_of(task, kinds, load=_no_function)
    assert not found.host
    objective = CompiledObjective(model, found.streamed, targets=task.targets)
    program = Program(model, make_optimizer("momentum"), objective=objective, xla=xla)
    start = program.initial_state(model)
    yield from trained(name, program, start, *data, found=np.full(STEPS, 0.005), is_scored=is_scored)


def trained(
    name: str, program: Program, start: TrainingState, x: Any, y: Any, *, found: np.ndarray, is_scored: bool = False
) -> Iterator[tuple[str, object]]:
    """The weights, losses, metrics while training, and scores of each trial after 50 steps of these rates."""
    steps = run(program, start, x, y, order=ORDERS[:, : program.size], found=found)
    for slot in range(program.size):
        named = f"{name} {slot + 1}" if program.size > 1 else name
        weights, frozen, _ = program.row(steps.state, slot)
        yield from ((f"{named}/weight {number}", value) for number, value in enumerate(weights))
        yield from ((f"{named}/frozen {number}", value) for number, value in enumerate(frozen))
        pairs = zip(map(np.asarray, weights), map(np.asarray, program.row(start, slot)[0]), strict=True)
        yield f"{named}/moved", max(abs(after - before).max() for after, before in pairs)
        yield f"{named}/losses", steps.losses[slot]
        counted = program.trained(steps.tally, slot, n=STEPS * BATCH)
        yield from ((f"{named}/trained {metric}", value) for metric, value in counted.items())
    if is_scored:
        yield from scored(name, program, steps, x, y)
    print(f"{time.process_time():.1f} s: {name}", file=sys.stderr)


def scored(name: str, program: Program, steps: Steps, x: Any, y: Any) -> Iterator[tuple[str, object]]:
    """The scores of each trial on all examples, in two chunks."""
    order = np.tile(np.arange(N, dtype=np.int32).reshape(2, 1, -1), (1, program.size, 1))
    scores = program.evaluate(steps.state, Resident.of((x,), (y,)), unscaled(x, program.size), order=order, n=N)
    for slot, metrics in enumerate(scores.metrics):
        yield from ((f"{name}/score {metric} {slot}", value) for metric, value in metrics.items())
        yield f"{name}/score spread {slot}", scores.spreads[slot]


def run(program: Program, start: TrainingState, x: Any, y: Any, *, order: np.ndarray, found: np.ndarray) -> Steps:
    """A step for each of the rates."""
    return program.train(
        start,
        Resident.of((x,), (y,)),
        unscaled(x, program.size),
        order=order,
        rates=np.tile(found.astype(np.float32)[:, None], (1, program.size)),
        n_steps=np.full(program.size, len(order), np.int32),
        max_loss=np.inf,
    )


def unscaled(x: Any, size: int) -> Scaling:
    """Examples as they are."""

    def of(value: float) -> Any:
        return map_tree(lambda array: np.full((size, *array.shape[1:]), value, np.float32), x)

    return Scaling(of(0.0), of(1.0))


def metrics_for(target: Target) -> list[str]:
    """Every metric that fits a target, as a study names it."""
    spelled = [f"{name}(2)" if name == TOP_K else name for name in METRICS]
    return [name for name in spelled if (found := find_metric(name)) is not None and not found.misfit(target)]


def _no_function(spec: str) -> Callable[..., Any]:
    raise AssertionError(spec)


if __name__ == "__main__":
    prepare_backend(os.environ["KERAS_BACKEND"], 1)
    np.savez(sys.argv[1], **{name: np.asarray(value) for name, value in results()})
