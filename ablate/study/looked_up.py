"""Levels that note which of them a user's function reads."""

from collections.abc import Callable
from typing import Any

from ablate.study.trial import Factors, Level

_OF_ONE = ("__getitem__", "__contains__", "get", "pop", "setdefault")
# Thanks to an `__iter__` of its own, `dict(…)`, `**` and `{**…}` look up each key instead of copying memory.
_OF_ALL = (
    "__iter__", "keys", "values", "items", "copy", "popitem", "__or__", "__ror__", "__eq__", "__ne__", "__repr__",
)  # fmt: skip


class LookedUp(dict[str, Level]):
    """A dictionary of levels; `names` are the keys that were read. Iterating reads all of them."""

    def __init__(self, factors: Factors) -> None:
        super().__init__(factors)
        self.names: set[str] = set()


def _noting_one(read: Callable[..., Any]) -> Callable[..., Any]:  # Any: Python's own
    def noted(self: LookedUp, name: str, *more: Any) -> Any:
        self.names.add(name)
        return read(self, name, *more)

    return noted


def _noting_all(read: Callable[..., Any]) -> Callable[..., Any]:  # Any: as above
    def noted(self: LookedUp, *more: Any) -> Any:
        self.names.update(dict.keys(self))
        return read(self, *more)

    return noted


for _names, _noting in ((_OF_ONE, _noting_one), (_OF_ALL, _noting_all)):
    for _name in _names:
        setattr(LookedUp, _name, _noting(getattr(dict, _name)))
