"""Find the configurations of an imported table: the levels of each run, and neighbours that differ in one factor."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ablate.analysis.importance.cells import level_key
from ablate.analysis.imports.words import Codes, crossed, paired
from ablate.analysis.sources import Runs
from ablate.analysis.sources.runs import to_numbers
from ablate.errors import DataError, known_names
from ablate.study.trial import Level
from ablate.text import printable

MANY_LEVELS = 10  # with more levels, and fewer than two runs per level, a number was drawn rather than chosen


@dataclass(frozen=True, slots=True)
class Configurations:
    """The distinct configurations, in order of first appearance; levels by number."""

    levels: Mapping[str, tuple[Level, ...]]  # levels of each factor in order of first appearance, "" if a run has none
    codes: Codes  # shape (n_configurations, n_factors)
    of_run: Codes  # shape (n_runs,): index of each run's configuration in `codes`

    @property
    def factors(self) -> tuple[str, ...]:
        """Names, in the order of the columns of `codes`."""
        return tuple(self.levels)

    @property
    def drawn(self) -> tuple[str, ...]:
        """Factors whose values were drawn: a value that hardly repeats is no level for a comparison."""
        return tuple(
            name
            for name, levels in self.levels.items()
            if len(levels) > max(MANY_LEVELS, len(self.of_run) / 2)
            and not any(isinstance(lv, str) and lv for lv in levels)
        )

    @property
    def is_factorial(self) -> bool:
        """Whether all levels of at least two factors are crossed completely."""
        return len(self.levels) > 1 and len(self.codes) == math.prod(map(len, self.levels.values()))

    def at(self, place: int) -> dict[str, Level]:
        """The levels of a configuration."""
        return {name: levels[code] for (name, levels), code in zip(self.levels.items(), self.codes[place], strict=True)}

    def differing(self, place: int) -> Codes:
        """The column of the single factor, not drawn, in which each configuration differs from this configuration."""
        differs = self.codes != self.codes[place]
        is_drawn = np.isin(self.factors, self.drawn)
        column = np.where((differs.sum(axis=1) == 1) & ~(differs & is_drawn).any(axis=1), differs.argmax(axis=1), -2)
        return np.asarray(np.where(differs.any(axis=1), column, -1), dtype=np.intp)

    def neighbours(self) -> Codes:
        """The number of other configurations that differ from each in only one factor that was not drawn."""
        n, k = self.codes.shape
        before = [np.zeros(n, dtype=np.intp)]
        after = [np.zeros(n, dtype=np.intp)]
        for column in range(k - 1):
            before.append(paired(before[-1], self.codes[:, column]))
            after.append(paired(after[-1], self.codes[:, k - 1 - column]))
        found = np.zeros(n, dtype=np.intp)
        drawn = set(self.drawn)
        for column in (at for at, name in enumerate(self.factors) if name not in drawn):
            rest = paired(before[column], after[k - 1 - column])  # equal if all other factors are equal
            found += np.bincount(rest)[rest] - 1
        return found


def find_configurations(runs: Runs, factors: Mapping[str, str] | tuple[str, ...]) -> Configurations:
    """The configurations of the columns `factors`, a mapping from column to factor name."""
    levels, columns = {}, []
    for column, name in dict(factors if isinstance(factors, Mapping) else zip(factors, factors, strict=True)).items():
        numbers = to_numbers(runs.column(column))
        codes, found = pd.factorize(runs.table[column] if numbers is None else numbers, use_na_sentinel=False)
        levels[name] = tuple("" if level != level else level for level in found.tolist())
        _check_levels(levels[name], name, place=runs.place)
        columns.append(codes)
    key = crossed(columns, len(runs.table))
    _, first = np.unique(key, return_index=True)  # `key` counts in the order of first appearance
    return Configurations(levels, np.stack(columns, axis=1)[first], key)


def choose_reference(
    found: Configurations, stated: str, *, place: str, finished: Codes | None = None
) -> tuple[int, str]:
    """The index of the reference, and a sentence on how it was chosen.

    Of the configurations with the levels of `stated`, "a=1,b=x", that with the most one-factor neighbours;
    among equals that with the most `finished` runs (by default, runs), then the first. Raises `DataError` if no
    configuration has these levels.
    """
    fits = matching(found, stated, place=place, option="--reference")
    neighbours, runs = found.neighbours(), np.bincount(found.of_run) if finished is None else finished
    order = np.lexsort((-np.arange(len(runs)), runs, neighbours, fits))
    chosen = int(order[-1])
    if fits.sum() == 1:
        return chosen, f"Reference: {text_of(found, chosen)}."
    among = " among the configurations that match --reference" if stated else ""
    why = f"it has the most neighbours, which differ in exactly one factor ({neighbours[chosen]}){among}"
    return chosen, f"Reference: {text_of(found, chosen)}, because {why}; choose another with --reference."


def matching(found: Configurations, stated: str, *, place: str, option: str) -> NDArray[np.bool_]:
    """Which configurations have the levels of `stated`, shape (n_configurations,); all if it is ""."""
    fits = np.ones(len(found.codes), dtype=np.bool_)
    for name, level in _parsed(found, stated, place=place, option=option).items():
        keys = [level_key(known) for known in found.levels[name]]
        if level_key(level) not in keys:
            known = known_names(level, map(str, found.levels[name]))
            said = f'{printable(name)} has no level "{printable(level)}"'
            raise DataError(f"{place}: {option}: {said}\n  {known}")
        fits &= found.codes[:, found.factors.index(name)] == keys.index(level_key(level))
    if not fits.any():
        said = f"no run has {printable(stated)}"
        raise DataError(f"{place}: {option}: {said}\n  leave out a factor, or choose other levels")
    return fits


def lone(found: Configurations) -> list[str]:
    """The factors, except drawn ones, in which most configurations have a unique level; () if all are so."""
    drawn = set(found.drawn)
    chosen = [name for name in found.factors if name not in drawn]
    names = [name for name in chosen if len(found.levels[name]) > len(found.codes) / 2]
    return names if len(names) < len(chosen) else []


def text_of(found: Configurations, place: int) -> str:
    """ "a=1, b=x"."""
    return ", ".join(f"{name}={level}" for name, level in found.at(place).items())


def labels_of(found: Configurations) -> NDArray[np.object_]:
    """`text_of` for all configurations, shape (n_configurations,)."""
    parts = [
        np.array([f"{name}={level}" for level in levels], dtype=object)[found.codes[:, column]]
        for column, (name, levels) in enumerate(found.levels.items())
    ]
    return np.array([", ".join(row) for row in zip(*parts, strict=True)], dtype=object)


def _check_levels(levels: tuple[Level, ...], name: str, *, place: str) -> None:
    """Reject words that read as the same number, "1" and "1.0": they would become one level in derived tables."""
    seen: dict[float | str, Level] = {}
    for level in levels:
        if (first := seen.setdefault(level_key(level), level)) is not level:
            both = f'"{printable(str(first))}" and "{printable(str(level))}"'
            raise DataError(
                f"{place}: {printable(name)}: the levels {both} are the same number\n  write the level in only one way"
            )


def _parsed(found: Configurations, stated: str, *, place: str, option: str) -> dict[str, str]:
    """ "a=1,b=x" as a dictionary. A level may hold commas: only those before a factor's name and "=" part two."""
    names = "|".join(re.escape(name) for name in sorted(found.factors, key=len, reverse=True))
    parts = [part.partition("=") for part in re.split(rf",\s*(?=(?:{names})\s*=)", stated) if stated.strip()]
    for name, equals, _ in parts:
        if not equals or name.strip() not in found.factors:
            known = known_names(name.strip(), found.factors)
            raise DataError(f'{place}: {option}: "{printable(name.strip())}" is not a factor\n  {known}')
    return {name.strip(): level.strip() for name, _, level in parts}
