"""Replace parts of a program's text by the nodes of its syntax tree, so that the rest stays as it was written."""

import ast
from collections.abc import Callable, Iterator
from typing import Any

Replaced = Callable[[ast.AST], str | None]  # the new text of a node; None: as it was, but for what is inside


class SourceText:
    """A program's text by nodes."""

    def __init__(self, text: str, replaced: Replaced = lambda _: None) -> None:
        lines = text.splitlines(keepends=True)
        self._text, self._lines, self._replaced = text, lines, replaced
        self._starts = [0]
        for line in lines:
            self._starts.append(self._starts[-1] + len(line))

    def of(self, node: ast.AST) -> str:
        """A node's text, with what is replaced in it."""
        if (new := self._replaced(node)) is not None:
            return new
        return self.inside(node)

    def inside(self, node: ast.AST) -> str:
        """A node's text, with what is replaced below it."""
        start, end = self._span(node)
        parts, at = [], start
        for child, new in self._edits(node):
            first, last = self._span(child)
            parts += [self._text[at:first], new]
            at = last
        return "".join([*parts, self._text[at:end]])

    def statement(self, node: ast.stmt) -> str:
        """A statement's text, with lines after the first moved to the left as far as the first."""
        first, *others = self.of(node).splitlines()
        return "\n".join([first, *(self._moved(line, node.col_offset) for line in others)])

    def _edits(self, node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
        """The topmost replaced nodes below a node, in the order of the text."""
        found = list[tuple[ast.AST, str]]()

        def look(one: ast.AST) -> None:
            for child in ast.iter_child_nodes(one):
                new = self._replaced(child) if hasattr(child, "col_offset") else None
                if new is None:
                    look(child)
                else:
                    found.append((child, new))

        look(node)
        return iter(sorted(found, key=lambda edit: self._span(edit[0])))

    def _span(self, node: ast.AST) -> tuple[int, int]:
        decorators: list[ast.expr] = getattr(node, "decorator_list", [])
        first: Any = decorators[0] if decorators else node  # Any: nodes of a text have places
        start = self._place(first.lineno, first.col_offset) - (1 if decorators else 0)  # the @
        return start, self._place(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def _place(self, line: int, column: int) -> int:
        """Where a line, from 1, and a column, in bytes, stand in the text."""
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())

    @staticmethod
    def _moved(line: str, by: int) -> str:
        return line[by:] if not line[:by].strip() else line
