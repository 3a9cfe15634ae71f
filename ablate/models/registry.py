"""Find the builder of a model by name; user code is imported by path, and only if a study names it."""

import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

import keras

from ablate.errors import StudyError, explained, known_names, reason_of
from ablate.models.build import BUILT_IN, Builder
from ablate.models.layers import LayerSeeds
from ablate.models.model_data import ModelData
from ablate.models.process_settings import channel_axis_hint, settings_kept
from ablate.models.user_code import modules_beside
from ablate.study.listed_arguments import listed_arguments
from ablate.study.model_ref import ModelRef
from ablate.study.trial import Factors, Level

ORDER = ("factors", "input_shape", "n_classes")  # for a function with other names for them
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
    build = _import_function(base / file, function)

    def adapted(factors: Factors, data: ModelData, *, layer_seeds: LayerSeeds, **options: Level) -> keras.Model:
        """Layers without a seed draw from Keras' global one, which is set before each build."""
        given = factors if isinstance(factors, LookedUp) else dict(factors)
        offered = {
            "factors": given,
            "data": data,
            "seed": layer_seeds.users(),
            "input_shape": data.input_shape,
            "n_classes": data.n_classes,
        }
        arguments = listed_arguments(build, offered, options, what=f"{file}:{function}", table="model", in_order=ORDER)
        try:
            return build(*arguments.positional, **arguments.named)
        except ValueError as err:
            if hint := channel_axis_hint(data.single_shape or (), said=reason_of(err)):
                raise StudyError(f"model.name: {file} fails: {reason_of(err)}\n  {hint}") from err
            raise

    return Builder(adapted)


def _import_function(path: Path, function: str) -> Callable[..., keras.Model]:
    if not _is_file(path):
        raise StudyError(
            f"model.name: no such file: {path}\n  give its path relative to the study file, as file.py:function"
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
    """The module of a user's file; the caller reports what it raises, including an exit."""
    spec = importlib.util.spec_from_file_location(f"ablate_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise StudyError(f"model.name: {path} is not a Python file\n  its name must end in .py")
    _look_beside(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[spec.name]
        raise
    return module


class _Beside(MetaPathFinder):
    """Finds modules beside a user's file, before installed ones as for a script, but never instead of Python's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.found: set[str] = set()  # names of the modules

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module of that name; None if it is not beside the file, or if it is inside a package."""
        del target
        if path is not None or not modules_beside(fullname, self._folder):
            return None
        self.found.add(fullname)
        return PathFinder.find_spec(fullname, [str(self._folder)])


def _look_beside(path: Path) -> None:
    """From now on, also while a model is built, search modules beside this file and no longer beside the last one."""
    importlib.invalidate_caches()
    for finder in [finder for finder in sys.meta_path if isinstance(finder, _Beside)]:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.partition(".")[0] in finder.found]:
            del sys.modules[name]  # its file may have changed, or the other folder has a module of the same name
    sys.meta_path.insert(0, _Beside(path.absolute().parent))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the disk
        return False


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
