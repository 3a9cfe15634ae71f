"""Decide whether a changed study may resume: compare its starting conditions and settings with those of now.

A study may resume if the changed study would have run every trial that has ended, too.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ablate.errors import DataError, StudyError
from ablate.storage.conditions import DEVICE, OWN_CODE, Conditions, changed, of_begun
from ablate.text import printable

BACKEND = ("training", "backend")  # what it chose is one of the conditions
ALWAYS = ("title", "inspect", "limits", "retries")  # texts, limits and statistics, which decide no score
KEEP = ("training", "keep")  # which models are kept
MOST_SHOWN = 10
_TRAINED = "the finished trials used the old setting"
_FRESH = (
    "--fresh starts again, keeps the old folder under another name, and reuses identical trials from the cache; test "
    "scores that were read stay read"
)
SINCE_TRIALS = "has changed since the finished trials ran"
_WIDTH = 120  # characters of a change, at most
_VALUE = 40  # characters of one of its values


@dataclass(frozen=True, slots=True)
class StartingConditions:
    """The conditions, besides the study's settings, under which a folder's results were begun."""

    conditions: Conditions
    data: str  # fingerprint of arrays and splits
    notes: tuple[str, ...] = ()  # changes since these results were begun that were accepted

    def to_text(self) -> str:
        """The content of begun.json."""
        flat = {**asdict(self.conditions), "data": self.data, "notes": self.notes}
        return json.dumps(flat, indent=1, ensure_ascii=False) + "\n"


@dataclass(frozen=True, slots=True)
class StageReached:
    """How far a study has come."""

    searched: bool  # a search has requested trials
    compared: bool  # trials after the search have ended
    frozen: bool  # preregistered, so the test set may have been read


@dataclass(frozen=True, slots=True)
class ResumeCheck:
    """A change in words, and the obstacle to resuming with it; "" if there is none."""

    change: str
    against: str


def read_starting_conditions(path: Path) -> StartingConditions | None:
    """Read begun.json; None if it is missing or was changed: such results are accepted as they are.

    Raises `DataError` if the disk cannot read it.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        notes = tuple(str(note) for note in data["notes"])
        return StartingConditions(of_begun(data), str(data["data"]), notes)
    except FileNotFoundError:
        return None
    except OSError as err:
        raise DataError(f"{path}: cannot be read: {err.strerror}\n  make it readable, or delete it") from err
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def judge_settings(old: Mapping[str, object], new: Mapping[str, object], stage: StageReached) -> list[ResumeCheck]:
    """Every setting that differs between two resolved studies, except those that decide no number."""
    changes = [change for change in differences(old, new) if not _decides_nothing(change.key)]
    judged = [ResumeCheck(str(change), _obstacle(change, new, stage)) for change in changes]
    if _in_order(old, new) != _in_order(new, old):
        judged.append(ResumeCheck("space has another order", "the search so far used the old setting"))
    return judged


def resume_checks(
    old: StartingConditions, new: StartingConditions, *, code: str, data_is_told: bool
) -> list[ResumeCheck]:
    """The user's code and the data, if they differ.

    `code` names the user's code; `data_is_told`: a setting that decides the data has changed.
    """
    judged = []
    before, now = old.conditions.model, new.conditions.model
    if before and now and before != now:
        # Refusing would cost all trials if the code of one level was fixed. An accepted change is reported and fails a
        # check.
        judged.append(ResumeCheck(f"{code} {SINCE_TRIALS}", ""))
    if old.data != new.data and not data_is_told:
        judged.append(ResumeCheck(f"the data: fingerprint {old.data[:8]} → {new.data[:8]}", _TRAINED))
    return judged


def notes_on(old: StartingConditions, new: StartingConditions) -> Iterator[str]:
    """The other differences: allowed and reported. A condition that was not recorded at the start is no change."""
    rounding = "numbers may differ, by rounding or more"
    for name, before, now in changed(old.conditions, new.conditions):
        if name != OWN_CODE:
            yield f"the study was started with {_named(name, before)} and continues with {now}: {rounding}"
    if old.conditions.package and old.conditions.package != new.conditions.package:
        yield f"the study was started with a different version of ablate's code: {rounding}"


