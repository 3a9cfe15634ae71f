"""Find the builder of a model by name; user code is imported by path, and only if a study names it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from ablate.errors import StudyError, known_names, reason_of
from ablate.models.build import BUILT_IN, Builder
from ablate.models.layers import LayerSeeds
from ablate.models.process_settings import channel_axis_hint, settings_kept
from ablate.study.model_ref import ModelRef
from ablate.study.trial import Factors, Level
from ablate.study.user_functions import import_function

_OF_ONE = ("__getitem__", "__contains__", "get", "pop", "setdefault")
# Thanks to an `__iter__` of its own, `dict(…)`, `**` and `{**…}` look up each key instead of copying memory.
_OF_ALL = (
    "__iter__", "keys", "values", "items", "copy", "popitem", "__or__", "__ror__", "__eq__", "__ne__", "__repr__",
)  # fmt: skip


def find_builder(model: ModelRef, *, base: Path) -> Builder:
    """The builder of a registered model, or of a user's model, whose file is searched in the folder `base`."""
    name = model.registered
    if name is None:
        return _user_builder(model.file, model.function, base=base)
    if name not in BUILT_IN:
        raise StudyError(
            f'model.name: unknown model "{name}"\n  {known_names(name, BUILT_IN)}, or "my_models.py:build"'
        )
    return BUILT_IN[name]


def _user_builder(file: str, function: str, *, base: Path) -> Builder:
    build: Callable[..., keras.Model] = import_function(
        base / file, function, setting="model.name", guard=settings_kept
    )

    def adapted(
        factors: Factors, input_shape: tuple[int, ...], n_classes: int, *, layer_seeds: LayerSeeds, **options: Level
    ) -> keras.Model:
        del layer_seeds  # user models draw from Keras' global seed, which is set before each build
        given = factors if isinstance(factors, LookedUp) else dict(factors)
        try:
            return build(given, input_shape, n_classes, **options)
        except ValueError as err:
            if hint := channel_axis_hint(input_shape, said=reason_of(err)):
                raise StudyError(f"model.name: {file} fails: {reason_of(err)}\n  {hint}") from err
            raise

    return Builder(adapted)


class LookedUp(dict[str, Level]):
    """A dictionary of levels; `names` are the keys that were read. Iterating reads all of them."""

    def __init__(self, factors: Factors) -> None:
        super().__init__(factors)
        self.names: set[str] = set()


def _noting_one(read: Callable[..., Any]) -> Callable[..., Any]:  # Any: Python's own
    def noted(self: LookedUp, name: str, *more: Any) -> Any:
        self.names.add(name)
        return read(self, name, *more)

    return noted


def _noting_all(read: Callable[..., Any]) -> Callable[..., Any]:  # Any: as above
    def noted(self: LookedUp, *more: Any) -> Any:
        self.names.update(dict.keys(self))
        return read(self, *more)

    return noted


for _names, _noting in ((_OF_ONE, _noting_one), (_OF_ALL, _noting_all)):
    for _name in _names:
        setattr(LookedUp, _name, _noting(getattr(dict, _name)))
