"""Files that are no .npz are known by their names and by their first bytes."""

import io
import pickle

import numpy as np
import pytest

from ablate.study.data_formats import FORMATS, format_of_content, format_of_name


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("train.txt", "a text file"), ("sets/TRAIN.DAT", "a text file"), ("a.feather", "a Feather table"),
        ("a.xlsx", "a spreadsheet"), ("a.arff", "an ARFF table"),
        ("a.pkl", "a Python pickle, which can run any code when opened"), ("a.h5", "an HDF5 file"),
        ("a.npy", "a single array (.npy)"), ("mnist.npz.gz", "an archive"), ("photos.zip", "an archive"),
    ],
)  # fmt: skip
def test_a_name_says_what_a_file_is(name, what):
    assert format_of_name(name).what == what


@pytest.mark.parametrize("name", ["a.npz", "cifar10", "sets/", "csv", "my.data.set", "a.csv", "A.TSV", "a.parquet"])
def test_other_names_say_nothing(name):
    assert format_of_name(name) is None


def npy():
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (npy(), "a single array (.npy)"), (pickle.dumps({"x": 1}), "a Python pickle"),
        (b"a,b,label\n1,2,cat\n", "a text file"),
        (b"1\t2\n", "a text file"), (b"\x89HDF\r\n\x1a\n\0", "an HDF5 file"), (b"\x1f\x8b\x08", "an archive"),
        (b"<!DOCTYPE html>", "a web page"), (b"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer"),
    ],
)  # fmt: skip
def test_first_bytes_say_what_a_file_is(content, what):
    assert format_of_content(content).what.startswith(what)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"half a download", b"\0\1,\2"])
def test_other_bytes_say_nothing(content):
    assert format_of_content(content) is None


def test_every_way_out_ends_with_a_file_that_is_read():
    for kind in FORMATS.values():
        said = kind.way_out()
        assert any(name in said for name in ("data.npz", "data.csv", "data.parquet", ".csv", "folder of images"))
    assert format_of_name("a.npy").way_out().startswith("convert it to .npz in Python: x = numpy.load(")
    csv = "convert it to .csv in Python: pandas.read_excel(path).to_csv('data.csv', index=False)"
    assert format_of_name("a.xlsx").way_out() == csv
    parquet = "convert it to .parquet in Python: pandas.read_feather(path).to_parquet('data.parquet')"
    assert format_of_name("a.feather").way_out() == parquet
