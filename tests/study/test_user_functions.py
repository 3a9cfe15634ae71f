"""Functions of the user's are imported by path, and what is wrong with them is said under the key that names them."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ablate.errors import StudyError
from ablate.study.user_functions import import_function


def test_a_function_is_imported_anew_with_the_modules_beside_its_file(tmp_path):
    (tmp_path / "sizes.py").write_text("N = 3\n")
    (tmp_path / "mine.py").write_text("from sizes import N\ndef load():\n    return N\n")
    assert import_function(tmp_path / "mine.py", "load", setting="data.name")() == 3
    (tmp_path / "sizes.py").write_text("N = 4444\n")
    assert import_function(tmp_path / "mine.py", "load", setting="data.name")() == 4444


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"data\.name: no such file: .*mine\.py\n  give its path"),
        ("1 / 0", r"data\.name: importing .*mine\.py failed: ZeroDivisionError"),
        ("def laod(): pass", r'data\.name: .* has no function "load"\n  known: laod       did you mean "laod"'),
    ],
)
def test_what_is_wrong_is_said_under_the_key(tmp_path, text, message):
    if text is not None:
        (tmp_path / "mine.py").write_text(text)
    with pytest.raises(StudyError, match=message):
        import_function(tmp_path / "mine.py", "load", setting="data.name")


def test_a_guard_stands_around_the_import_alone(tmp_path):
    said = []

    @contextmanager
    def guard(who: str) -> Iterator[None]:
        said.append(who)
        yield
        said.append("left")

    (tmp_path / "mine.py").write_text("def load():\n    return 1\n")
    load = import_function(tmp_path / "mine.py", "load", setting="loss", guard=guard)
    assert said == [f"loss: {tmp_path / 'mine.py'}", "left"]
    assert load() == 1
