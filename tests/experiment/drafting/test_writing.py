"""A draft is written once, and over nothing."""

import pytest

from ablate.errors import StudyError
from ablate.experiment.drafting.draft import Code, Draft
from ablate.experiment.drafting.writing import write_draft


def test_study_and_code_are_written(tmp_path):
    draft = Draft("mine", "Mine", {"data": {"name": "digits"}}, code=Code(tmp_path / "parts.py", "a = 1\n"))
    assert write_draft(draft, tmp_path / "studies" / "mine.toml") == [
        tmp_path / "parts.py",
        tmp_path / "studies" / "mine.toml",
    ]
    assert (tmp_path / "parts.py").read_text() == "a = 1\n"


@pytest.mark.parametrize("there", ["parts.py", "mine.toml"])
def test_neither_is_written_where_one_exists(tmp_path, there):
    (tmp_path / there).write_text("mine")
    draft = Draft("mine", "Mine", {"data": {"name": "digits"}}, code=Code(tmp_path / "parts.py", "a = 1\n"))
    with pytest.raises(StudyError, match=f"{there} already exists\n"):
        write_draft(draft, tmp_path / "mine.toml")
    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "mine"
