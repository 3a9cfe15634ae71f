import pytest

from ablate.analysis.sources.yaml_text import yaml_record
from ablate.errors import DataError


def test_values_are_those_of_json(tmp_path):
    (tmp_path / "a.yaml").write_text('lr:\n  value: 0.1\nword:\n  value: "1"\nnone:\n  value: null\nsizes: [1, 2]\n')
    assert yaml_record(tmp_path / "a.yaml", way_out="leave it") == {
        "lr": {"value": 0.1}, "word": {"value": "1"}, "none": {"value": None}, "sizes": [1, 2],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("a: [1", "is not YAML"),
        ("a: !!python/object/apply:os.system ['touch opened']", "is not YAML: could not determine a constructor"),
        ("a: &a [1]\nb: [*a, *a]", r"is not YAML: an alias \(\*\)"),
        ("a: " + "[" * 5000, "is not YAML"),
        ("a: \0", "is not YAML"),
        ('a: "\\ud800"', "is not YAML: .*surrogates not allowed"),
        ("- 1", "must hold a table of names, got a list"),
        ("", "must hold a table of names, got a NoneType"),
        ("1: a", "must hold a table of names"),
    ],
)
def test_what_is_no_plain_table_is_refused_with_the_way_out(tmp_path, monkeypatch, content, why):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(content)
    with pytest.raises(DataError, match=rf"a\.yaml: {why}(.|\n)*\n  leave it"):
        yaml_record(tmp_path / "a.yaml", way_out="leave it")
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read: No such file"):
        yaml_record(tmp_path / "a.yaml", way_out="leave it")
