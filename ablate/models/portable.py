"""Reduce a trained model to what Keras can load by itself, and say what else loading it needs."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import keras

from ablate.errors import StudyError, reason_of
from ablate.models.augmentation import CHANGES
from ablate.models.layers import Dropout
from ablate.study.user_functions import IMPORTED

Config: TypeAlias = Any  # JSON, as Keras writes it
_OURS = "ablate>"  # how Keras names the classes of this package
_LAMBDA = "__lambda__"
_WAY_OUT = (
    'give each class of your own a get_config that returns the arguments of its __init__, or set training.keep = "none"'
)


@contextmanager
def portable(model: keras.Model) -> Iterator[keras.Model]:
    """The model without loss and optimizer, and with Keras' layers in place of this package's, inside the block.

    It has the weights of `model`, and may share them. Raises `StudyError` if Keras cannot write it to a file.
    """
    if is_graph(model):
        yield _in_keras_terms(keras.Model(model.input, model.output, name=model.name))
        return
    compiled, optimizer = model.compiled, model.optimizer if model.compiled else None
    model.compiled, model.optimizer = False, None
    try:
        yield model
    finally:
        model.compiled, model.optimizer = compiled, optimizer


def is_graph(model: keras.Model) -> bool:
    """Whether Keras itself calls the layers of a model, in an order that it knows."""
    own = next(kind for kind in type(model).__mro__ if "call" in vars(kind))
    return own.__module__.startswith("keras.") and bool(getattr(model, "inputs", None))


def needed_code(model: keras.Model) -> tuple[str, ...]:
    """The user's classes and functions that loading a model needs, as "module.Name"; a function without its module.

    Raises `StudyError` if a file cannot hold the model.
    """
    parts = [*_parts(_config(model))]
    if any(part.get("class_name") == _LAMBDA for part in parts):
        raise StudyError(
            "training.keep: the model has a Lambda layer with a lambda, which a .keras file holds as code for one "
            "version of Python\n"
            '  write it as a class derived from keras.layers.Layer, or set training.keep = "none"'
        )
    return tuple(dict.fromkeys(_name(part) for part in parts if _is_foreign(part)))


def check_loads(model: keras.Model) -> None:
    """Raise `StudyError` if Keras could not build the model again from a file, given the user's classes."""
    config = _config(model)
    foreign = [part for part in _parts(config) if _is_foreign(part)]
    known = {_name(part).rpartition(".")[2]: _object(part) for part in foreign}
    if None in known.values():
        return  # nothing is known of a function that the user's file only imports
    try:
        keras.saving.deserialize_keras_object(config, custom_objects=known)
    except Exception as err:  # whatever a user's from_config raises
        raise StudyError(
            f"training.keep: Keras can write the model to a file, but not read it again: {reason_of(err)}\n  {_WAY_OUT}"
        ) from err


def _object(part: Mapping[str, Any]) -> object:  # Any: JSON
    """The user's class or function that a serialized object is of; None if it is not found."""
    name = _name(part).rpartition(".")[2]
    places = [str(part.get("module")), *(place for place in sys.modules if place.startswith(IMPORTED))]
    found = (getattr(sys.modules.get(place), name, None) for place in places if place != "builtins")
    return next((one for one in found if one is not None), None)


def _in_keras_terms(model: keras.Model) -> keras.Model:
    """The same model, or a copy with the same weights if it has layers or initializers of this package."""
    config = _config(model)
    if not any(str(part.get("registered_name")).startswith(_OURS) for part in _parts(config)):
        return model
    dropouts = [layer for layer in model.layers if isinstance(layer, Dropout)]
    rates = {layer.name: float(layer.rate_variable) for layer in dropouts}
    copy: keras.Model = keras.saving.deserialize_keras_object(_translated(config, rates))
    extra = {id(layer.rate_variable) for layer in dropouts}
    own = [variable for variable in model.weights if id(variable) not in extra]
    for mine, theirs in zip(copy.weights, own, strict=True):
        mine.assign(theirs.value)
    return copy


def _translated(config: Config, rates: Mapping[str, float]) -> Config:
    match config:
        case {"registered_name": "ablate>Dropout", "config": own}:
            kind = "AlphaDropout" if own["alpha"] else "Dropout"
            shared = {key: own[key] for key in ("name", "trainable", "dtype", "seed")}
            rate = rates.get(own["name"], own["rate"])
            made = {"module": "keras.layers", "class_name": kind, "config": {**shared, "rate": rate}}
            return {**config, **made, "registered_name": None, "build_config": None}
        case {"registered_name": "ablate>ImageAugmentation", "config": own}:
            change = CHANGES[own["kind"]]
            shared = {key: own[key] for key in ("name", "trainable", "dtype", "seed")}
            arguments = {**shared, **change.keras_arguments}
            made = {"module": "keras.layers", "class_name": change.keras_layer, "config": arguments}
            return {**config, **made, "registered_name": None, "build_config": None}
        case {"registered_name": "ablate>HostDrawn", "config": own}:
            return _translated(own["like"], rates)
        case {"registered_name": "ablate>Scaled", "config": own}:
            return _translated(own["drawn"], rates)
        case dict():
            return {key: _translated(value, rates) for key, value in config.items()}
        case list() | tuple():
            return type(config)(_translated(value, rates) for value in config)
    return config


def _config(model: keras.Model) -> Config:
    try:
        return keras.saving.serialize_keras_object(model)
    except Exception as err:  # whatever a user's get_config raises
        raise StudyError(
            f"training.keep: Keras cannot write the model to a file: {reason_of(err)}\n  {_WAY_OUT}"
        ) from err


def _parts(config: Config) -> Iterator[Mapping[str, Any]]:  # Any: JSON
    """The serialized objects in a configuration, the outer ones first."""
    if isinstance(config, dict):
        if "class_name" in config:
            yield config
        for value in config.values():
            yield from _parts(value)
    elif isinstance(config, list | tuple):
        for value in config:
            yield from _parts(value)


def _is_foreign(part: Mapping[str, Any]) -> bool:  # Any: as above
    module, kind = part.get("module"), str(part["class_name"])
    if kind.startswith("__") or not isinstance(part.get("config"), dict | str):
        return False
    if kind == "function":
        return not _is_of_keras(str(part["config"]))
    return isinstance(module, str) and module != "builtins" and not module.startswith("keras")


def _is_of_keras(function: str) -> bool:
    return any(hasattr(place, function) for place in (keras.activations, keras.losses, keras.metrics, keras.ops))


def _name(part: Mapping[str, Any]) -> str:  # Any: as above
    if part["class_name"] == "function":
        return str(part["config"])
    return f"{str(part['module']).removeprefix(IMPORTED)}.{part['class_name']}"
