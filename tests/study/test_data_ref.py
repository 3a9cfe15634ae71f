"""The name of a study's data says what kind of source it is, without a look at the disk."""

import pytest

from ablate.study.data_ref import is_function, source_kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("cifar10", "known"), ("photos", "known"), ("own.npz", "npz"), ("sets/OWN.NPZ", "npz"), ("houses.csv", "table"),
        ("a/b.TSV", "table"), ("a.parquet", "table"), ("photos/", "images"), ("a\\", "images"), ("a/photos", "path"),
        ("my.py:load", "function"), ("a/my.py:load", "function"), ("my.py", "function"), ("my.py:", "function"),
        ("C:\\sets\\own.npz", "npz"), (".py:load", "known"),
    ],
)  # fmt: skip
def test_the_kind_of_a_source_follows_from_its_name(name, kind):
    assert source_kind(name) == kind


@pytest.mark.parametrize(
    ("name", "answer"),
    [("my.py:load", True), ("my.py:", False), ("my.py", False), ("my.py:lo ad", False), ("mlp", False)],
)
def test_a_function_has_a_file_and_a_name(name, answer):
    assert is_function(name) is answer
