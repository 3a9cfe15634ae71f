"""Read runs from a text file (CSV, Markdown, JSON); its text is data and never executed."""

import csv
import hashlib
import re
from io import StringIO
from pathlib import Path

import pandas as pd

from ablate.analysis.sources.json_text import curve_alone, json_table
from ablate.analysis.sources.runs import Runs
from ablate.errors import DataError
from ablate.study.csv_text import SEPARATORS, check_rows, guess_separator, named_separator, read_csv_text
from ablate.text import printable

JSON = (".json", ".jsonl", ".ndjson")
CURVE = ["Wall time", "Step", "Value"]  # the columns of a curve that TensorBoard downloads
OF_RULES = frozenset("|+-=: \t")  # the characters of a line below the header
CELL = re.compile(r"(?<!\\)\|")


def read_csv_runs(path: Path) -> Runs:
    """Read a table of text, compressed or not. Raises `DataError` if the file is no table.

    Columns are separated by commas, semicolons, tabs or bars, or the file is a Markdown table, JSON lines or a JSON
    array.
    """
    try:
        text = read_csv_text(path)
    except DataError as err:
        if isinstance(err.__cause__, FileNotFoundError):
            raise DataError(f"{printable(str(path), 300)}: no such file\n  {_nearby(path)}") from err
        raise
    table = json_table(text, path, is_json=any(suffix.lower() in JSON for suffix in path.suffixes))
    table = _parted(text, path) if table is None else table
    if list(table) == CURVE:
        raise curve_alone(path)
    return file_runs(table, path)


def file_runs(table: pd.DataFrame, path: Path) -> Runs:
    """The runs of a file's table, with every cell as text."""
    fingerprint = hashlib.sha256(path.read_bytes()).hexdigest()
    return Runs(table, place=printable(path.name, 300), name=path.name.split(".")[0], fingerprint=fingerprint)


def _parted(text: str, path: Path) -> pd.DataFrame:
    separator, text = named_separator(text)
    drawn = None if separator else drawn_table(text)
    text, separator = (text, separator) if drawn is None else (drawn, ",")
    separator = separator or guess_separator(text, SEPARATORS, path)
    names = check_rows(text, path, separator=separator)
    table = _read(text, path, separator=separator)
    table.columns = [name.strip() or f"column {number}" for number, name in enumerate(names, start=1)]
    return table


def _read(text: str, path: Path, *, separator: str) -> pd.DataFrame:
    try:
        # header=None: pandas would rename the second of two columns with the same name.
        table = pd.read_csv(
            StringIO(text), sep=separator, header=None, dtype=str, keep_default_na=False, skipinitialspace=True,
            skip_blank_lines=True,
        )  # fmt: skip
    except ValueError as err:
        raise DataError(f"{path}: cannot be read as a CSV table: {printable(str(err), 200)}") from err
    return table.iloc[1:].reset_index(drop=True)


def _nearby(path: Path) -> str:
    there = sorted(other.name for other in path.parent.glob("*.csv")) if path.parent.is_dir() else []
    tables = f"tables in {path.parent}: {', '.join(printable(name) for name in there[:8]) or 'none'}"
    if path.suffix or len(path.parts) > 1:
        return tables
    return f"{tables}; for an MLflow experiment use mlflow:{printable(path.name)}"


def drawn_table(text: str) -> str | None:
    """The first Markdown or drawn table of `text` as CSV; None if there is none."""
    lines = text.splitlines()
    rules = [at for at, line in enumerate(lines) if _is_rule(line)]
    if not rules:
        return None
    first = rules[0] - 1 if rules[0] and "|" in lines[rules[0] - 1] else rules[0] + 1
    rows = []
    for line in lines[first:]:
        if _is_rule(line):
            continue
        if "|" not in line:
            break
        rows.append(_cells(line))
    if not rows:
        return None
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _is_rule(line: str) -> bool:
    return ("--" in line or "==" in line) and ("|" in line or "+" in line) and OF_RULES.issuperset(line)


def _cells(line: str) -> list[str]:
    bare = line.strip().removeprefix("|")
    bare = bare[:-1] if bare.endswith("|") and not bare.endswith("\\|") else bare
    return [cell.strip().replace("\\|", "|").strip("`") for cell in CELL.split(bare)]
