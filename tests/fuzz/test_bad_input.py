"""Whatever comes in is taken or refused in plain words; the same doors at length: benchmarks/does_it_refuse.py."""

import tempfile
from pathlib import Path

import pytest
from bad_archives import ARCHIVES
from bad_examples import EXAMPLE_TABLES, FUNCTIONS, IMAGE_FOLDERS
from bad_folders import base_folder, folders
from bad_studies import NAMES, OVERRIDES, STUDY_FILES
from bad_tables import REPORTED_TABLES, TABLES
from doors import Defect, Door, tried
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from study_keys import ITEMS

from ablate.errors import AblateError
from ablate.study.settings import Data, LrTest, MetricTable, Search, StudyTable, Training

DOORS = {
    "study files": (STUDY_FILES, 40),
    "overrides": (OVERRIDES, 30),
    "names": (NAMES, 30),
    "tables": (TABLES, 12),
    "data": (ARCHIVES, 60),
    "example tables": (EXAMPLE_TABLES, 60),
    "functions": (FUNCTIONS, 60),
    "image folders": (IMAGE_FOLDERS, 30),
}
AT_LENGTH = 1_000


def check(door: Door, *, examples: int) -> dict[str, int]:
    """Try so many examples, always the same ones; how many were accepted and refused."""
    counts = {"accepted": 0, "refused": 0}

    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(door.examples)
    def every(example: object) -> None:
        with tempfile.TemporaryDirectory() as folder:
            counts[tried(door, example, Path(folder))] += 1

    every()
    return counts


@pytest.mark.parametrize("name", DOORS)
def test_what_comes_in_is_taken_or_refused_in_plain_words(name: str) -> None:
    door, examples = DOORS[name]
    assert min(check(door, examples=examples).values()) > 0 or name == "names"


@pytest.mark.slow
@pytest.mark.parametrize("name", DOORS)
def test_a_thousand_of_each_are_taken_or_refused(name: str) -> None:
    door, _ = DOORS[name]
    check(door, examples=AT_LENGTH if name != "tables" else AT_LENGTH // 5)


@pytest.mark.slow
def test_an_edited_study_makes_a_page_or_is_refused(tmp_path: Path) -> None:
    base = base_folder(tmp_path / "base")
    check(folders(base), examples=AT_LENGTH // 5)
    check(folders(base, report=True), examples=6)
    check(REPORTED_TABLES, examples=12)


@pytest.mark.parametrize(
    ("table", "record"),
    [("data", Data), ("training", Training), ("metric", MetricTable), ("lr_test", LrTest), ("search", Search)],
)  # fmt: skip
def test_every_key_of_a_task_and_its_data_is_drawn(table: str, record: type[StudyTable]) -> None:
    several = {"sources"} if table == "data" else set()  # a table of data sets, each with keys of the record
    assert set(ITEMS[table]) == set(record.model_fields) | several


def test_the_checks_themselves_tell_a_defect(tmp_path: Path) -> None:
    def door(enter: object) -> Door:
        return Door(st.none(), enter, ("x.toml",))  # type: ignore[arg-type]

    def refuse(message: str):
        def enter(_: object, __: Path) -> None:
            raise AblateError(message)

        return enter

    assert tried(door(refuse("x.toml: no")), None, tmp_path) == "refused"
    assert tried(door(lambda _, __: None), None, tmp_path) == "accepted"
    for enter in (
        refuse(""), refuse("there: no"), refuse("x.toml:\n" * 9), lambda _, __: {}["x"],
        lambda _, folder: (folder.parent / "x").touch(),
    ):  # fmt: skip
        with tempfile.TemporaryDirectory() as folder, pytest.raises(Defect):
            tried(door(enter), None, Path(folder))
