import pytest

from ablate.errors import AblateError
from ablate.experiment.report_source import check_same, file_id, memory_id, store_id


def test_a_file_is_the_same_where_its_project_moves_and_another_study_of_it_is_not(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    assert file_id(here / "a.csv", here / "reports") == file_id(there / "a.csv", there / "reports")
    assert file_id(here / "a.csv", here / "reports") != file_id(here / "b.csv", here / "reports")
    assert file_id(here / "a.db", here / "reports") != file_id(here / "a.db", here / "reports", study="one")


def test_sources_of_different_kinds_have_different_ids():
    assert len({store_id("a"), memory_id("a", []), memory_id("a", ["x"]), memory_id("a", ["x", "y"])}) == 4


def test_a_report_is_replaced_by_that_on_its_own_source_only(tmp_path):
    check_same(tmp_path, {"source_id": "f00d", "source": "a"}, source_id="f00d", source="renamed")
    check_same(tmp_path, {"source": "a"}, source_id="f00d", source="a")
    with pytest.raises(AblateError, match="holds the report of another source, a\n  give this report another name"):
        check_same(tmp_path, {"source_id": "beef", "source": "a"}, source_id="f00d", source="a")
