"""Read a script of Keras: the statements that make its data and its model, and its call of `fit`."""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ablate.errors import StudyError
from ablate.experiment.drafting.source_edits import SourceText

WAY_OUT = "write build and load by hand, or let the script train as it is: [model] train or command"
OF_FIT = ("epochs", "batch_size", "validation_split", "validation_data", "callbacks", "verbose", "steps_per_epoch")
LOOKS = ("summary", "evaluate", "predict", "save", "save_weights", "fit")  # methods of a model that do not make it


@dataclass(frozen=True)
class Script:
    """The statements of a script, in order, and where it calls `fit`."""

    path: Path
    text: str  # of the statements, with those of `main()` at the top level
    statements: tuple[ast.stmt, ...]
    fit: ast.Call
    at: int  # index of the statement with the call
    lines: dict[int, int]  # the line in the file, by the line in `text`

    @property
    def model(self) -> str:
        """The name of the model."""
        assert isinstance(self.fit.func, ast.Attribute)
        assert isinstance(self.fit.func.value, ast.Name)
        return self.fit.func.value.id

    @cached_property
    def modules(self) -> frozenset[str]:
        """The names that imports bind."""
        imports = (one for one in self.statements if isinstance(one, ast.Import | ast.ImportFrom))
        return frozenset(name for one in imports for name in bound_by(one))

    def error(self, node: ast.AST, what: str) -> StudyError:
        """A `StudyError` that names a line of the script, and the way out."""
        line = self.lines[getattr(node, "lineno", 1)]
        return StudyError(f"{self.path}: line {line}: {what}\n  {WAY_OUT}")

    def needed(self, names: Iterable[str], *, before: int) -> list[ast.stmt]:
        """The statements up to an index that `names` depend on, in order; none that only looks at the model.

        What is changed in place counts wherever it stands: a layer may be frozen after the model has it.
        """
        wanted, touched = set(names), set(names)
        while True:
            kept = self._slice(wanted, touched, before=before)
            read = {name for one in kept for name in loaded_by(one)} - self.modules
            if read <= touched:
                return kept
            touched |= read

    def _slice(self, names: set[str], touched: set[str], *, before: int) -> list[ast.stmt]:
        wanted, kept = set(names), list[ast.stmt]()
        for statement in reversed(self.statements[:before]):
            bound = bound_by(statement)
            if not (bound & wanted or self._changed_by(statement) & (wanted | touched)):
                continue
            kept.append(statement)
            if isinstance(statement, ast.Assign) and bound.isdisjoint(loaded_by(statement)):
                wanted -= bound
            wanted |= loaded_by(statement)
        return kept[::-1]

    def _changed_by(self, statement: ast.AST) -> set[str]:
        """The objects that a statement changes in place: `model.add(…)`, `x[0] = …`; no modules but for their seeds."""
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr=method) as called)):
                root = root_of(called)
                if root in self.modules:
                    return {root} if method == "seed" else set()
                return set() if root == self.model and method in LOOKS else {root}
            case ast.Assign(targets=targets):
                return {root_of(one) for one in targets if isinstance(one, ast.Subscript | ast.Attribute)}
            case ast.AugAssign(target=target):
                return {root_of(target)}
            case ast.FunctionDef() | ast.ClassDef():
                return set()
            case ast.If() | ast.For() | ast.While() | ast.With() | ast.Try():
                changed = {name for inner in ast.iter_child_nodes(statement) for name in self._changed_by(inner)}
                if isinstance(statement, ast.For) and changed & bound_by(statement.target):
                    changed |= loaded_by(statement.iter)  # for layer in base.layers: layer.trainable = False
                return changed
        return set()


def read_script(path: Path) -> Script:
    """Raises `StudyError` if it is no Python, or does not call `fit` of one model, once, outside of loops."""
    try:
        written = path.read_text(encoding="utf-8")
        text, lines = flattened(written)
        statements = tuple(ast.parse(text).body)
    except OSError as err:
        raise StudyError(f"{path}: cannot be read: {err.strerror or err}") from err
    except (SyntaxError, ValueError) as err:
        raise StudyError(f"{path}: is no Python: {err}") from err
    calls = [call for statement in statements for call in ast.walk(statement) if _is_fit(call, statements)]
    if len(calls) != 1:
        places = ", ".join(str(lines[call.lineno]) for call in calls if isinstance(call, ast.Call))
        said = f"calls fit of a model {len(calls)} times (lines {places})" if calls else "calls no model.fit(…)"
        raise StudyError(f"{path}: {said}\n  a script that becomes a study calls it once; else {WAY_OUT}")
    for at, statement in enumerate(statements):
        value = statement.value if isinstance(statement, ast.Expr | ast.Assign) else None
        if isinstance(value, ast.Call) and value is calls[0]:
            return Script(path, text, statements, value, at, lines)
    line = lines[getattr(calls[0], "lineno", 1)]
    raise StudyError(f"{path}: line {line}: model.fit is called in a loop or a function\n  {WAY_OUT}")


def flattened(text: str) -> tuple[str, dict[int, int]]:
    """A program whose `main()` is written out at the top level, and the old number of each of its lines."""
    source, parts, lines = SourceText(text), list[str](), dict[int, int]()
    for statement in flat(ast.parse(text).body):
        part = source.statement(statement)
        first = min(one.lineno for one in (statement, *getattr(statement, "decorator_list", [])))
        lines |= {len(lines) + 1 + n: first + n for n in range(part.count("\n") + 1)}
        parts.append(part)
    return "\n".join(parts) + "\n", lines


def flat(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements with those of `if __name__ == "__main__"` and of a function `main()` in their places."""
    mains = {one.name: one for one in body if isinstance(one, ast.FunctionDef) and not ast.unparse(one.args)}
    called = {name for name in mains if name == "main"}
    for statement in body:
        match statement:
            case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
                yield from flat([*(mains[name] for name in called), *statement.body])
            case ast.Expr(value=ast.Call(func=ast.Name(id=name), args=[], keywords=[])) if name in called:
                yield from (one for one in mains[name].body if not isinstance(one, ast.Return))
            case ast.FunctionDef(name=name) if name in called:
                continue
            case _:
                yield statement


def _is_fit(node: ast.AST, statements: Sequence[ast.stmt]) -> bool:
    """Whether a call is `fit` of a model: of a name that is compiled, or with a keyword that only Keras' fit has."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="fit"), keywords=keywords):
            return any(one.arg in OF_FIT for one in keywords) or any(_compiles(name, one) for one in statements)
    return False


def _compiles(name: str, statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=found), attr="compile"))):
            return found == name
    return False


def bound_by(statement: ast.AST) -> set[str]:
    """The names that a statement binds."""
    match statement:
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return {(one.asname or one.name).partition(".")[0] for one in names}
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
    return {one.id for one in ast.walk(statement) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}


def loaded_by(node: ast.AST) -> set[str]:
    """The names that it reads."""
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)}


def root_of(node: ast.AST) -> str:
    """The name at the start of `a.b[c].d`; "" if it starts with something else."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
