"""Match the inputs and outputs of a model with those of the data, by name or by order, and check their shapes."""

from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

import keras

from ablate.data.trees import leaves
from ablate.errors import StudyError, known_names
from ablate.models.model_data import ModelData, Shape
from ablate.models.process_settings import channel_axis_hint
from ablate.models.subclassed import output_shapes
from ablate.study.task import Target

Dims: TypeAlias = tuple[int | None, ...]  # of a batch; None: any length
_BEGIN = "start the model with keras.Input(input_shape); ablate passes input_shape to build"
_BEGIN_EACH = "begin with {name: keras.Input(shape, name=name) for name, shape in input_shape.items()}"


def input_order(model: keras.Model, names: Collection[str]) -> tuple[str, ...] | None:
    """The data's name of each of `model.inputs`: by the model's names if they are the same, else by order.

    None if they do not match.
    """
    return _order(getattr(model, "input", None), [tensor.name for tensor in model.inputs], names)


def output_order(model: keras.Model, names: Collection[str]) -> tuple[str, ...] | None:
    """The target's name of each of `model.outputs`: by the model's names if they are the same, else by order.

    None if they do not match.
    """
    if len(names) == 1:
        return tuple(names)
    return _order(getattr(model, "output", None), model.output_names, names)


def _order(structure: object, own: Sequence[str], names: Collection[str]) -> tuple[str, ...] | None:
    if isinstance(structure, Mapping):
        keys = tuple(keras.tree.flatten({key: key for key in structure}))
        return keys if set(keys) == set(names) and len(own) == len(keys) else None
    if len(own) != len(names):
        return None
    return tuple(own) if set(own) == set(names) else tuple(names)


def check_shapes(model: keras.Model, data: ModelData) -> None:
    """Raise `StudyError` unless a model takes the data's inputs and returns what their targets need."""
    makes_own_loss = any(target.kind == "none" for target in data.targets.values())
    taken, given = (_shapes(model, end) for end in ("inputs", "outputs"))
    if makes_own_loss and taken is None:
        return
    if taken is None and (called := output_shapes(model, data.input_shape)) is not None:
        if not makes_own_loss:
            _check_outputs(model, data, called)
        return
    if taken is None or given is None:
        raise StudyError(
            f"{returned_rule(data)}, got a {type(model).__name__} of unknown shapes\n"
            "  start with keras.Input(input_shape): Sequential([keras.Input(input_shape), …]) or Model(inputs, outputs)"
        )
    if not makes_own_loss:
        _check_outputs(model, data, given)
    _check_inputs(model, data, taken)


def _shapes(model: keras.Model, end: str) -> list[Dims] | None:
    """The shapes of a model's inputs or outputs, flat; None if they are unknown."""
    tensors = getattr(model, end, None)
    return [tuple(tensor.shape) for tensor in tensors] if tensors else None


def returned_rule(data: ModelData) -> str:
    """What a builder must return, for messages."""
    rule = "model: the builder must return a keras.Model"
    if any(target.kind == "none" for target in data.targets.values()):
        return rule
    shapes = [f"{name} {_said(shape)}" if name else _said(shape) for name, shape in leaves(data.output_shape).items()]
    return f"{rule} with {'output' if len(shapes) == 1 else 'outputs'} {', '.join(shapes)}"


def _check_outputs(model: keras.Model, data: ModelData, given: list[Dims]) -> None:
    if len(data.targets) == 1 and len(given) == 1 and not _is_named(model):
        target = next(iter(data.targets.values()))
        if not _returns(given[0], target):
            raise StudyError(f"{returned_rule(data)}, got output shape {given[0]}\n  {_way_out(given[0], target)}")
        return
    names = None if len(data.targets) == 1 else output_order(model, data.targets)
    if names is None:
        got = f"outputs {', '.join(model.output)}" if _is_named(model) else f"output shape {_one_or_all(given)}"
        named = "output" if len(data.targets) == 1 else f"{{{', '.join(f'{name!r}: …' for name in data.targets)}}}"
        raise StudyError(
            f"{returned_rule(data)}, got {got}\n  return one output for each target: keras.Model(inputs, {named})"
        )
    for name, shape in zip(names, given, strict=True):
        if not _returns(shape, data.targets[name]):
            raise StudyError(
                f"{returned_rule(data)}, got shape {shape} for {name}\n  {_way_out(shape, data.targets[name])}"
            )


