import json

import pandas as pd
import pytest

from ablate.analysis.sources import read_csv_runs
from ablate.errors import DataError

RECORDS = [{"config": {"lr": 0.1, "norm": "none"}, "acc": 0.5}, {"config": {"lr": 0.2, "norm": None}, "acc": None}]
TABLE = {"config.lr": ["0.1", "0.2"], "config.norm": ["none", ""], "acc": ["0.5", ""]}


def read(tmp_path, text, name="runs.json"):
    path = tmp_path / name
    path.write_text(text)
    return read_csv_runs(path).table.to_dict("list")


def test_records_are_read_as_an_array_or_a_line_each(tmp_path):
    lines = "\n".join(map(json.dumps, RECORDS))
    assert read(tmp_path, json.dumps(RECORDS, indent=1)) == TABLE
    assert read(tmp_path, json.dumps(RECORDS), "runs.txt") == TABLE
    assert read(tmp_path, lines, "runs.jsonl") == TABLE
    assert read(tmp_path, lines, "runs.log") == TABLE


@pytest.mark.parametrize("orient", ["records", "columns", "split"])
def test_what_pandas_writes_is_read(tmp_path, orient):
    table = pd.DataFrame({"norm": ["none", "batch"], "acc": [0.5, 0.7]})
    assert read(tmp_path, table.to_json(orient=orient)) == {"norm": ["none", "batch"], "acc": ["0.5", "0.7"]}


def test_values_of_different_kinds_stay_apart(tmp_path):
    records = [{"a": value, "acc": 0.5} for value in (1, "1", True, "True", None, 1.5)]
    assert read(tmp_path, json.dumps(records))["a"] == ["1", '"1"', "True", '"True"', "", "1.5"]
    assert read(tmp_path, '[{"a": NaN}, {"a": [1, 2]}]')["a"] == ["", "[1, 2]"]


@pytest.mark.parametrize("text", ["[]", "3", "[1, 2]", "{", "[" * 100_000, '{"a": 1}\n3\n'])
def test_json_without_records_is_refused(tmp_path, text):
    with pytest.raises(DataError, match=r"runs.json: holds no records"):
        read(tmp_path, text)


def test_a_csv_whose_header_has_braces_is_no_json(tmp_path):
    assert read(tmp_path, "{a},b\n1,2\n", "runs.csv") == {"{a}": ["1"], "b": ["2"]}


def test_half_a_character_is_no_record(tmp_path):
    (tmp_path / "a.json").write_text('[{"a": "\\ud800", "acc": 1}]')
    with pytest.raises(DataError, match=r"a\.json: holds no records"):
        read_csv_runs(tmp_path / "a.json")
