"""A model's name into its builder; user code is imported by its path, and only where a study names it."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import keras

from ablate.errors import StudyError, known_names
from ablate.models import BUILT_IN, Builder, LayerSeeds
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
        return build(dict(factors), input_shape, n_classes, **options)

    return Builder(adapted)


def _import_function(path: Path, function: str) -> Callable[..., keras.Model]:
    if not path.is_file():
        raise StudyError(
            f"model.name: there is no file {path}\n  name it relative to the study file, as file.py:function"
        )
    spec = importlib.util.spec_from_file_location(f"ablate_user_{path.stem}", path)
    assert spec is not None  # a file that exists, loaded as source
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as err:
        raise StudyError(f"model.name: importing {path} failed: {type(err).__name__}: {err}") from err
    if not callable(getattr(module, function, None)):
        found = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise StudyError(f'model.name: {path} has no function "{function}"\n  {known_names(function, found)}')
    build: Callable[..., keras.Model] = getattr(module, function)
    return build
