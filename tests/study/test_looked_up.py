import copy
import json
from types import SimpleNamespace

import pytest

from ablate.study.looked_up import LookedUp

FACTORS = {"width": 16, "depth": 2}


@pytest.mark.parametrize(
    "read",
    [
        lambda f: f["width"],
        lambda f: f.get("width"),
        lambda f: f.get("width", 3),
        lambda f: "width" in f,
        lambda f: f.pop("width"),
        lambda f: f.setdefault("width", 1),
        lambda f: "{width}".format_map(f),
    ],
)
def test_a_level_that_is_asked_for_is_noted_and_no_other(read):
    factors = LookedUp(FACTORS)
    assert read(factors) in (16, True, "16")
    assert factors.names == {"width"}


@pytest.mark.parametrize(
    "read",
    [dict, list, sorted, str, json.dumps, copy.copy, copy.deepcopy, tuple, lambda f: SimpleNamespace(**f),
     lambda f: {**f}, lambda f: {} | f, lambda f: f | {"a": 1}, lambda f: f.items(), lambda f: f.values(),
     lambda f: f.keys(), lambda f: f.copy(), lambda f: f == {}, lambda f: f != {}, lambda f: f.popitem()],
)  # fmt: skip
def test_whoever_goes_through_all_of_it_reads_all_of_it(read):
    factors = LookedUp(FACTORS)
    read(factors)
    assert factors.names == {"width", "depth"}


def test_it_is_a_dictionary_and_nothing_is_noted_without_reading():
    factors = LookedUp(FACTORS)
    assert isinstance(factors, dict)
    assert len(factors) == 2
    assert factors.names == set()
    assert dict(factors) == FACTORS
