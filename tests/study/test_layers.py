import time

import pytest
from study_texts import GOOD, OWN_MODEL


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#" + "x" * 300_000, "x.toml: is no study: it has more than 262,144 bytes"),
        (f"title = '{'x' * 20_000}'", "x.toml: line 1 has more than 10,000 characters\n  break it in several"),
        (f"\n{'a.' * 6_000}b = 1", "x.toml: line 2 has more than 10,000 characters"),
        (f"quick = {'[' * 300}{']' * 300}", "x.toml: quick: must be a table, got [[…]]"),
    ],
)
def test_a_file_that_is_no_study_is_refused_before_it_is_read(complaint, text, message):
    assert complaint(text).startswith(message)


def test_no_file_of_a_study_s_size_takes_long_to_refuse(complaint):
    """A dotted key costs the square of its length: one of a megabyte would take an hour."""
    begun = time.perf_counter()
    complaint("\n".join(f"{'a.' * 4_900}b{number} = 1" for number in range(25)))
    assert time.perf_counter() - begun < 5


def test_a_long_override_is_refused(complaint):
    assert complaint(GOOD, "training.x=" + "9" * 20_000) == "--set training.x: has more than 10,000 characters"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("data/mine.npz", f"{'x' * 300}.npz", "x.toml: data.name: a name in a path has at most 255 bytes, got"),
        ("data/mine.npz", "a/" * 600 + "x.npz", "x.toml: data.name: must have at most 1000 characters, got"),
        ("nets.py:build", f"{'日' * 100}.py:build", "x.toml: model.name: a name in a path has at most 255 bytes, got"),
    ],
)
def test_a_path_that_no_file_system_takes_is_refused(complaint, old, new, message):
    assert complaint(OWN_MODEL.replace(old, new)).startswith(message)


def test_a_factor_may_have_the_name_of_a_device(load):
    assert "aux" in load(OWN_MODEL.replace("kernel", "aux")).space.dimensions
