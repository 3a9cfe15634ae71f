import gzip

import pytest

from ablate.analysis.sources import read_csv_runs
from ablate.errors import DataError


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_is_read_as_text_whatever_parts_its_columns(tmp_path, separator):
    path = tmp_path / "sweep.v2.csv"
    path.write_text(f"norm{separator} acc\nnone{separator}0.50\n{separator}nan\n\n", encoding="utf-8-sig")
    runs = read_csv_runs(path)
    assert runs.table.to_dict("list") == {"norm": ["none", ""], "acc": ["0.50", "nan"]}
    assert (runs.place, runs.name, len(runs.fingerprint)) == ("sweep.v2.csv", "sweep", 64)


def test_a_quoted_field_may_hold_the_separator_and_text_is_never_run(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("layers,acc\n\"[64, 32]\",0.5\n\"__import__('os').remove('a.csv')\",0.6\n")
    assert read_csv_runs(path).table["layers"].tolist() == ["[64, 32]", "__import__('os').remove('a.csv')"]
    assert path.exists()


def test_a_compressed_table_is_read(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a,acc\n1,2\n"))
    assert read_csv_runs(path).table.to_dict("list") == {"a": ["1"], "acc": ["2"]}


def test_what_is_no_table_is_refused(tmp_path):
    (tmp_path / "b.csv").write_text("")
    (tmp_path / "c.csv").write_bytes(b"\xff\xfe\x00\x00\x81")
    (tmp_path / "d.csv").write_text("a,b\n1,2\n1,2,3\n")
    for name in "bcd":
        with pytest.raises(DataError, match=f"{name}.csv: cannot be read as a CSV table"):
            read_csv_runs(tmp_path / f"{name}.csv")
    with pytest.raises(DataError, match=r"no such file\n  tables in .*: b.csv, c.csv, d.csv"):
        read_csv_runs(tmp_path / "a.csv")


def test_a_column_without_a_name_is_called_by_its_place(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(",acc\n0,0.5\n")
    assert read_csv_runs(path).table.to_dict("list") == {"column 1": ["0"], "acc": ["0.5"]}


def test_a_table_with_decimal_commas_or_marks_of_thousands_stays_text(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('a;acc\n1;"0,5"\n2;1.234,5\n')
    assert read_csv_runs(path).table.to_dict("list") == {"a": ["1", "2"], "acc": ["0,5", "1.234,5"]}


def test_a_file_s_name_cannot_steer_a_terminal(tmp_path):
    path = tmp_path / "\x1b[2J\n.csv"
    path.write_text("a,b\n1,2\n")
    assert read_csv_runs(path).place == r"\x1b[2J\n.csv"
