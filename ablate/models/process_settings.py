"""Protect Keras' process-wide settings from changes by the code of a model."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras

from ablate.errors import StudyError

_ONE_LESS = ("ndim=3, found ndim=4", "Kernel shape must have the same length as input")  # in Keras' messages


@dataclass(frozen=True, slots=True)
class _Setting:
    get: Callable[[], Any]  # Any: names and numbers
    set: Callable[[Any], None]
    way_out: str


_PRECISION = (
    'remove that line; in the study file set training.precision = "mixed_float16", "mixed_bfloat16" or "float32"'
)
_SETTINGS: Mapping[str, _Setting] = {
    "dtype policy": _Setting(lambda: keras.config.dtype_policy().name, keras.config.set_dtype_policy, _PRECISION),
    "floatx": _Setting(keras.config.floatx, keras.config.set_floatx, _PRECISION),
    "image data format": _Setting(
        keras.config.image_data_format,
        keras.config.set_image_data_format,
        "remove that line: the examples are channels last; a single layer can set its own data_format",
    ),
    "epsilon": _Setting(
        keras.config.epsilon, keras.config.set_epsilon, "remove that line: layers have their own epsilon argument"
    ),
}


@contextmanager
def settings_kept(who: str) -> Iterator[None]:
    """Undo changes of Keras' settings in the block, and raise `StudyError`: they would affect all later trials."""
    before = {name: setting.get() for name, setting in _SETTINGS.items()}
    changed: dict[str, Any] = {}
    try:
        yield
    finally:
        for name, setting in _SETTINGS.items():
            if (now := setting.get()) != before[name]:
                changed[name] = now
                setting.set(before[name])
    for name, now in changed.items():
        raise StudyError(
            f"{who} sets Keras' {name} to {now}, which would change every model built later\n"
            f"  {_SETTINGS[name].way_out}"
        )


def channel_axis_hint(input_shape: tuple[int, ...], *, said: str = "", taken: object = None) -> str:
    """The way out if a model does not expect the channel axis that the examples have, "" otherwise."""
    has_channel = len(input_shape) == 3 and input_shape[-1] == 1
    is_one_less = taken == (None, *input_shape[:-1]) or any(text in said for text in _ONE_LESS)
    if not has_channel or not is_one_less:
        return ""
    return (
        f"the examples have shape {input_shape}: ablate adds a channel axis to data (n, steps, features); "
        "to remove it, put keras.layers.Reshape(input_shape[:-1]) after keras.Input(input_shape)"
    )
