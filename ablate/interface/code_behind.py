"""Digest a function's code in memory: its instructions, and everything of the user's that it refers to.

Instructions, not source: they are what runs, also of a cell that was edited since, and of code that has no file.
Comments, docstrings and line numbers are not among them. They change with Python's minor version, which is recorded.
"""

import ast
import dis
import functools
import hashlib
import site
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from ablate.study.user_code import imported_modules, modules_beside, syntax_digest, user_files

_GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME")
_PLAIN = (str, bytes, int, float, complex, bool, type(None), type(...), range)
_CLASS_PARTS = ("__dict__", "__weakref__", "__doc__", "__module__", "__qualname__", "__firstlineno__")


@dataclass(frozen=True, slots=True)
class CodeBehind:
    """What is known of the code behind some functions."""

    digest: str  # hexadecimal
    names: frozenset[str]  # functions, methods, modules and texts that the code names
    imported: frozenset[str]  # top-level modules that are not the user's
    opaque: tuple[str, ...]  # values that no digest covers

    @classmethod
    def of(cls, *functions: Any) -> "CodeBehind":  # Any: whatever can be called
        """The code behind functions, in that order."""
        walk = _Walk()
        for function in functions:
            walk.take(getattr(function, "__name__", type(function).__name__), function)
        digest = hashlib.sha256("\n".join(walk.parts).encode(errors="replace")).hexdigest()
        return cls(digest, frozenset(walk.names), frozenset(walk.imported), tuple(dict.fromkeys(walk.opaque)))


def is_users_module(name: str) -> bool:
    """Whether a module is the user's: a file outside of Python's own folders and of those for installed packages."""
    if name.partition(".")[0] in sys.stdlib_module_names:
        return False
    file = getattr(sys.modules.get(name), "__file__", None)
    return file is not None and not any(Path(file).resolve().is_relative_to(folder) for folder in _installed_folders())


@functools.cache
def _installed_folders() -> tuple[Path, ...]:
    own = str(Path(__file__).parents[1])  # a checkout of this package is none of the user's code
    of_python = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    on_path = [name for name in sys.path if name.endswith(("site-packages", "dist-packages"))]
    named = [own, *of_python, *site.getsitepackages(), site.getusersitepackages(), *on_path]
    return tuple(dict.fromkeys(Path(name).resolve() for name in named))


