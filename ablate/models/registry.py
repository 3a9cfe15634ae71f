"""A model's name into its builder; user code is imported by its path, and only where a study names it."""

import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

import keras

from ablate.errors import StudyError, explained, known_names, reason_of
from ablate.models.build import BUILT_IN, Builder
from ablate.models.layers import LayerSeeds
from ablate.models.process_settings import channel_axis_hint, settings_kept
from ablate.models.user_code import modules_beside
from ablate.study.trial import Factors, Level


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
        try:
            return build(given, input_shape, n_classes, **options)
        except ValueError as err:
            if hint := channel_axis_hint(input_shape, said=reason_of(err)):
                raise StudyError(f"model.name: {file} fails: {reason_of(err)}\n  {hint}") from err
            raise

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
    """Finds the modules beside a user's file, before installed ones as for a script, but never for Python's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.found: set[str] = set()  # names of the modules

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module of that name; None where it is not beside the file, or within a package."""
        del target
        if path is not None or not modules_beside(fullname, self._folder):
            return None
        self.found.add(fullname)
        return PathFinder.find_spec(fullname, [str(self._folder)])


def _look_beside(path: Path) -> None:
    """From now on, also while a model is built, look for modules beside this file and no longer beside another one."""
    importlib.invalidate_caches()
    for finder in [finder for finder in sys.meta_path if isinstance(finder, _Beside)]:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.partition(".")[0] in finder.found]:
            del sys.modules[name]  # its file may have changed, or the other folder has another of its name
    sys.meta_path.insert(0, _Beside(path.absolute().parent))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the disk
        return False


class LookedUp(dict[str, Level]):
    """A dictionary of levels; `names` are the keys that were asked for. Going through all of it reads all of it."""

    def __init__(self, factors: Factors) -> None:
        super().__init__(factors)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> Level:
        self.names.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.names.add(str(name))
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:  # Any: the caller's own
        """The level of a factor, or the default."""
        self.names.add(name)
        return super().get(name, default)

    def pop(self, name: str, *default: Any) -> Any:  # Any: the caller's own
        """The same, taken out."""
        self.names.add(name)
        return super().pop(name, *default)

    def setdefault(self, name: str, default: Any = None) -> Any:  # Any: the caller's own
        """The same, put in where there is none."""
        self.names.add(name)
        return super().setdefault(name, default)

    # With a way of its own to go through it, `dict(…)`, `**` and `{**…}` ask for each key instead of copying memory.
    def __iter__(self) -> Iterator[str]:
        self._read_all()
        return super().__iter__()

    def keys(self) -> Any:  # Any: as Python's own views
        """All names."""
        self._read_all()
        return super().keys()

    def values(self) -> Any:  # Any: as above
        """All levels."""
        self._read_all()
        return super().values()

    def items(self) -> Any:  # Any: as above
        """All pairs."""
        self._read_all()
        return super().items()

    def copy(self) -> dict[str, Level]:
        """A plain copy."""
        self._read_all()
        return super().copy()

    def popitem(self) -> tuple[str, Level]:
        """The last pair, taken out."""
        self._read_all()
        return super().popitem()

    def __or__(self, other: Any) -> Any:  # Any: as Python's own
        self._read_all()
        return super().__or__(other)

    def __ror__(self, other: Any) -> Any:  # Any: as above
        self._read_all()
        return super().__ror__(other)

    def __eq__(self, other: object) -> bool:
        self._read_all()
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        self._read_all()
        return super().__ne__(other)

    def __repr__(self) -> str:
        self._read_all()
        return super().__repr__()

    __hash__ = None  # as a dictionary's

    def _read_all(self) -> None:
        self.names.update(super().keys())
