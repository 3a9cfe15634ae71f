import time

import pytest
from study_texts import GOOD, OWN_MODEL


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#" + "x" * 1_100_000, "x.toml: is no study: it has more than 1,048,576 bytes"),
        (f"\n{'a.' * 6_000}b = 1", "x.toml: line 2 has a key of more than 50 parts\n  a study's keys have at most six"),
        ("[" + '"a" . ' * 60 + "b]", "x.toml: line 1 has a key of more than 50 parts"),
        (f"quick = {'[' * 300}{']' * 300}", "x.toml: quick: must be a table, got [[…]]"),
    ],
)
def test_a_file_that_is_no_study_is_refused_before_it_is_read(complaint, text, message):
    assert complaint(text).startswith(message)


def test_no_file_of_a_study_s_size_takes_long_to_refuse(complaint):
    begun = time.perf_counter()
    complaint("\n".join(f"{'a.' * 49}b{number} = 1" for number in range(2_000)))
    assert time.perf_counter() - begun < 5  # 0.3 s


def test_an_override_with_an_endless_key_is_refused(complaint):
    endless = "training.x={" + "a." * 20_000 + "b=1}"
    assert complaint(GOOD, endless) == "--set training.x: has a key of more than 50 parts"


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
