"""Write layer statistics of trials as the table layers.csv, and read it back, checked."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from ablate.errors import DataError
from ablate.storage.results import checked, read_cells
from ablate.study.trial import MOST_CORNER, LayerState, Outcome
from ablate.text import printable

OF_LAYERS = tuple(name for name in LayerState.__slots__ if name not in ("when", "layer", "corner"))  # numeric


def layers_table(outcomes: Iterable[Outcome]) -> pd.DataFrame:
    """One row per layer of a trial and time, the fields of `LayerState` as columns; a kernel's corner is text.

    The rows of the corner are joined by ";", the numbers within a row by " ".
    """
    names = LayerState.__slots__
    states = [(outcome.trial, layer) for outcome in outcomes for layer in outcome.layers]
    rows = [{"trial": trial, **{name: getattr(layer, name) for name in names}} for trial, layer in states]
    table = pd.DataFrame(rows, columns=["trial", *names])
    return table.assign(corner=[";".join(" ".join(map(repr, row)) for row in corner) for corner in table["corner"]])


def read_layers(path: Path) -> pd.DataFrame:
    """The table that `layers_table` made, as `checked`; empty if the file does not exist."""
    if not path.exists():
        return layers_table([])
    table = checked(read_cells(path), path, required=("trial", *LayerState.__slots__), numbers=OF_LAYERS)
    texts = {name: table[name].astype(object).fillna("").astype(str) for name in ("trial", "when", "layer", "corner")}
    table = table.assign(**texts)
    for text in table["corner"].unique():
        try:
            to_corner(text)
        except ValueError as err:
            rule = f"must be rows of equal length, at most {MOST_CORNER} × {MOST_CORNER} numbers"
            raise DataError(f'{path}: corner: {rule}, got "{printable(text, 60)}"') from err
    return table[table["number"].notna()]


def to_corner(text: str) -> Sequence[Sequence[float]]:
    """The corner of a kernel from its text in the layers table. Raises `ValueError` if the text is invalid."""
    rows = [[float(number) for number in row.split(" ")] for row in text.split(";")] if text else []
    if len({len(row) for row in rows}) > 1 or max(len(rows), *(len(row) for row in rows), 0) > MOST_CORNER:
        raise ValueError(f"{len(rows)} rows")
    if not all(math.isfinite(number) for row in rows for number in row):
        raise ValueError("not finite")
    return rows
