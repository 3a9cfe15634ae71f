"""Find the builder of a model by name; user code is imported by path, and only if a study names it."""

import inspect
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import keras

from ablate.errors import StudyError, known_names, reason_of
from ablate.models.build import BUILT_IN, Builder
from ablate.models.global_seed import seed_globally
from ablate.models.layers import LayerSeeds
from ablate.models.model_data import ModelData
from ablate.models.process_settings import channel_axis_hint, settings_kept
from ablate.study.listed_arguments import listed_arguments
from ablate.study.looked_up import LookedUp
from ablate.study.model_ref import ModelRef
from ablate.study.trial import Factors, Level
from ablate.study.user_functions import function_in, import_file, load_given

ORDER = ("factors", "input_shape", "n_classes")  # for a function with other names for them


def find_builder(model: ModelRef, *, base: Path) -> Builder:
    """The builder of a registered model, or of a user's model, whose file is searched in the folder `base`."""
    name = model.registered
    if name is None:
        return _user_builder(model, base=base)
    if name not in BUILT_IN:
        raise StudyError(
            f'model.name: unknown model "{name}"\n  {known_names(name, BUILT_IN)}, or "my_models.py:build"'
        )
    return BUILT_IN[name]


def _user_builder(model: ModelRef, *, base: Path) -> Builder:
    build, callbacks = _functions_of(model, base=base)
    file = model.name if model.given else model.file

    def adapted(factors: Factors, data: ModelData, *, layer_seeds: LayerSeeds, **options: Level) -> keras.Model:
        """Layers without a seed draw from Keras' global one, which is set before each build.

        Keras' initializers and random layers draw with its backend's generator, so that a user's model starts from
        other weights on JAX than on TensorFlow; only the models of this package have the same numbers on both.
        """
        seed_globally(layer_seeds.users())
        given = factors if isinstance(factors, LookedUp) else dict(factors)
        offered = {
            "factors": given,
            "data": data,
            "seed": layer_seeds.users(),
            "input_shape": data.input_shape,
            "n_classes": data.n_classes,
        }
        arguments = listed_arguments(build, offered, options, what=model.name, table="model", in_order=ORDER)
        try:
            return build(*arguments.positional, **arguments.named)
        except ValueError as err:
            if hint := channel_axis_hint(data.single_shape or (), said=reason_of(err)):
                raise StudyError(f"model.name: {file} fails: {reason_of(err)}\n  {hint}") from err
            raise

    return Builder(adapted, callbacks=callbacks)


def _functions_of(model: ModelRef, *, base: Path) -> tuple[Callable[..., keras.Model], Callable[..., object] | None]:
    """The user's function that builds, and the one beside it that returns callbacks, if there is one."""
    if model.given is not None:
        return load_given(model.given, setting="model.name", guard=settings_kept)
    path = base / model.file
    module = import_file(path, setting="model.name", guard=settings_kept)
    build = function_in(module, model.function, path=path, setting="model.name")
    return build, _callbacks(module, file=model.file)


def _callbacks(module: ModuleType, *, file: str) -> Callable[..., object] | None:
    """The function `callbacks` that a user's file defines; what is only imported under that name is none."""
    found = vars(module).get("callbacks")
    if isinstance(found, list | tuple) and any(isinstance(one, keras.callbacks.Callback) for one in found):
        raise StudyError(
            f"model.name: {file} has a list of callbacks, but each trial needs its own\n"
            "  write a function that returns them: def callbacks(factors): return [...]"
        )
    is_own = inspect.isfunction(found) and found.__module__ == module.__name__
    return found if is_own else None
