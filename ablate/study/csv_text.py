"""Read a CSV file as text and check that every row is as long as the header; pandas would repair such rows silently."""

import bz2
import csv
import gzip
import lzma
import re
import zipfile
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import IO, cast

from ablate.errors import DataError
from ablate.text import printable

SEPARATORS = (",", ";", "\t", "|")
MOST_BYTES = 2**29  # bytes of text, unpacked: ten million rows of fifty characters
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # byte order marks of UTF-16, as in Excel's "Unicode text"
_LONGEST_FIELD = 2**20  # characters of a field; a longer one is a quote that was never closed


def read_csv_text(path: Path, *, most: int = MOST_BYTES) -> str:
    """The file as text, decompressed if its name says so: UTF-8, or UTF-16 with a byte order mark."""
    try:
        with path.open("rb") as file, _unpacked(file, path.suffix.lower()) as unpacked:
            content = unpacked.read(most + 1)
    except Exception as err:  # a damaged archive raises a dozen kinds of errors
        raise _unreadable(path, getattr(err, "strerror", None) or printable(str(err), 200)) from err
    if len(content) > most:
        raise _unreadable(path, f"it has more than {most:,} bytes of text")
    try:
        text = content.decode("utf-16" if content.startswith(_UTF_16) else "utf-8-sig")
    except UnicodeDecodeError as err:
        raise _unreadable(path, f"it is not UTF-8 text (byte {err.start:,})\n  save it as “CSV UTF-8”") from err
    if "\0" in text:
        raise _unreadable(path, "it contains null characters, so it is not text")
    return text


def check_rows(text: str, path: Path, *, separator: str = ",") -> list[str]:
    """The names in the header of `text`. Raises `DataError` if there is none, or a row is longer or shorter."""
    header: list[str] = []
    for number, row in _rows(text, path, separator=separator):
        if not header:
            header = row
        elif len(row) != len(header):
            said = f"row {number:,} has {len(row):,} fields, but the header has {len(header):,}"
            raise _unreadable(
                path, f"{said}\n  keep empty fields (do not drop their commas), and quote fields that contain commas"
            )
    if not header:
        raise _unreadable(path, "it is empty")
    return header


def guess_separator(text: str, separators: Sequence[str], path: Path) -> str:
    """The entry of `separators` that splits the header into the most columns; the first among equals."""

    def n_columns(separator: str) -> int:
        try:
            return len(next(_rows(start, path, separator=separator), (0, []))[1])
        except DataError:
            return 0

    start = text[:_LONGEST_FIELD]
    return max(separators, key=n_columns)


def named_separator(text: str) -> tuple[str, str]:
    """The separator in Excel's first line "sep=;", "" without such a line, and the text below that line."""
    found = re.match(r"\"?sep=(.)\"?\r?\n", text, re.IGNORECASE)
    return (found[1], text[found.end() :]) if found else ("", text)


def _rows(text: str, path: Path, *, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, by their number from 1; the header is row 1."""
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    try:
        for number, row in enumerate(reader, start=1):
            if len(row) > 1 or "".join(row).strip():
                yield number, row
    except csv.Error as err:
        raise _unreadable(path, f"line {reader.line_num:,}: {err}") from err


def _unpacked(file: IO[bytes], suffix: str) -> IO[bytes]:
    match suffix:
        case ".gz":
            return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
        case ".bz2":
            return bz2.BZ2File(file)
        case ".xz":
            return lzma.LZMAFile(file)
        case ".zip":
            return _only_member(file)
    return file


def _only_member(file: IO[bytes]) -> IO[bytes]:
    archive = zipfile.ZipFile(file)
    if len(names := archive.namelist()) != 1:
        raise ValueError(f"an archive must hold exactly one table, but this one holds {len(names):,} files")
    return archive.open(names[0])


def _unreadable(path: Path, reason: str) -> DataError:
    return DataError(f"{printable(str(path), 300)}: cannot be read as a CSV table: {reason}")
