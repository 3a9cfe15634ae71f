import json

import pytest
from synthetic import provenance

from ablate.errors import DataError
from ablate.report.facts import read_facts, read_rate_tests

TEST = {
    "label": "a", "key": "k", "rates": [1e-6, 1e-5], "losses": [2.3, 1e300], "rules": {"valley": None}, "seconds": 1,
    "suggestion": 1e-3, "verdict": "determined", "reason": "", "seed": 0, "factors": {},
}  # fmt: skip


def test_what_a_study_writes_is_read_as_it_is(tmp_path):
    path = tmp_path / "provenance.json"
    for facts in (provenance(), dict.fromkeys(provenance()), {}, {**provenance(), "more": [{"of": "it"}]}):
        path.write_text(json.dumps(facts))
        assert read_facts(path) == facts
    assert read_facts(tmp_path / "none.json") == {}


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("title", 3), ("data.n_test", "x"), ("data.n_classes", -1), ("data.shape", [[1]]), ("time.total", "long"),
        ("time.total", 1e300), ("reference", ["a"]), ("modes", ["../../x"]), ("looks", [6, 6]), ("notes", "one"),
        ("monitor", "accuracy"), ("git", "dirty"), ("hardware.gpus", {}), ("recipes", {"a": 1}), ("seeds", "some"),
        ("metric", {"direction": "maximize"}), ("frozen.contrasts", 0.5), ("versions", {"keras": None}),
        ("data.n_test", 10**30), ("margin", -0.1), ("conditions", {"a": {"b": "c"}}),
    ],
)  # fmt: skip
def test_a_fact_of_another_kind_is_named(tmp_path, place, value):
    facts, (*above, name) = provenance(), place.split(".")
    table = facts
    for part in above:
        table = table[part]
    table[name] = value
    path = tmp_path / "provenance.json"
    path.write_text(json.dumps(facts))
    with pytest.raises(DataError, match=rf"provenance\.json: {above[0] if above else ''}.*\n  delete the file"):
        read_facts(path)


@pytest.mark.parametrize("content", ["[]", "3", '"x"', "null", '{"title": Infinity}'])
def test_what_is_no_table_of_facts_is_refused(tmp_path, content):
    (tmp_path / "provenance.json").write_text(content)
    with pytest.raises(DataError, match=r"provenance\.json: "):
        read_facts(tmp_path / "provenance.json")


def test_range_tests_are_read_and_losses_beyond_any_picture_are_none(tmp_path):
    path = tmp_path / "lr_tests.json"
    path.write_text(json.dumps([TEST]))
    ((label, test),) = read_rate_tests(path)
    assert (label, test.rates, test.losses[0], test.rules) == ("a", (1e-6, 1e-5), 2.3, {"valley": None})
    assert test.losses[1] != test.losses[1]
    assert read_rate_tests(tmp_path / "none.json") == []


@pytest.mark.parametrize(
    "change",
    [
     {"rates": [0, 1]}, {"rates": [1e-6]}, {"losses": "x"}, {"verdict": "yes"}, {"suggestion": -1},
     {"rules": {"a": "b"}}, {"label": None}, {"suggestion": float("inf")}],
)  # fmt: skip
def test_what_is_no_range_test_is_refused(tmp_path, change):
    path = tmp_path / "lr_tests.json"
    for found in ([{**TEST, **change}], {"a": TEST}, [3], TEST):
        path.write_text(json.dumps(found))
        with pytest.raises(DataError, match=r"lr_tests\.json: "):
            read_rate_tests(path)
