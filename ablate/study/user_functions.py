"""Import a function of a user's file by its path; nothing of the user's is imported unless a study names it."""

import importlib.util
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from ablate.errors import StudyError, explained, known_names
from ablate.study.given_functions import GivenFunction
from ablate.study.settings import StudySettings
from ablate.study.user_code import modules_beside

IMPORTED = "ablate_user_"  # begins the name of the module of a user's file


def import_function(
    path: Path, function: str, *, setting: str, guard: Callable[[str], AbstractContextManager[None]] | None = None
) -> Callable[..., Any]:  # Any: the user's
    """The function of that name in a file, which is imported anew; `setting` is the key that names it, for messages.

    `guard` is entered with a name for messages while the file is imported. Raises `StudyError`.
    """
    return function_in(import_file(path, setting=setting, guard=guard), function, path=path, setting=setting)


def named_function(
    study: StudySettings, name: str, *, setting: str, guard: Callable[[str], AbstractContextManager[None]] | None = None
) -> Callable[..., Any]:  # Any: the user's
    """The function that a study names: handed over by a script, or in a file. Raises `StudyError`."""
    file, _, function = name.rpartition(":")
    if name not in study.functions:
        return import_function(study.base / file, function, setting=setting, guard=guard)
    return load_given(study.functions[name], setting=setting, guard=guard)[0]


def load_given(
    given: GivenFunction, *, setting: str, guard: Callable[[str], AbstractContextManager[None]] | None = None
) -> tuple[Callable[..., Any], Callable[..., Any] | None]:  # Any: the user's
    """A function that a script handed over, and its `callbacks`; modules that it needs are imported. As above."""
    with guard(f"{setting}: {given.shown}") if guard else nullcontext():
        loaded = given.loaded(setting=setting)
    assert loaded.call is not None  # only a function is handed over
    return loaded.call, loaded.callbacks


def import_file(
    path: Path, *, setting: str, guard: Callable[[str], AbstractContextManager[None]] | None = None
) -> ModuleType:
    """A user's file, imported anew; the arguments are those of `import_function`."""
    check_file(path, setting=setting)
    with guard(f"{setting}: {path}") if guard else nullcontext():
        return explained(lambda: _imported(path, setting), f"{setting}: importing {path} failed")


def check_file(path: Path, *, setting: str) -> None:
    """Raise `StudyError` if a user's file is missing; `setting` is the key that names it."""
    if not _is_file(path):
        raise StudyError(
            f"{setting}: no such file: {path}\n  give its path relative to the study file, as file.py:function"
        )


def function_in(module: ModuleType, function: str, *, path: Path, setting: str) -> Callable[..., Any]:  # Any: as above
    """The function of that name in the module of a user's file. Raises `StudyError`."""
    found = explained(lambda: getattr(module, function, None), f"{setting}: {path}, looking for {function}")
    if not callable(found):
        known = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise StudyError(f'{setting}: {path} has no function "{function}"\n  {known_names(function, known)}')
    made: Callable[..., Any] = found
    return made


def _imported(path: Path, setting: str) -> ModuleType:
    """The module of a user's file; the caller reports what it raises, including an exit."""
    spec = importlib.util.spec_from_file_location(f"{IMPORTED}{path.stem}", path)
    if spec is None or spec.loader is None:
        raise StudyError(f"{setting}: {path} is not a Python file\n  its name must end in .py")
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
    """From now on, also while the function runs, search modules beside this file and no longer beside the last one."""
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
