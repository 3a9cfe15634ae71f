"""`read_npz` and `write_npz`: every way in which a file can be wrong, and that nothing in it is believed."""

import contextlib
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ablate.data.npz import read_npz, write_npz
from ablate.errors import DataError

ARRAYS = {
    "x_train": np.arange(24, dtype=np.uint8).reshape(6, 4),
    "y_train": np.array([0, 1, 0, 1, 0, 1]),
    "x_test": np.zeros((2, 4), np.uint8),
    "y_test": np.array([0, 1]),
}


class Malicious:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def with_member(path: Path, member: str, content: bytes) -> Path:
    """A good file but for one member."""
    np.savez(path, **{name: array for name, array in ARRAYS.items() if f"{name}.npy" != member})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(member, content)
    return path


def npy_header(description: str, shape: str) -> bytes:
    text = f"{{'descr': {description}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def test_what_is_written_is_read_back(tmp_path):
    write_npz(tmp_path / "new" / "set.npz", ARRAYS)
    read = read_npz(tmp_path / "new" / "set.npz")
    assert list(read) == list(ARRAYS)
    assert all(np.array_equal(read[name], ARRAYS[name]) and read[name].dtype == ARRAYS[name].dtype for name in ARRAYS)
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["set.npz"]


def test_a_compressed_file_and_more_arrays_in_it_are_fine(tmp_path):
    np.savez_compressed(tmp_path / "set.npz", names=np.array([{}], dtype=object), **ARRAYS)
    assert list(read_npz(tmp_path / "set.npz")) == list(ARRAYS)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.npz: no such file"):
        read_npz(tmp_path / "none.npz")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(DataError, match=r"is a folder, not an \.npz file\n  name a folder of images with a slash"):
        read_npz(tmp_path)


@pytest.mark.parametrize("content", [b"", b"x_train,y_train\n1,2\n", b"PK\x03\x04 and no more"])
def test_a_file_that_is_no_zip_is_named(tmp_path, content):
    path = tmp_path / "set.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"set\.npz: is not a complete \.npz file"):
        read_npz(path)


def test_a_file_cut_short_is_named(tmp_path):
    path = tmp_path / "set.npz"
    write_npz(path, ARRAYS)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"set\.npz: is not a complete \.npz file\n"):
        read_npz(path)


def test_a_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "set.npz"
    write_npz(path, ARRAYS | {"x_train": np.full((6, 50_000), 7, np.uint8)})
    content = bytearray(path.read_bytes())
    content[content.index(b"\7" * 50_000) + 40_000] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"set\.npz: is damaged: Bad CRC-32 for file 'x_train\.npy'"):
        read_npz(path)


def test_missing_arrays_are_named_beside_those_there_are(tmp_path):
    np.savez(tmp_path / "set.npz", x_train=ARRAYS["x_train"], labels=ARRAYS["y_train"])
    with pytest.raises(DataError, match=r"set\.npz: lacks y_train; it holds x_train, labels"):
        read_npz(tmp_path / "set.npz")


def test_names_from_a_file_cannot_write_to_the_terminal(tmp_path):
    with zipfile.ZipFile(tmp_path / "set.npz", "w") as archive:
        archive.writestr("\x1b[2J.npy", b"")
    with pytest.raises(DataError, match=r"it holds \\x1b\[2J\n"):
        read_npz(tmp_path / "set.npz")


def test_a_pickle_is_refused_and_not_executed(tmp_path):
    trap = np.empty(6, dtype=object)
    trap[:] = [Malicious(tmp_path / "executed")] * 6
    np.savez(tmp_path / "set.npz", **(ARRAYS | {"y_train": trap}))
    with pytest.raises(
        DataError, match=r"set\.npz: y_train holds Python objects, but ablate reads only plain numbers\n"
    ):
        read_npz(tmp_path / "set.npz")
    assert not (tmp_path / "executed").exists()


def test_a_pickle_instead_of_an_npz_is_refused_and_not_executed(tmp_path):
    path = tmp_path / "set.npz"
    trap = np.empty(1, dtype=object)
    trap[0] = Malicious(tmp_path / "executed")
    with path.open("wb") as file:
        np.save(file, trap)
    with pytest.raises(DataError, match=r"set\.npz: is not a complete"):
        read_npz(path)
    assert not (tmp_path / "executed").exists()


def test_a_member_that_is_no_array_is_named(tmp_path):
    path = with_member(tmp_path / "set.npz", "x_test.npy", b"not an array at all")
    with pytest.raises(DataError, match=r"set\.npz: the header of x_test cannot be read"):
        read_npz(path)


