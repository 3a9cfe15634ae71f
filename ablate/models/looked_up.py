"""A configuration that notes which of its factors are read: those that a model is made without change nothing."""

from collections.abc import Iterator
from typing import Any

from ablate.records import Factors, Level


class LookedUp(dict[str, Level]):
    """A dictionary of levels; `names` are the keys that were asked for. Going through all of it reads all of it."""

    def __init__(self, factors: Factors) -> None:
        super().__init__(factors)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> Level:
        self.names.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.names.add(str(name))
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:  # Any: the caller's own
        """The level of a factor, or the default."""
        self.names.add(name)
        return super().get(name, default)

    def pop(self, name: str, *default: Any) -> Any:  # Any: the caller's own
        """The same, taken out."""
        self.names.add(name)
        return super().pop(name, *default)

    def setdefault(self, name: str, default: Any = None) -> Any:  # Any: the caller's own
        """The same, put in where there is none."""
        self.names.add(name)
        return super().setdefault(name, default)

    # With a way of its own to go through it, `dict(…)`, `**` and `{**…}` ask for each key instead of copying memory.
    def __iter__(self) -> Iterator[str]:
        self._read_all()
        return super().__iter__()

    def keys(self) -> Any:  # Any: as Python's own views
        """All names."""
        self._read_all()
        return super().keys()

    def values(self) -> Any:  # Any: as above
        """All levels."""
        self._read_all()
        return super().values()

    def items(self) -> Any:  # Any: as above
        """All pairs."""
        self._read_all()
        return super().items()

    def copy(self) -> dict[str, Level]:
        """A plain copy."""
        self._read_all()
        return super().copy()

    def popitem(self) -> tuple[str, Level]:
        """The last pair, taken out."""
        self._read_all()
        return super().popitem()

    def __or__(self, other: Any) -> Any:  # Any: as Python's own
        self._read_all()
        return super().__or__(other)

    def __ror__(self, other: Any) -> Any:  # Any: as above
        self._read_all()
        return super().__ror__(other)

    def __eq__(self, other: object) -> bool:
        self._read_all()
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        self._read_all()
        return super().__ne__(other)

    def __repr__(self) -> str:
        self._read_all()
        return super().__repr__()

    __hash__ = None  # as a dictionary's

    def _read_all(self) -> None:
        self.names.update(super().keys())
