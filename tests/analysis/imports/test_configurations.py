import numpy as np
import pytest
from tables import crossed, runs

from ablate.analysis.imports.configurations import choose_reference, find_configurations, labels_of, matching, text_of
from ablate.errors import DataError

FACTORS = ("norm", "drop")


def test_configurations_stand_in_the_order_in_which_they_came_up():
    found = find_configurations(runs(crossed()), FACTORS)
    assert [text_of(found, i) for i in range(6)][:4] == [
        "norm=none, drop=0.0", "norm=none, drop=0.1", "norm=none, drop=0.3", "norm=batch, drop=0.0",
    ]  # fmt: skip
    assert labels_of(found).tolist() == [text_of(found, i) for i in range(6)]
    assert found.of_run.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert found.is_factorial
    assert not find_configurations(runs(crossed()[2:]), FACTORS).is_factorial
    assert not find_configurations(runs(crossed()), ("norm",)).is_factorial


def test_neighbours_differ_in_one_factor_as_counting_says():
    rng = np.random.default_rng(0)
    table = {name: rng.integers(3, size=60).tolist() for name in "abcd"}
    found = find_configurations(runs(table), tuple("abcd"))
    by_hand = [int(((found.codes != codes).sum(axis=1) == 1).sum()) for codes in found.codes]
    assert [int((found.differing(i) >= 0).sum()) for i in range(len(found.codes))] == by_hand
    assert found.neighbours().tolist() == by_hand
    assert len(set(by_hand)) > 2


def test_the_reference_is_the_one_with_most_neighbours_then_most_runs_then_the_first():
    table = {"a": [1, 2, 2, 3, 9], "b": ["x", "x", "x", "x", "y"]}
    at, said = choose_reference(find_configurations(runs(table), ("a", "b")), "", place="t")
    assert at == 1  # a=2 has two neighbours as a=1 and a=3 have, and two runs
    assert "a=2, b=x, because it has the most neighbours, which differ in exactly one factor (2)" in said
    assert choose_reference(find_configurations(runs(crossed()), FACTORS), "", place="t")[0] == 0
    at, said = choose_reference(find_configurations(runs(crossed()), FACTORS), "drop=.3", place="t")
    assert (at, "among the configurations that match --reference" in said) == (2, True)


def test_levels_are_the_same_numbers_however_they_are_written_and_may_hold_commas():
    found = find_configurations(
        runs({"layers": ["64, 32", "64, 32", "8"], "rate": ["1e-2", "0.1", ".1"]}), ("layers", "rate")
    )
    assert matching(found, "layers=64, 32, rate=0.010", place="t", option="--reference").tolist() == [
        True,
        False,
        False,
    ]
    assert choose_reference(found, " rate=1e-1,layers=8", place="t") == (2, "Reference: layers=8, rate=0.1.")


def test_what_a_reference_names_must_be_there():
    found = find_configurations(runs({"a": [1, 2], "b": ["x", "y"]}), ("a", "b"))
    for stated, message in (
        ("c=1", '"c" is not a factor\n  known: a, b'),
        ("a", '"a" is not a factor'),
        ("a=3", 'a has no level "3"\n  known: 1, 2'),
        ("a=1,b=y", "no run has a=1,b=y"),
    ):
        with pytest.raises(DataError, match=f"t: --target: {message}"):
            matching(found, stated, place="t", option="--target")


def test_what_a_run_does_not_have_is_a_level():
    found = find_configurations(
        runs({"norm": ["none", "batch", "batch"], "momentum": ["", 0.5, 0.9]}), ("norm", "momentum")
    )
    assert found.levels["momentum"] == ("", 0.5, 0.9)
    assert found.at(0) == {"norm": "none", "momentum": ""}


def test_the_one_factor_in_which_a_configuration_differs():
    found = find_configurations(runs(crossed()), FACTORS)
    assert found.differing(0).tolist() == [-1, 1, 1, 0, -2, -2]


def test_numbers_that_were_drawn_are_not_compared_one_by_one():
    rates = [0.01 * i for i in range(1, 13)]
    found = find_configurations(runs({"norm": ["a", "b"] * 6, "rate": rates}), ("norm", "rate"))
    assert found.drawn == ("rate",)
    assert found.neighbours().tolist() == [0] * 12
    assert (found.differing(0)[1:] == -2).all()
    repeated = find_configurations(runs({"norm": ["a", "b"] * 18, "rate": rates * 3}), ("norm", "rate"))
    assert repeated.drawn == ()
    words = [f"net {i}" for i in range(12)]
    assert find_configurations(runs({"norm": words, "rate": rates}), ("norm", "rate")).drawn == ("rate",)


def test_numbers_are_one_level_however_they_are_written_and_words_must_not_read_alike():
    table = {"a": ["0", "0.0", "1", "1e0"], "acc": [1, 2, 3, 4]}
    assert find_configurations(runs(table), ("a",)).levels["a"] == (0, 1)
    with pytest.raises(
        DataError, match=r'a: the levels "0" and "0\.0" are the same number\n  write the level in only one way'
    ):
        find_configurations(runs({**table, "a": ["0", "0.0", "none", "none"]}), ("a",))