def refusal(folder: Path, judged: Sequence[ResumeCheck]) -> StudyError:
    """Every change, the obstacles to resuming with it, and the ways out."""
    place = f"{folder}: the study has changed since these results were started"
    barred = any(one.against for one in judged)
    out = _FRESH if barred else f"--continue resumes with the changed study; {_FRESH}"
    if len(judged) == 1:
        against = f"{judged[0].against}; " if barred else ""
        return StudyError(f"{place}: {judged[0].change}\n  {against}{out}")
    shown = [f"  {one.change}: {one.against or 'can continue'}" for one in judged[:MOST_SHOWN]]
    more = [f"  and {len(judged) - MOST_SHOWN} more"] * (len(judged) > MOST_SHOWN)
    return StudyError("\n".join([place, *shown, *more, f"  {out}"]))


def with_notes(basis: StartingConditions, *notes: str) -> StartingConditions:
    """The starting conditions with all changes accepted so far, without duplicates."""
    return replace(basis, notes=tuple(dict.fromkeys(notes)))


def _named(name: str, value: str) -> str:
    """The conditions as "keras 3.14", "2 threads of a worker", "CPU AMD EPYC"."""
    if name == DEVICE:
        return value
    return f"{value} {name}" if value.isdigit() else f"{name} {value}"


@dataclass(frozen=True, slots=True)
class Change:
    """A setting that differs. None for a value: not set before, or not set now."""

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


def _decides_nothing(key: tuple[str, ...]) -> bool:
    return key[0] in ALWAYS or key in (KEEP, BACKEND)


def _obstacle(change: Change, new: Mapping[str, object], stage: StageReached) -> str:
    match change.key:
        case ("search", "trials"):
            if not (isinstance(change.before, int) and isinstance(change.after, int) and change.after > change.before):
                return "search.trials can only increase"
        case ("ablation" | "recipes", *_):
            pass
        case ("space", *_):
            if reason := _obstacle_in_space(change, new, stage):
                return reason
        case ("search", *_):
            return "the search so far used the old setting"
        case _:
            return _TRAINED
    if stage.frozen:
        return "the comparisons were preregistered before the test set was read"
    return "trials of the old comparisons have ended" if stage.compared else ""


def _obstacle_in_space(change: Change, new: Mapping[str, object], stage: StageReached) -> str:
    match change.key:
        case (_, factor) | (_, factor, "levels"):
            decides_search = True
        case (_, factor, "ablate"):
            decides_search = False
        case _:
            return "a space may only change by new levels at the end of its list"
    before = change.before
    if before is None and not decides_search and not _lists_levels(new, factor):
        before = []  # a range that was not part of the ablation
    after = change.after
    if not (isinstance(before, list) and isinstance(after, list) and repr(after[: len(before)]) == repr(before)):
        return "a space may only change by new levels at the end of its list"
    return "the search has started with the old levels" if decides_search and stage.searched else ""


def _lists_levels(tree: Mapping[str, object], factor: str) -> bool:
    space = tree.get("space")
    table = space.get(factor) if isinstance(space, dict) else None
    return isinstance(table, dict) and "levels" in table


def _in_order(tree: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    mine, theirs = (one.get("space") for one in (tree, other))
    return [name for name in mine if name in theirs] if isinstance(mine, dict) and isinstance(theirs, dict) else []


def differences(old: Mapping[str, object], new: Mapping[str, object], key: tuple[str, ...] = ()) -> list[Change]:
    """The differences between two trees, setting by setting; a missing table counts as empty."""
    changes = []
    for name in dict.fromkeys([*old, *new]):
        before, after = old.get(name), new.get(name)
        if isinstance(before, dict | None) and isinstance(after, dict | None):
            changes += differences(before or {}, after or {}, (*key, name))
        elif repr(before) != repr(after):  # 1 does not equal true here, unlike in Python
            changes.append(Change((*key, name), before, after))
    return changes


def _moved(before: Sequence[object], after: Sequence[object]) -> str:
    had, has = list(map(repr, before)), list(map(repr, after))
    gone = [_text(value) for value in before if repr(value) not in has]
    new = [_text(value) for value in after if repr(value) not in had]
    said = [f"drops {', '.join(gone)}"] * bool(gone) + [f"adds {', '.join(new)}"] * bool(new)
    return " and ".join(said) or "has another order"


def _cut(before: str, after: str) -> tuple[str, str]:
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
