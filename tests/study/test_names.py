import pytest
from study_texts import GOOD

from ablate.errors import StudyError
from ablate.study.load import load_study
from ablate.study.names import find_study, is_safe_name, to_safe_name


@pytest.mark.parametrize("name", ["con", "NUL", "aux.v2", "Com1", "lpt9", "prn.toml", "com¹"])
def test_names_of_windows_devices_name_no_study(name, tmp_path):
    assert not is_safe_name(name)
    with pytest.raises(StudyError, match="must not be a Windows device"):
        find_study(name.removesuffix(".toml"), folder=tmp_path)
    path = tmp_path / f"{name}.toml"
    path.write_text(GOOD)
    with pytest.raises(StudyError, match=r"must not be a Windows device .*\n  rename the file"):
        load_study(path, overrides=[], quick=False)


@pytest.mark.parametrize("name", ["console", "com10", "null", "auxiliary", "lpt", "a.con"])
def test_names_like_those_of_devices_are_fine(name):
    assert is_safe_name(name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("my sweep (2)", "my_sweep_2"), ("../../etc/passwd", "etc_passwd"), ("<b>", "b"), ("", "table"),
        ("...", "table"),
        ("con", "_con"), ("x" * 300, "x" * 99), ("日" * 300, "日" * 73), ("größe", "größe"), ("\0\x1b[2J", "2J"),
        ("\ud800", "table"), ("a__b", "a_b"),
    ],
)  # fmt: skip
def test_any_text_has_a_safe_name_like_it(text, name):
    assert to_safe_name(text, otherwise="table") == name
    assert is_safe_name(name)
