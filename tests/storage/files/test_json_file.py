from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest

from ablate.errors import DataError
from ablate.storage.files.json_file import Within, read_json, to_plain, to_record, to_records

PLACE = Path("legs.json")


def test_what_is_not_there_is_what_is_taken_otherwise(tmp_path):
    assert read_json(tmp_path / "x.json", otherwise=[]) == []
    (tmp_path / "x.json").write_text('{"a": 1}')
    assert read_json(tmp_path / "x.json", otherwise=[]) == {"a": 1}


@pytest.mark.parametrize(
    "content",
    [b"", b"[{]", b"\xff\xfe\0", b"[" * 100_000, b"9" * 5000, rb'"half of a pair: \ud800"', b'{"a": ' * 50_000],
)
def test_what_cannot_be_read_or_written_again_is_refused(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"x\.json: is not JSON: .*\n  delete the file"):
        read_json(path, otherwise={})
    with pytest.raises(DataError, match=r"cannot be read: Is a directory"):
        read_json(tmp_path, otherwise={})


@dataclass(frozen=True, slots=True)
class Leg:
    from_: str
    km: Annotated[float, Within(0, 100, is_open=True)]
    stops: Sequence[int] | None = None


def test_a_record_is_made_of_a_table_and_the_other_way():
    table = {"from": "a", "km": 3, "stops": [1, 2]}
    leg = to_record({**table, "newer": {}}, Leg, place=PLACE)
    assert leg == Leg("a", 3, [1, 2])
    assert to_plain(leg) == table
    assert to_plain(to_record({"from": "a", "km": 2.5, "stops": None}, Leg, place=PLACE)) == {"from": "a", "km": 2.5}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"km": 1}, "from is missing"),
        ({"from": "a", "km": 0}, "km: must be above 0 and at most 100, got 0"),
        ({"from": "a", "km": True}, "km: must be a number, got true"),
        ({"from": "a", "km": 1, "stops": [1, 2.0]}, "stops[1]: must be a whole number, got 2.0"),
        ("a", 'must be a table, got "a"'),
    ],
)
def test_key_rule_and_value_are_said_of_what_is_no_record(value, said):
    with pytest.raises(DataError) as refused:
        to_record(value, Leg, place=PLACE)
    assert str(refused.value) == f"legs.json: {said}\n  delete the file to leave its sections out of the report"


def test_of_a_list_of_records_the_place_is_named():
    good = {"from": "a", "km": 1}
    assert to_records([good, good], Leg, place=PLACE) == [Leg("a", 1)] * 2
    for value, said in (([good, {**good, "from": 1}], r"\[1\]\.from: must be text"), (good, "must be a list, got")):
        with pytest.raises(DataError, match=f"legs.json: {said}"):
            to_records(value, Leg, place=PLACE)