def _is_named(model: keras.Model) -> bool:
    return isinstance(getattr(model, "output", None), Mapping)


def _returns(given: Dims, target: Target) -> bool:
    """Whether an output of that shape fits a target; the sides of masks may be any."""
    wanted = [target.output_shape]
    if target.is_binary:
        wanted.append((*target.shape, 1))
    if target.kind == "numbers" and target.output_shape == (1,):
        wanted.append(())
    return any(_fits(given, shape, loose=target.is_dense) for shape in wanted)


def _fits(given: Dims, shape: Shape, *, loose: bool) -> bool:
    if len(given) != len(shape) + 1 or given[0] is not None:
        return False
    last = len(shape) - 1
    pairs = enumerate(zip(given[1:], shape, strict=True))
    return all(mine == theirs or (loose and mine is None and at < last) for at, (mine, theirs) in pairs)


def _way_out(given: Dims, target: Target) -> str:
    shape = _said(target.output_shape)
    if target.is_dense:
        return f"return {shape}: {_EACH[target.kind]} in each place"
    if given[:1] != (None,):
        return "leave the batch size open: keras.Input(input_shape) without batch_size"
    if target.is_binary:
        return "return two numbers for two classes, Dense(2), or one, Dense(1)"
    if target.kind == "numbers":
        return f"return the amounts themselves: Dense({target.n_outputs}), without an activation"
    if target.kind == "tags":
        return f"return one number per tag: Dense({target.n_outputs}), logits, or after a sigmoid"
    return "return one number per class: logits, or a softmax"


_EACH = {
    "classes": "one number per class",
    "one-hot": "one number per class",
    "tags": "one per tag",
    "numbers": "amounts",
}


def _check_inputs(model: keras.Model, data: ModelData, taken: list[Dims]) -> None:
    if isinstance(data.input_shape, tuple):
        if len(taken) > 1 or not _takes(taken[0], data.input_shape):
            got = _one_or_all(taken)
            raise StudyError(
                f"model: the builder must return a model with one input {_said(data.input_shape)}, "
                f"got {got}\n  {channel_axis_hint(data.input_shape, taken=got) or _BEGIN}"
            )
        return
    rule = ", ".join(f"{name} {_said(shape)}" for name, shape in data.input_shape.items())
    names = input_order(model, data.input_shape)
    if names is None:
        listed = ", ".join(f"{tensor.name} {shape}" for tensor, shape in zip(model.inputs, taken, strict=True))
        raise StudyError(
            f"model: the builder must return a model with the inputs {rule}, got {listed}\n  {_hint(model, data)}"
        )
    for name, shape in zip(names, taken, strict=True):
        if not _takes(shape, data.input_shape[name]):
            raise StudyError(
                f"model: the builder must return a model with the inputs {rule}, got {shape} for {name}\n"
                f"  {_BEGIN_EACH}"
            )


def _hint(model: keras.Model, data: ModelData) -> str:
    assert isinstance(data.input_shape, Mapping)
    own = getattr(model, "input", None)  # a Sequential model has none
    wrong = next((name for name in own if name not in data.input_shape), None) if isinstance(own, Mapping) else None
    if wrong is not None:
        return known_names(str(wrong), data.input_shape)
    return f"{_BEGIN_EACH}; leave inputs that the model does not need out of the data"


def _takes(shape: Dims, example: Shape) -> bool:
    """Whether a model's input shape, in which None is any length, accepts a batch of examples."""
    fits = (mine is None or mine == theirs for mine, theirs in zip(shape, (None, *example), strict=False))
    return len(shape) == len(example) + 1 and all(fits)


def _one_or_all(shapes: Sequence[Dims]) -> object:
    return shapes[0] if len(shapes) == 1 else tuple(shapes)


def _said(shape: Shape) -> str:
    return f"({', '.join(('None', *map(str, shape)))})" if shape else "(None,)"
