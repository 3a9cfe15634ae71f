"""Two trees of settings into what differs between them, one line a change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ablate.printable import printable

_WIDTH = 120  # characters of a change, at most
_VALUE = 40  # of one of its values


@dataclass(frozen=True, slots=True)
class Change:
    """A setting that differs. None for a value: it was, or is, not set."""

    key: tuple[str, ...]
    before: object
    after: object

    def __str__(self) -> str:
        """On one line: "training.epochs 20 → 30", "space.normalization adds layer"."""
        name = ".".join(self.key)
        if isinstance(self.before, list) and isinstance(self.after, list):
            return printable(f"{name} {_moved(self.before, self.after)}", _WIDTH)
        before, after = _cut(_text(self.before), _text(self.after))
        return printable(f"{name} {before} → {after}", _WIDTH)


def differences(old: Mapping[str, object], new: Mapping[str, object], key: tuple[str, ...] = ()) -> list[Change]:
    """What differs between two trees, setting by setting; a table that is missing counts as an empty one."""
    changes = []
    for name in dict.fromkeys([*old, *new]):
        before, after = old.get(name), new.get(name)
        if isinstance(before, dict | None) and isinstance(after, dict | None):
            changes += differences(before or {}, after or {}, (*key, name))
        elif repr(before) != repr(after):  # 1 is not true here, though Python says so
            changes.append(Change((*key, name), before, after))
    return changes


def _moved(before: Sequence[object], after: Sequence[object]) -> str:
    """What came into a list and what left it."""
    had, has = list(map(repr, before)), list(map(repr, after))
    gone = [_text(value) for value in before if repr(value) not in has]
    new = [_text(value) for value in after if repr(value) not in had]
    said = [f"drops {', '.join(gone)}"] * bool(gone) + [f"adds {', '.join(new)}"] * bool(new)
    return " and ".join(said) or "in another order"


def _cut(before: str, after: str) -> tuple[str, str]:
    """Both texts from shortly before where they part, where they are long."""
    if max(len(before), len(after)) <= _VALUE:
        return before, after
    shared = next((i for i, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), 0)
    start = max(0, shared - 10)
    cut = [f"{'…' * (start > 0)}{text[start : start + _VALUE]}" for text in (before, after)]
    left = [len(text) > start + _VALUE for text in (before, after)]
    return cut[0] + "…" * left[0], cut[1] + "…" * left[1]


def _text(value: object) -> str:
    match value:
        case None:
            return "unset"
        case bool():
            return str(value).lower()
        case _:
            return str(value)
