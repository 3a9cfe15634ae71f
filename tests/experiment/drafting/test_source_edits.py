"""Parts of a program's text are replaced, and the rest stays as it was written."""

import ast

from ablate.experiment.drafting.source_edits import SourceText

TEXT = "def f(a):\n    é = 'é', g( 1 , h(2) )  # é\n    return a\n@wraps(f)\ndef g():\n    pass\n"


def edited(text, edits):
    """The statements, where `edits` says what is written for a piece of text."""
    tree = ast.parse(text)
    known = {ast.unparse(ast.parse(piece).body[0].value): new for piece, new in edits.items()}
    source = SourceText(text, lambda node: known.get(ast.unparse(node)) if isinstance(node, ast.expr) else None)
    return [source.statement(statement) for statement in tree.body]


def test_without_edits_a_statement_is_as_written_with_its_decorators():
    assert edited(TEXT, {}) == [
        "def f(a):\n    é = 'é', g( 1 , h(2) )  # é\n    return a",
        "@wraps(f)\ndef g():\n    pass",
    ]


def test_an_edit_after_letters_of_several_bytes_is_in_its_place():
    assert edited(TEXT, {"h(2)": "x"})[0] == "def f(a):\n    é = 'é', g( 1 , x )  # é\n    return a"


def test_the_outer_of_two_edits_is_taken():
    assert "g( 1" not in edited(TEXT, {"g(1, h(2))": "G", "2": "two"})[0]
    assert "'é', G  # é" in edited(TEXT, {"g(1, h(2))": "G", "2": "two"})[0]


def test_several_edits_stand_in_order():
    assert edited("f(1, 2, 1)\n", {"1": "one", "2": "two"}) == ["f(one, two, one)"]


def test_lines_of_an_indented_statement_move_to_the_left():
    tree = ast.parse("if x:\n    y = [\n        1,\n    ]\n")
    assert SourceText("if x:\n    y = [\n        1,\n    ]\n").statement(tree.body[0].body[0]) == "y = [\n    1,\n]"
