import bz2
import gzip
import lzma
import zipfile

import pytest

from ablate.errors import DataError
from ablate.study.csv_text import check_rows, guess_separator, read_csv_text

TABLE = "norm,acc\nnone,0.5\n"


def refusal(path, **options):
    with pytest.raises(DataError) as caught:
        check_rows(read_csv_text(path, **options), path)
    return str(caught.value).removeprefix(f"{path}: cannot be read as a CSV table: ")


@pytest.mark.parametrize(
    "content",
    [TABLE.encode(), TABLE.encode("utf-8-sig"), TABLE.encode("utf-16"), b"\xfe\xff" + TABLE.encode("utf-16-be")],
)
def test_text_of_any_mark_is_the_same_text(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    assert read_csv_text(path) == TABLE


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".BZ2", bz2.compress), (".xz", lzma.compress)])
def test_a_packed_table_is_unpacked_and_a_damaged_one_refused(tmp_path, suffix, pack):
    path = tmp_path / f"a.csv{suffix}"
    path.write_bytes(pack(TABLE.encode()))
    assert read_csv_text(path) == TABLE
    path.write_bytes(path.read_bytes()[:-9])
    assert refusal(path)
    path.write_bytes(pack(b"a,b\n" * 100_000))
    assert path.stat().st_size < 2_000
    assert refusal(path, most=100_000) == "it has more than 100,000 bytes of text"


def test_an_archive_is_read_where_it_holds_one_table_whatever_its_name(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../outside.csv", TABLE)
    assert read_csv_text(path) == TABLE
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("b.csv", TABLE)
    assert refusal(path) == "an archive must hold exactly one table, but this one holds 2 files"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.zip"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"\n  \n", "it is empty"),
        ("größe,acc\n".encode("latin-1"), "it is not UTF-8 text (byte 2)\n  save it as “CSV UTF-8”"),
        (b"a,b\n1,2\0\n", "it contains null characters, so it is not text"),
        (
            b"a,b\n1,2\n3\n",
            "row 3 has 1 fields, but the header has 2\n  keep empty fields (do not drop their commas), and",
        ),
        (b"a,b\n1,2\n\n1,234,5\n", "row 4 has 3 fields, but the header has 2"),
        (b'a,b\n1,"' + b"x" * 2_000_000, "line 2: field larger than field limit"),
    ],
)
def test_what_is_no_table_is_refused_with_the_row(tmp_path, content, reason):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    assert refusal(path).startswith(reason)


def test_a_file_that_is_not_there_or_cannot_be_is_refused(tmp_path):
    assert refusal(tmp_path / "none.csv") == "No such file or directory"
    assert refusal(tmp_path) == "Is a directory"
    assert refusal(tmp_path / ("x" * 300)).endswith("File name too long")


def test_the_separator_is_the_one_that_parts_the_header_most(tmp_path):
    for text, separator in ((TABLE, ","), ("a;b;c,d\n", ";"), ('"a,b"\tc\n', "\t"), ("a\n", ","), ('"a\nb";c', ";")):
        assert guess_separator(text, (",", ";", "\t"), tmp_path) == separator
    assert check_rows('"a\nb";c\n1;2\n', tmp_path, separator=";") == ["a\nb", "c"]
