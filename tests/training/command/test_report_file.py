"""The report file of a program, read while it grows."""

import os

import pytest

from ablate.errors import StudyError
from ablate.training.command import report_file
from ablate.training.command.report_file import ReportFile


@pytest.fixture
def path(tmp_path):
    return tmp_path / "report.jsonl"


def append(path, text):
    with path.open("a") as file:
        file.write(text)


def test_lines_are_read_once_each_and_a_line_without_an_end_only_at_the_end(path):
    report = ReportFile(path)
    assert list(report.new_lines()) == []  # not there yet
    append(path, '{"epoch": 1, "mae": 0.5}\n\n{"epoch": 2, "m')
    assert list(report.new_lines()) == [{"epoch": 1, "mae": 0.5}]
    assert list(report.new_lines()) == []
    append(path, 'ae": 0.25}\n{"mae": 0.1}')
    assert list(report.new_lines()) == [{"epoch": 2, "mae": 0.25}]
    assert list(report.new_lines(is_last=True)) == [{"mae": 0.1}]
    assert list(report.new_lines(is_last=True)) == []


def test_a_program_may_write_the_file_anew_for_each_line(path):
    report, found = ReportFile(path), []
    for number in range(1, 4):  # lines of one length
        path.write_text(f'{{"epoch": {number}}}\n')
        os.utime(path, ns=(number, number))
        found += list(report.new_lines())
    path.with_suffix(".new").write_text('{"epoch": 4, "mae": 1}\n')
    path.with_suffix(".new").rename(path)
    found += list(report.new_lines())
    path.write_text("{}\n")
    assert [line.get("epoch") for line in [*found, *report.new_lines()]] == [1, 2, 3, 4, None]


@pytest.mark.parametrize(
    "line", ["mae: 0.5", "[1, 2]", "0.5", '{"mae": 0.5', "\x00\x01", '{"mae": 1} {"mae": 2}', "[" * 9999]
)
def test_a_line_that_is_no_object_is_named_with_its_number(path, line):
    append(path, f'{{"mae": 1}}\n{line}\n')
    with pytest.raises(StudyError, match=r"(?s)\$ABLATE_REPORT: line 2 is no JSON object: .*\n  write lines such as"):
        list(ReportFile(path).new_lines())


def test_a_file_without_end_is_refused(path, monkeypatch):
    monkeypatch.setattr(report_file, "MOST_BYTES", 100)
    append(path, '{"mae": 1}\n' * 10)
    with pytest.raises(StudyError, match="wrote more than 100 bytes"):
        list(ReportFile(path).new_lines())


def test_a_folder_in_its_place_is_refused(path):
    path.mkdir()
    with pytest.raises(StudyError, match="cannot be read"):
        list(ReportFile(path).new_lines())
