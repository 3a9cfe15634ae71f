"""Digest source code without importing it, to record which code a number came from.

A digest covers what the code does: its syntax without comments, docstrings and layout, and without the places in this
package that it imports from. Rewording or moving a file changes no digest.
"""

import ast
import hashlib
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path

from ablate.study.command_files import command_files, command_modules, first_bytes
from ablate.study.data_ref import is_function
from ablate.study.model_ref import ModelRef
from ablate.study.settings import StudySettings
from ablate.system import NUMERIC
from ablate.text import listed, printable

_PACKAGE = "ablate"
_STEPS = ("train_step", "test_step")
_COMPILES = ("compile", "compile_from_config", "load_model", "compute_loss")  # how a model gets a loss of its own


def named_functions(study: StudySettings, *, but_data: bool = False) -> list[ModelRef]:
    """Every function of the user's that a study names: for its model, data, loss and metrics."""
    data = () if but_data else (study.data.name,)
    model = () if study.model.role == "command" else (study.model.name,)
    named = [*model, *data, study.training.loss, study.metric.name, *(study.metric.also or ())]
    names = [name for name in dict.fromkeys(named) if name and is_function(name)]
    return [ModelRef.of(name, given=study.functions.get(name)) for name in names]


def named_code(study: StudySettings) -> list[str]:
    """The user's code that a study names, for messages: functions, and the files of its command line."""
    named = [function.name for function in named_functions(study)]
    if study.model.role != "command":
        return named
    return [*(command_files(study.model.command, base=study.base) or [study.model.name]), *named]


def code_said(study: StudySettings) -> str:
    """The user's code as the subject of "… has changed": files and functions of memory, with what they use."""
    named = named_functions(study)
    files = [printable(one.file) for one in named if not one.given]
    files += ["a file that model.command names"] * (study.model.role == "command")
    handed = [printable(one.given.shown) for one in named if one.given and one.given.digest]
    parts = [f"{listed(dict.fromkeys(files), 'or')} (or a file it imports)"] if files else []
    parts += [f"{listed(dict.fromkeys(handed), 'or')}, or a function or value that it uses,"] if handed else []
    return ", or ".join(parts) or "the user's code"


def study_digest(study: StudySettings) -> str:
    """Digest of the user's code behind a study, "" without any; that of a model alone is its `code_digest`.

    Raises `OSError` if a file cannot be read.
    """
    named = named_functions(study)
    digests = {one.name if one.given else one.file: code_digest(one, base=study.base) for one in named}
    if study.model.role == "command":
        digests[""] = code_digest(study.model, base=study.base)
    if len(digests) < 2:
        return next(iter(digests.values()), "")
    return joint_digest(f"{file} {digest}" for file, digest in digests.items())


def code_digest(model: ModelRef, *, base: Path) -> str:
    """Digest of the user's code behind a model; "" for the registered models.

    It covers the named file and the modules beside it that are imported, directly or indirectly. Raises
    `OSError` if a file cannot be read. Of a program it covers the files that its command line names, and what the
    Python files among them import; "" where there are none.
    """
    if not model.is_users:
        return ""
    if model.role == "command":
        return _program_digest(model.command, base=base)
    if model.given is not None:
        return model.given.digest
    root = base / model.file
    files = {path.relative_to(root.parent).as_posix(): path for path in user_files(root) if path != root}
    named = (f"{name} {syntax_digest(path.read_bytes())}" for name, path in files.items())  # by their import names
    return joint_digest([syntax_digest(root.read_bytes()), *named])


def _program_digest(command: str, *, base: Path) -> str:
    digests = {}
    for name in command_files(command, base=base):
        is_python = name.endswith(".py")
        digests[name] = code_digest(ModelRef.of(f"{name}:"), base=base) if is_python else _bytes_digest(base / name)
    for module in command_modules(command):
        for path in modules_beside(module, base):
            digests[path.relative_to(base).as_posix()] = syntax_digest(path.read_bytes())
    return joint_digest(f"{name} {digest}" for name, digest in digests.items()) if digests else ""


def code_files(study: StudySettings) -> list[Path]:
    """The files of a study's own code: those it names, and the modules beside them that they import.

    Data that the code reads are not among them.
    """
    found = list[Path]()
    for function in named_functions(study):
        if function.given is None:
            found += user_files(study.base / function.file)
        else:
            found += [path for name in function.given.imported for path in modules_beside(name, study.base)]
    if study.model.role == "command":
        for name in command_files(study.model.command, base=study.base):
            found += user_files(study.base / name) if name.endswith(".py") else [study.base / name]
        for name in command_modules(study.model.command):
            found += modules_beside(name, study.base)
    return list(dict.fromkeys(path for path in found if path.is_file()))


def _bytes_digest(path: Path) -> str:
    return hashlib.sha256(first_bytes(path)).hexdigest()


def syntax_digest(code: bytes) -> str:
    """Digest of what code does, hexadecimal; of its bytes if it is not Python."""
    tree = _bare_tree(code)
    return _digest(tree) if tree is not None else hashlib.sha256(code).hexdigest()


def definition_digests(code: bytes) -> list[str]:
    """A digest of each definition and statement of a module except imports, regardless of their position."""
    tree = _bare_tree(code)
    if tree is None:
        return [syntax_digest(code)]
    return [_digest(node) for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]


def joint_digest(digests: Iterable[str]) -> str:
    """One digest of several, whatever their order, hexadecimal."""
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def _digest(node: ast.AST) -> str:
    return hashlib.sha256(ast.unparse(node).encode(errors="replace")).hexdigest()