def test_a_member_without_the_ending_of_arrays_is_named(tmp_path):
    np.savez(tmp_path / "set.npz", **{name: ARRAYS[name] for name in ("x_train", "y_train", "x_test")})
    with zipfile.ZipFile(tmp_path / "set.npz", "a") as archive:
        archive.writestr("y_test", b"01")
    with pytest.raises(DataError, match=r"lacks y_test; it holds x_train, y_train, x_test, y_test \(not an array\)"):
        read_npz(tmp_path / "set.npz")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(position=st.integers(0, 10**6), value=st.integers(0, 255), cut=st.one_of(st.none(), st.integers(0, 10**6)))
@pytest.mark.filterwarnings("ignore:Reading `.npy`:UserWarning")
@pytest.mark.filterwarnings("ignore:invalid:SyntaxWarning")
def test_a_damaged_file_is_a_data_error_or_harmless(tmp_path, position, value, cut):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **ARRAYS)
    content = bytearray(buffer.getvalue())
    content[position % len(content)] = value
    path = tmp_path / "set.npz"
    path.write_bytes(content if cut is None else content[: cut % len(content)])
    with contextlib.suppress(DataError):
        assert set(read_npz(path)) in (set(ARRAYS), {"x_train", "y_train"})  # a test part is optional


def test_a_member_beside_the_array_with_its_bare_name_is_not_taken_for_it(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, **ARRAYS)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x_train", npy_header("'|u1'", "(10000000000,)"))
    assert np.array_equal(read_npz(path)["x_train"], ARRAYS["x_train"])


def test_nothing_is_unpacked_to_the_disk_whatever_members_are_called(tmp_path):
    (tmp_path / "inner").mkdir()
    path = tmp_path / "inner" / "set.npz"
    np.savez(path, **ARRAYS)
    with zipfile.ZipFile(path, "a") as archive:
        for name in ("../outside.npy", "/absolute.npy", *(f"{number}.npy" for number in range(3_000))):
            archive.writestr(name, b"x")
    assert set(read_npz(path)) == set(ARRAYS)
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["set.npz"]


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damage_is_named_however_the_archive_is_packed(tmp_path, packing):
    path = tmp_path / "set.npz"
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, array in ARRAYS.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, array)
    assert np.array_equal(read_npz(path)["x_train"], ARRAYS["x_train"])
    content = bytearray(path.read_bytes())
    for place in range(40, 160, 7):
        content[place] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"set\.npz: "):
        read_npz(path)


def test_an_encrypted_member_is_named(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, **ARRAYS)
    content = path.read_bytes()
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # bit 0 of the flags, here and in the directory
        at = content.index(mark)
        content = content[: at + flags] + b"\1" + content[at + flags + 1 :]
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"set\.npz: .*encrypted"):
        read_npz(path)


@pytest.mark.parametrize(
    ("shape", "size", "message"),
    [
        ("(-6, 4)", 0, r"set\.npz: "), ("(9, 4)", 25, r"set\.npz: is damaged"),
        ("(0, 99999999999999999999)", 0, r"set\.npz: "), ("(9223372036854775807, 2)", 9, r"set\.npz: "),
        ("(6.0, 4)", 24, r"set\.npz: "),
    ],
)  # fmt: skip
def test_a_shape_that_cannot_be_is_refused(tmp_path, shape, size, message):
    path = with_member(tmp_path / "set.npz", "x_train.npy", npy_header("'|u1'", shape) + b"\0" * size)
    with pytest.raises(DataError, match=message):
        read_npz(path)


def test_no_more_is_read_than_half_of_the_machine_holds(tmp_path, monkeypatch):
    np.savez(tmp_path / "set.npz", **ARRAYS)
    monkeypatch.setattr("ablate.data.npz.memory_bytes", lambda: 100)
    with pytest.raises(DataError, match="more than the limit of 50"):
        read_npz(tmp_path / "set.npz")


def test_arrays_that_are_asked_for_are_read_beside_the_four(tmp_path):
    np.savez(tmp_path / "set.npz", group=np.arange(6), names=np.array(["a"]), **ARRAYS)
    asked = []
    read = read_npz(tmp_path / "set.npz", also=lambda names: asked.extend(names) or ["group"])
    assert asked == ["group", "names", *ARRAYS]
    assert list(read) == [*ARRAYS, "group"]
    assert read["group"].tolist() == list(range(6))


