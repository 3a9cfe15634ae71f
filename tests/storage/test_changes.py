import pytest

from ablate.storage.resume import Change, differences


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (20, 30, "a.b 20 → 30"),
        (None, 0.1, "a.b unset → 0.1"),
        (True, None, "a.b true → unset"),
        (["x"], ["x", "y", 3], "a.b adds y, 3"),
        (["x", "y"], ["x", "z"], "a.b drops y and adds z"),
        (["x", "y"], ["y", "x"], "a.b has another order"),
        ("x", ["x"], "a.b x → ['x']"),
        ("a/" * 30 + "one.npz", "a/" * 30 + "two.npz", "a.b …a/a/a/a/a/one.npz → …a/a/a/a/a/two.npz"),
        ("x" * 50, "y" * 50, f"a.b {'x' * 40}… → {'y' * 40}…"),
        ("\x1b[2J", "\u202eevil", r"a.b \x1b[2J → \u202eevil"),
    ],
)  # fmt: skip
def test_a_change_is_one_line_that_shows_what_differs(before, after, said):
    assert str(Change(("a", "b"), before, after)) == said


def test_no_change_is_longer_than_a_line():
    assert len(str(Change(("a",), ["x"], [f"level{n}" for n in range(1000)]))) <= 120


def test_trees_are_compared_setting_by_setting_and_a_missing_table_is_an_empty_one():
    old = {"same": {"x": [1, 2]}, "one": {"epochs": 3, "gone": "x"}, "flag": 1}
    new = {"same": {"x": [1, 2]}, "one": {"epochs": 9}, "flag": True, "new": {"y": 0.5, "empty": {}}}
    assert [(".".join(change.key), change.before, change.after) for change in differences(old, new)] == [
        ("one.epochs", 3, 9),
        ("one.gone", "x", None),
        ("flag", 1, True),
        ("new.y", None, 0.5),
    ]