def _bare_tree(code: bytes) -> ast.Module | None:
    """The syntax without docstrings and without the places of imports from this package; None: not Python."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.split(".")[0] == _PACKAGE:
            node.module = _PACKAGE
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            _drop_docstring(node)
    return tree


def _drop_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        node.body = node.body[1:] or [ast.Pass()]


def study_stands_alone(study: StudySettings) -> bool:
    """Whether `stands_alone` holds of all code that decides a study's numbers; its data are known by their bytes."""
    named = named_functions(study, but_data=True)
    return study.model.role != "command" and all(stands_alone(function, base=study.base) for function in named)


def stands_alone(model: ModelRef, *, base: Path) -> bool:
    """Whether `code_digest` and the recorded versions cover a model's code: a user's file may import more.

    They never cover a program's.
    """
    if not model.is_users:
        return True
    if model.role == "command":
        return False
    if model.given is not None:
        return not model.given.opaque and all(map(_is_recorded, model.given.imported))
    root = base / model.file
    try:
        trees = [ast.parse(path.read_bytes()) for path in user_files(root)]
    except (OSError, SyntaxError, ValueError):
        return False
    imported = {found for tree in trees for found in imported_modules(tree)}
    elsewhere = {found for found in imported if not modules_beside(found, root.parent)}
    return all(map(_is_recorded, elsewhere))


def _is_recorded(module: str) -> bool:
    """Whether a version in every record stands for the code of a top-level module."""
    return module in NUMERIC or module in sys.stdlib_module_names


@dataclass(frozen=True, slots=True)
class CodeUse:
    """What a file of the user's, or a function that a script handed over, uses."""

    place: str  # for messages
    imported: Collection[str]  # top-level modules
    names: Collection[str]  # functions, methods and modules that it names
    steps: Collection[str] = ()  # methods `train_step` and `test_step` that take what Keras gives on TensorFlow


def uses_of_code(study: StudySettings) -> Iterator[CodeUse]:
    """What the code of a study's model, loss and metrics uses, file by file; nothing of what cannot be read."""
    for function in named_functions(study, but_data=True):
        if function.role == "build":
            yield from _uses(function, base=study.base)


def _uses(model: ModelRef, *, base: Path) -> Iterator[CodeUse]:
    if model.given is not None:
        yield CodeUse(printable(model.given.shown), model.given.imported, model.given.names)
        return
    root = base / model.file
    with suppress(OSError, SyntaxError, ValueError):  # importing it gives a better message
        for path in user_files(root):
            tree = ast.parse(path.read_bytes())
            place = printable(path.relative_to(root.parent).as_posix())
            nodes = list(ast.walk(tree))
            yield CodeUse(place, set(imported_modules(tree)), set(map(_name_of, nodes)), list(_steps(nodes)))


def _steps(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Steps that get a batch alone: on JAX, Keras hands the variables over, too (`train_step(self, state, data)`)."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef) and node.name in _STEPS:
            arguments = node.args
            if len(arguments.posonlyargs) + len(arguments.args) == 2 and arguments.vararg is None:  # self and data
                yield node.name


def may_compile(model: ModelRef, *, base: Path) -> bool:
    """Whether a model may come compiled, with a loss of its own, which nobody knows before it is built.

    So it is if a user's code names something that compiles models, or imports code of others.
    """
    if not model.is_users:
        return False
    return not stands_alone(model, base=base) or _mentions(model, _COMPILES, base=base)


def _mentions(model: ModelRef, names: Collection[str], *, base: Path) -> bool:
    """Whether the user's code behind a model names one of these functions or methods; yes if it cannot be read."""
    if model.given is not None:
        return not model.given.names.isdisjoint(names)
    try:
        trees = [ast.parse(path.read_bytes()) for path in user_files(base / model.file)]
    except (OSError, SyntaxError, ValueError):
        return True
    return any(_name_of(node) in names for tree in trees for node in ast.walk(tree))


def _name_of(node: ast.AST) -> str:
    match node:
        case ast.Attribute():
            return node.attr
        case ast.Name():
            return node.id
        case ast.alias():
            return node.name.split(".")[-1]
        case ast.Constant():
            return str(node.value)  # of getattr
    return ""


def modules_beside(name: str, folder: Path) -> list[Path]:
    """The files of a top-level module in a folder; all files for a package.

    As for a script in that folder, they come before installed modules; a folder without `__init__.py` comes after them.
    Unlike for a script, none replaces a module of Python's own.
    """
    if not name or name in sys.stdlib_module_names:
        return []
    package, file = folder / name, folder / f"{name}.py"
    if (package / "__init__.py").is_file():
        return sorted(package.rglob("*.py"))
    if file.is_file():
        return [file]
    return sorted(package.rglob("*.py")) if package.is_dir() and not _is_installed(name) else []


def _is_installed(name: str) -> bool:
    spec = PathFinder.find_spec(name)
    return spec is not None and spec.loader is not None


def user_files(root: Path) -> list[Path]:
    """A user's file and the files beside it that it imports, directly or through others, in the order of import."""
    found, waiting = [root], [root]
    while waiting:
        for name in dict.fromkeys(_imported_by(waiting.pop(0))):
            new = [path for path in modules_beside(name, root.parent) if path not in found]
            found += new
            waiting += new
    return found


def _imported_by(path: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # importing it gives a better message
        return iter(())
    return imported_modules(tree)


def imported_modules(tree: ast.Module) -> Iterator[str]:
    """The top-level names of the imports; "" for relative imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "" if node.level else (node.module or "").split(".")[0]
