import pytest
from study_texts import GOOD, OWN_MODEL


def test_a_quick_table_that_is_none_is_refused(complaint):
    assert complaint(f"quick = {'[' * 300}{']' * 300}").startswith("x.toml: quick: must be a table, got [[…]]")


def test_a_path_that_no_file_system_takes_is_refused(complaint):
    said = complaint(OWN_MODEL.replace("data/mine.npz", "a/" * 600 + "x.npz"))
    assert said.startswith("x.toml: data.name: must have at most 1000 characters, got")


def test_a_factor_may_have_the_name_of_a_device(load):
    assert "aux" in load(OWN_MODEL.replace("kernel", "aux")).space.dimensions


PATH_HINT = (
    'in "…" a backslash begins an escape (\\n is a line break, \\t a tab): write a path in single quotes, '
    "'C:\\data\\train.npz', or with slashes, \"C:/data/train.npz\""
)


@pytest.mark.parametrize("path", [r"C:\new\train.npz", r"\train.npz", r"..\base.npz", r"sets\fashion.npz"])
def test_a_path_whose_backslashes_became_control_characters_is_explained(complaint, path):
    said = complaint(OWN_MODEL.replace('"data/mine.npz"', f'"{path}"'))
    assert said.startswith("x.toml: data.name: must be one line of printable text, got ")
    assert said.endswith(f"\n  {PATH_HINT}")


@pytest.mark.parametrize("path", [r"C:\data\x.npz", r"C:\Users\me\x.npz", r"D:\ute\x.npz", r"sets\mine.npz"])
def test_a_path_with_escapes_that_toml_does_not_know_is_explained(complaint, path):
    said = complaint(OWN_MODEL.replace('"data/mine.npz"', f'"{path}"'))
    assert said.startswith("x.toml: is not TOML: ")
    assert said.endswith(f"\n  {PATH_HINT}")


def test_the_model_file_and_overrides_are_paths_too(complaint):
    assert complaint(OWN_MODEL.replace('"nets.py:build"', r'"nets\build.py:f"')).endswith(PATH_HINT)
    said = complaint(OWN_MODEL, r'data.name="C:\new\train.npz"')
    assert said.startswith("--set data.name: must be one line of printable text")
    assert said.endswith(PATH_HINT)


def test_other_slips_are_not_blamed_on_a_path(complaint):
    assert "backslash" not in complaint(OWN_MODEL.replace("filters = 8", "filters = "))
    assert "backslash" not in complaint(OWN_MODEL.replace('"data/mine.npz"', '"data/mine.npz'))
    assert "backslash" not in complaint(f'title = "a\\nb"\n{OWN_MODEL}')


@pytest.mark.parametrize("path", [r"'C:\new\train.npz'", '"C:/new/train.npz"', r'"C:\\new\\train.npz"'])
def test_the_ways_out_are_taken(load, path):
    assert load(OWN_MODEL.replace('"data/mine.npz"', path)).data.name.replace("\\", "/") == "C:/new/train.npz"


@pytest.mark.parametrize(
    ("name", "what"),
    [("train.pkl", "a Python pickle, which can run any code when opened"), ("sets/train.h5", "an HDF5 file"),
     ("train.npy", "a single array (.npy)")],
)  # fmt: skip
def test_a_file_of_another_kind_is_named_with_the_way_to_an_npz(complaint, name, what):
    said = complaint(OWN_MODEL.replace("data/mine.npz", name))
    assert said.startswith(f'x.toml: data.name: "{name}" is {what}\n  ')
    assert "numpy.savez('data.npz', x_train=…, y_train=…, x_test=…, y_test=…)" in said


def test_nested_tables_without_end_are_refused_by_their_place(complaint):
    text = GOOD.replace("[training]", f"{'a.' * 400}a = 1\n[training]", 1)
    assert complaint(text).startswith("x.toml: space.a.a.a.a.a: has too many nested tables")