@dataclass(slots=True)
class _Walk:
    """Goes from a function to what it refers to, each thing once, in the order of its code."""

    parts: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    imported: set[str] = field(default_factory=set)
    opaque: list[str] = field(default_factory=list)
    # The place of each object by its id; the object is kept, or another might get its id.
    seen: dict[int, tuple[int, Any]] = field(default_factory=dict)  # Any: the user's

    def take(self, name: str, value: Any) -> None:  # Any: the user's
        """Add a value that the code knows under a name."""
        if isinstance(value, _PLAIN):
            self.parts.append(f"{name} = {value!r}")
            return
        if id(value) in self.seen:
            self.parts.append(f"{name} is {self.seen[id(value)][0]}")
            return
        self.seen[id(value)] = len(self.seen), value
        match value:
            case FunctionType() if self._is_users(value.__module__):
                self._function(name, value)
            case MethodType():
                self.take(f"{name}.method", value.__func__)
                self.take(f"{name}.self", value.__self__)
            case functools.partial():
                self.take(f"{name}.function", value.func)
                self.take(f"{name}.given", [value.args, value.keywords])
            case ModuleType():
                self._module(name, value)
            case type() if self._is_users(value.__module__):
                self._class(name, value)
            case FunctionType() | BuiltinFunctionType() | type() | np.ufunc():
                self._library(name, value)
            case list() | tuple() | dict() | set() | frozenset():
                self._collection(name, value)
            case np.ndarray() | np.generic() if value.dtype.kind != "O":
                held = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
                self.parts.append(f"{name} = array {value.dtype.str} {value.shape} {held}")
            case _:
                self._object(name, value)

    def _is_users(self, module: str | None) -> bool:
        return module == "__main__" or module not in sys.modules or is_users_module(module)

    def _function(self, name: str, function: FunctionType) -> None:
        self.parts.append(f"{name} = function")
        self._code(function.__code__)
        self.take(f"{name}.defaults", [function.__defaults__, function.__kwdefaults__])
        for cell_name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                self.take(cell_name, cell.cell_contents)
            except ValueError:  # not set yet
                self.parts.append(f"{cell_name} is empty")
        for used in dict.fromkeys(_globals_of(function.__code__)):
            if used in function.__globals__:
                self.take(used, function.__globals__[used])

    def _code(self, code: CodeType) -> None:
        """Its instructions with their constants, and those of functions inside."""
        self.names.update(code.co_names)
        for step in dis.get_instructions(code):
            value = step.argval
            if isinstance(value, CodeType):
                self.parts.append(step.opname)
                self._code(value)
            elif step.opname == "IMPORT_NAME":
                self._imports(str(value))
            else:
                self.names.update([value] if step.opname == "LOAD_CONST" and isinstance(value, str) else ())
                self.parts.append(f"{step.opname} {_constant(value)}")

    def _imports(self, name: str) -> None:
        """A module that the function imports itself."""
        self.parts.append(f"import {name}")
        if (module := sys.modules.get(name.partition(".")[0])) is not None:
            self._module(name, module)
        else:
            self.imported.add(name.partition(".")[0])

    def _module(self, name: str, module: ModuleType) -> None:
        self.parts.append(f"{name} = module {module.__name__}")
        if not is_users_module(module.__name__):
            self.imported.add(module.__name__.partition(".")[0])
            return
        for path in user_files(Path(str(module.__file__))):
            code = path.read_bytes()
            self.parts.append(f"{path.name} {syntax_digest(code)}")
            try:
                tree = ast.parse(code)
            except (SyntaxError, ValueError):
                continue
            self.names.update(_names_in(tree))
            self.imported.update(_elsewhere(tree, path.parent))

    def _class(self, name: str, kind: type) -> None:
        self.parts.append(f"{name} = class")
        self.take(f"{name}.bases", kind.__bases__)
        for part, value in vars(kind).items():
            if part not in _CLASS_PARTS:
                plain = value.__func__ if isinstance(value, staticmethod | classmethod) else value
                getter = [plain.fget, plain.fset] if isinstance(plain, property) else plain
                self.take(f"{name}.{part}", getter)

    def _library(self, name: str, value: Any) -> None:  # Any: a function or class of a library
        module = getattr(value, "__module__", None) or type(value).__module__ or "builtins"
        self.parts.append(f"{name} = {module}.{getattr(value, '__qualname__', getattr(value, '__name__', ''))}")
        self.imported.add(module.partition(".")[0])

    def _collection(self, name: str, value: Any) -> None:  # Any: of what
        items: list[Any] = list(value.items()) if isinstance(value, Mapping) else list(value)
        if isinstance(value, set | frozenset):
            items.sort(key=repr)
        self.parts.append(f"{name} = {type(value).__name__} of {len(items)}")
        for number, item in enumerate(items):
            self.take(f"{name}.{number}", item)

    def _object(self, name: str, value: Any) -> None:  # Any: of a class of anybody's
        kind = type(value)
        held = getattr(value, "__dict__", None)
        if self._is_users(kind.__module__) and isinstance(held, dict):
            self.parts.append(f"{name} = object")
            self.take(f"{name}.class", kind)
            self.take(f"{name}.held", held)
            return
        self.parts.append(f"{name} = {kind.__module__}.{kind.__qualname__}")
        self.imported.add(kind.__module__.partition(".")[0])
        config = _config(value)
        if config is None:
            self.opaque.append(name)
        else:
            self.take(f"{name}.config", config)


def _config(value: Any) -> object:  # Any: of a class of a library
    """What says all of an object, as Keras' initializers and losses say it; None for others, and with weights."""
    try:
        return None if getattr(value, "weights", ()) else value.get_config()
    except Exception:  # it has none, or does not tell
        return None


def _constant(value: object) -> str:
    """A constant as text that is the same in every process: sets have no order of their own."""
    return repr(sorted(value, key=repr)) if isinstance(value, frozenset) else repr(value)


def _globals_of(code: CodeType) -> Iterator[str]:
    for step in dis.get_instructions(code):
        if step.opname in _GLOBAL:
            yield str(step.argval)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _globals_of(inner)


def _names_in(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) | ast.Name(id=name):
                yield name
            case ast.alias(name=name):
                yield name.split(".")[-1]
            case ast.Constant(value=str() as name):
                yield name


def _elsewhere(tree: ast.Module, folder: Path) -> Iterator[str]:
    return (name for name in imported_modules(tree) if name and not modules_beside(name, folder))