@pytest.mark.parametrize(
    ("name", "way_out"),
    [
        ("x_train", r"save it as numpy\.stack\(x_train\)\.astype\(numpy\.float32\); first cut or pad"),
        ("y_test", r"save it as numpy\.asarray\(y_test\.tolist\(\)\) \(whole numbers, or class names\)"),
    ],
)
def test_objects_have_a_way_out(tmp_path, name, way_out):
    np.savez(tmp_path / "set.npz", **(ARRAYS | {name: np.array([{}, []], dtype=object)}))
    with pytest.raises(DataError, match=rf"{name} holds Python objects, .*\n  {way_out}"):
        read_npz(tmp_path / "set.npz")


def test_objects_among_the_groups_are_refused_too(tmp_path):
    np.savez(tmp_path / "set.npz", group=np.array(["a", None] * 3, dtype=object), **ARRAYS)
    with pytest.raises(DataError, match=r"group holds Python objects, .*\n  save it as numpy\.asarray\(group\.tolist"):
        read_npz(tmp_path / "set.npz", also=lambda _: ["group"])


def test_arrays_of_other_names_are_to_be_renamed(tmp_path):
    np.savez(tmp_path / "set.npz", **{name.replace("x", "X"): array for name, array in ARRAYS.items()})
    with pytest.raises(DataError, match=r"lacks x_train, x_test; .*\n  rename them: .*x_train=old\['X_train'\]"):
        read_npz(tmp_path / "set.npz")


def test_arrays_without_names_are_explained(tmp_path):
    np.savez(tmp_path / "set.npz", *ARRAYS.values())
    with pytest.raises(DataError, match=r"it holds arr_0, arr_1, arr_2, arr_3\n  arrays saved without a name"):
        read_npz(tmp_path / "set.npz")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"x,y,label\n1,2,cat\n", r"a text file\n  if it is a table, give it a name that ends in \.csv"),
        (b"\x89HDF\r\n\x1a\n\0\0", "an HDF5 file\n"),
        (b"\x80\x04}q\0.", "a Python pickle, which can run any code when opened\n"),
        (b"<!DOCTYPE html><html>", "a web page instead of the file\n  download the file itself"),
    ],
)
def test_a_file_that_is_something_else_under_this_name_is_named(tmp_path, content, what):
    (tmp_path / "set.npz").write_bytes(content)
    with pytest.raises(DataError, match=rf"set\.npz: is not a complete \.npz file: it looks like {what}"):
        read_npz(tmp_path / "set.npz")


@pytest.mark.parametrize(
    ("name", "member", "what"),
    [("table.npz", "xl/workbook.xml", "a spreadsheet"), ("photos.zip", "1.png", "an archive")],
)
def test_another_kind_of_zip_is_named(tmp_path, name, member, what):
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr(member, b"x")
    with pytest.raises(DataError, match=rf"is not an \.npz file: it looks like {what}\n  "):
        read_npz(tmp_path / name)


def test_a_file_may_do_without_a_test_part_but_not_with_half_of_it(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, x_train=ARRAYS["x_train"], y_train=ARRAYS["y_train"])
    assert list(read_npz(path)) == ["x_train", "y_train"]
    np.savez(path, **{name: array for name, array in ARRAYS.items() if name != "y_test"})
    with pytest.raises(DataError, match=r"lacks y_test; it holds"):
        read_npz(path)


def test_a_test_part_under_other_names_is_not_overlooked(tmp_path):
    np.savez(tmp_path / "set.npz", **{name.replace("test", "te"): array for name, array in ARRAYS.items()})
    with pytest.raises(DataError, match=r"lacks x_test, y_test; .*\n  rename them: .*x_test=old\['x_te'\]"):
        read_npz(tmp_path / "set.npz")


def test_several_inputs_have_a_slash_in_their_names(tmp_path):
    np.savez(
        tmp_path / "set.npz", **{"x_train/left": ARRAYS["x_train"], "x_train/right": ARRAYS["x_train"]}, y_train=[1]
    )
    assert list(read_npz(tmp_path / "set.npz")) == ["x_train/left", "x_train/right", "y_train"]
    np.savez(tmp_path / "set.npz", **{"x_train/left": ARRAYS["x_train"], "x_train": ARRAYS["x_train"]}, y_train=[1])
    with pytest.raises(DataError, match=r"holds both x_train and x_train/left\n  save one array"):
        read_npz(tmp_path / "set.npz")
