"""Arrange rows as the cells of a complete factorial: an array with one axis per factor, or an error."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ablate.analysis.statistics.paired import Floats
from ablate.errors import DataError, known_names
from ablate.study.trial import Level

NAMED_MISSING = 3  # missing cells that an error message names
BLANK = ""  # the level of an empty cell; NaN among numbers, which equals no level, not even itself


@dataclass(frozen=True, slots=True)
class Cells:
    """A complete factorial: `values` has the shape (n_replicates, levels of the first factor, …, of the last)."""

    factors: tuple[str, ...]
    levels: tuple[tuple[Level, ...], ...]  # of each factor: numbers ascending, words as they appear
    replicates: tuple[float, ...]  # seeds, in the order of the first axis; () if rows were only counted
    values: Floats  # NaN if a cell lacks a replicate; every cell has at least one

    @property
    def size(self) -> int:
        """The number of cells."""
        return math.prod(len(names) for names in self.levels)

    def means(self) -> Floats:
        """The mean of each cell over its replicates, shape (levels of the first factor, …)."""
        found: Floats = np.nanmean(self.values, axis=0)
        return found

    def place(self, configuration: Mapping[str, object]) -> tuple[int, ...]:
        """The index of a configuration's cell; other factors of the configuration are ignored."""
        return tuple(self._level(number, configuration) for number in range(len(self.factors)))

    def at(self, place: Sequence[int]) -> dict[str, Level]:
        """The configuration of the cell at an index."""
        return {name: self.levels[axis][place[axis]] for axis, name in enumerate(self.factors)}

    def _level(self, axis: int, configuration: Mapping[str, object]) -> int:
        name, levels = self.factors[axis], self.levels[axis]
        if name not in configuration:
            raise DataError(f"configuration: the factor {name} is missing\n  factors: {', '.join(self.factors)}")
        found = [at for at, level in enumerate(levels) if level_key(level) == level_key(configuration[name])]
        if not found:
            wrong = str(configuration[name])
            raise DataError(f'{name}: unknown level "{wrong}"\n  {known_names(wrong, map(str, levels))}')
        return found[0]


def complete_cells(table: pd.DataFrame, factors: Sequence[str], value: str, *, replicate: str | None = None) -> Cells:
    """The cells of `table`, whose factors are completely crossed.

    `replicate` names the column (of numbers) that distinguishes the rows of a cell; rows with equal numbers are
    averaged. Without it the rows of a cell are counted. Values that are not finite count as missing. Raises
    `DataError` if a column is missing or a cell has no value, and names such cells.
    """
    for name in (*factors, value, *([replicate] if replicate else [])):
        if name not in table.columns:
            raise DataError(f'column "{name}" is missing\n  {known_names(name, map(str, table.columns))}')
    numbers = pd.to_numeric(table[value], errors="coerce").to_numpy(dtype=np.float64)
    there = np.isfinite(numbers)
    rows, numbers = table.loc[there], numbers[there]
    coded = [_coded(rows[name]) for name in factors]
    levels = tuple(names for _, names in coded)
    shape = tuple(len(names) for names in levels)
    _check_complete([codes for codes, _ in coded], factors, levels)
    flat = np.ravel_multi_index(tuple(codes for codes, _ in coded), shape)
    which, replicates = _replicates(rows, flat, replicate)
    return Cells(tuple(factors), levels, replicates, _averaged(flat, which, numbers, shape))


def varying(table: pd.DataFrame, factors: Sequence[str]) -> list[str]:
    """The `factors` that have more than one level in `table`."""
    return [name for name in factors if table[name].nunique(dropna=False) > 1]


def level_key(level: object) -> float | str:
    """The key by which levels are equal, whether they come from a study file, a results table or its CSV."""
    try:
        number = float(str(level))
    except ValueError:
        return str(level)
    return BLANK if math.isnan(number) else number


def _coded(column: "pd.Series[float]") -> tuple[NDArray[np.intp], tuple[Level, ...]]:
    codes, names = pd.factorize(column, sort=pd.api.types.is_numeric_dtype(column), use_na_sentinel=False)
    return codes, tuple(
        BLANK if is_blank else name for name, is_blank in zip(names.tolist(), pd.isna(names), strict=True)
    )


def _check_complete(
    codes: Sequence[NDArray[np.intp]], factors: Sequence[str], levels: Sequence[Sequence[Level]]
) -> None:
    shape = tuple(len(names) for names in levels)
    wanted = math.prod(shape) if shape else 0
    if not wanted:
        raise DataError("factorial: no cell has a value\n  name the factors and the column of the score")
    if wanted <= len(codes[0]) and np.unique(np.ravel_multi_index(tuple(codes), shape)).size == wanted:
        return
    distinct = set(zip(*(column.tolist() for column in codes), strict=True))
    absent = itertools.islice(_missing(distinct, levels), NAMED_MISSING)
    said = "; ".join(", ".join(f"{f}={lv}" for f, lv in zip(factors, cell, strict=True)) for cell in absent)
    raise DataError(
        f"factorial of {', '.join(factors)}: {wanted - len(distinct):,} of {wanted:,} cells have no value\n"
        f"  such as {said}\n  add these rows, or name fewer factors"
    )


def _missing(distinct: set[tuple[int, ...]], levels: Sequence[Sequence[Level]]) -> Iterator[tuple[Level, ...]]:
    """The cells without a row, in order; lazily, as there may be more than memory holds."""
    for place in itertools.product(*(range(len(names)) for names in levels)):
        if place not in distinct:
            yield tuple(names[at] for names, at in zip(levels, place, strict=True))


def _replicates(
    rows: pd.DataFrame, flat: NDArray[np.intp], replicate: str | None
) -> tuple[NDArray[np.intp], tuple[float, ...]]:
    if replicate is None:
        return np.asarray(pd.Series(flat).groupby(flat).cumcount(), dtype=np.intp), ()
    codes, names = pd.factorize(pd.to_numeric(rows[replicate]), sort=True)
    return codes, tuple(float(name) for name in names)


def _averaged(flat: NDArray[np.intp], which: NDArray[np.intp], numbers: Floats, shape: tuple[int, ...]) -> Floats:
    n_cells, n_replicates = math.prod(shape), int(which.max()) + 1
    at = which * n_cells + flat
    total = np.bincount(at, weights=numbers, minlength=n_replicates * n_cells)
    count = np.bincount(at, minlength=n_replicates * n_cells)
    means: Floats = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return means.reshape(n_replicates, *shape)
