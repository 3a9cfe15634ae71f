import itertools

from tables import runs

from ablate.analysis.imports.aliases import aliases
from ablate.analysis.imports.configurations import find_configurations


def said(*configurations, names="abc", repeats=3):
    """The sentences on configurations, each run with several seeds."""
    rows = [dict(zip(names, levels, strict=True)) for levels in configurations for _ in range(repeats)]
    source = runs(rows)
    return aliases(find_configurations(source, tuple(rows[0])))


def test_factors_that_always_change_together_are_said_once():
    assert said(("x", 1), ("y", 2), names="ab") == [
        "a and b always change together, so their effects cannot be told apart"
    ]


def test_a_factor_that_another_one_decides_is_said():
    found = said(("adam", 0.001, 1), ("sgd", 0.1, 1), ("rms", 0.001, 1), ("adam", 0.001, 2), ("sgd", 0.1, 2))
    assert found == ["b never changes unless a does, so its effect cannot be told from that of a"]


def test_a_factor_that_follows_from_two_others_is_said():
    half = [(a, b, a ^ b) for a, b in itertools.product((0, 1), repeat=2)]
    assert said(*half)[2] == "c follows from a and b, so its effect cannot be told from an interaction of the two"
    assert len(said(*half)) == 3


def test_nothing_is_said_of_crossed_factors_of_one_factor_designs_or_of_drawn_values():
    assert said(*itertools.product("xy", (1, 2), (3, 4))) == []
    assert said(("x", 1, 3), ("y", 1, 3), ("x", 2, 3), ("x", 1, 4)) == []
    assert said(*((f"w{i % 4}", i % 3, i / 7) for i in range(24)), repeats=1) == []
