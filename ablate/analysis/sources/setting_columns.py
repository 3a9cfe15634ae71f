"""Give the settings of runs columns of their own beside the results, and write their values as text."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ablate.analysis.sources.json_text import clashing_words, label
from ablate.errors import DataError


@dataclass(frozen=True, slots=True)
class SettingColumns:
    """The column of each setting, and the words among its values that read as another of its values."""

    columns: Mapping[str, str]
    clashing: Mapping[str, Collection[str]]

    def cells(self, settings: Mapping[str, object]) -> dict[str, str]:
        """The cells of one run, "" for None."""
        return {
            self.columns[name]: "" if value is None else label(value, self.clashing[name])
            for name, value in settings.items()
        }


def setting_columns(settings: Sequence[Mapping[str, object]], *, taken: Collection[str], place: str) -> SettingColumns:
    """The columns for the settings of all runs; `taken` are the columns of results."""
    names = dict.fromkeys(name for each in settings for name in each)
    clashing = {name: clashing_words(each.get(name) for each in settings) for name in names}
    return SettingColumns(named_apart(names, taken=taken, place=place), clashing)


def named_apart(names: Iterable[str], *, taken: Collection[str], place: str) -> dict[str, str]:
    """Setting -> its column: "lr_setting" for one that is called like a result. Raises `DataError` if two share one."""
    columns = {name: f"{name}_setting" if name in taken else name for name in names}
    if len(set(columns.values())) < len(columns):
        raise DataError(
            f"{place}: two settings would share one column\n  export the runs as a CSV table and rename one"
        )
    return columns
