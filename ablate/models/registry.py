"""A model's name into its builder; user code is imported by its path, and only where a study names it."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import keras

from ablate.errors import StudyError, known_names
from ablate.failure import explained
from ablate.models.build import BUILT_IN, Builder
from ablate.models.layers import LayerSeeds
from ablate.models.looked_up import LookedUp
from ablate.models.process_settings import settings_kept
from ablate.records import Factors, Level


def find_builder(name: str, *, base: Path) -> Builder:
    """The builder of a registered name, or of "my_models.py:build" looked up in the folder `base`."""
    if ":" in name:
        return _user_builder(*name.rsplit(":", 1), base=base)
    if name not in BUILT_IN:
        raise StudyError(
            f'model.name: unknown model "{name}"\n  {known_names(name, BUILT_IN)}, or "my_models.py:build"'
        )
    return BUILT_IN[name]


def _user_builder(file: str, function: str, *, base: Path) -> Builder:
    build = _import_function(base / file, function)

    def adapted(
        factors: Factors, input_shape: tuple[int, ...], n_classes: int, *, layer_seeds: LayerSeeds, **options: Level
    ) -> keras.Model:
        del layer_seeds  # user models draw from Keras' global seed, which is set before each build
        given = factors if isinstance(factors, LookedUp) else dict(factors)
        return build(given, input_shape, n_classes, **options)

    return Builder(adapted)


def _import_function(path: Path, function: str) -> Callable[..., keras.Model]:
    if not _is_file(path):
        raise StudyError(
            f"model.name: there is no file {path}\n  name it relative to the study file, as file.py:function"
        )
    with settings_kept(f"model.name: {path}"):
        module = explained(lambda: _imported(path), f"model.name: importing {path} failed")
    build = explained(lambda: getattr(module, function, None), f"model.name: {path}, looking for {function}")
    if not callable(build):
        found = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise StudyError(f'model.name: {path} has no function "{function}"\n  {known_names(function, found)}')
    made: Callable[..., keras.Model] = build
    return made


def _imported(path: Path) -> ModuleType:
    """The module that a user's file makes; what it raises, or an exit of it, is the caller's to tell."""
    spec = importlib.util.spec_from_file_location(f"ablate_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise StudyError(f"model.name: {path} is no Python file\n  its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[spec.name]
        raise
    return module


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the disk
        return False
