"""Merge a study file, its [quick] table and `--set` overrides, and remember where each value came from."""

import math
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from ablate.errors import StudyError, known_names
from ablate.study.given_functions import GivenFunction
from ablate.text import printable

TomlTree: TypeAlias = dict[str, object]
Key: TypeAlias = tuple[str, ...]
_DEEPEST = 6  # tables within each other; a study has three
_KEY = re.compile(r"[\w-]+(\.[\w-]+){0,5}")
_LARGEST = 2**63  # TOML promises integers of 64 bits, and numpy has no larger ones
_PATHS = (("data", "name"), ("model", "name"))
_ESCAPED = frozenset("\b\t\n\f\r\x1b")  # the meaning of a backslash with the letters b, t, n, f, r, e in TOML
PATH_HINT = (
    'in "…" a backslash begins an escape (\\n is a line break, \\t a tab): write a path in single quotes, '
    "'C:\\data\\train.npz', or with slashes, \"C:/data/train.npz\""
)
_BAD_ESCAPE = re.compile("Unescaped|hex value|Escaped character")  # in tomllib's message
_LINE = re.compile(r"\(at line (\d+), column \d+\)")


@dataclass(frozen=True, slots=True)
class Layered:
    """The merged tree, and which of its keys the command line or the [quick] table set."""

    file: str
    tree: TomlTree
    has_quick: bool = False  # whether the file has a [quick] table
    quick: frozenset[Key] = frozenset()
    overrides: frozenset[Key] = frozenset()
    functions: Mapping[str, GivenFunction] = field(default_factory=dict)  # that a script handed over, by name

    def error(self, key: Sequence[str], rule: str, *, hint: str = "") -> StudyError:
        """A `StudyError` that names the place of `key` and the rule, and in a second line the way out."""
        return StudyError(f"{self._place(tuple(key))}{rule}" + (f"\n  {hint}" if hint else ""))

    def unknown(self, key: Sequence[str], wrong: str, *, known: Iterable[str], kind: str) -> StudyError:
        """A `StudyError` for an unknown key, level or value `wrong` at `key`, which lists the known ones."""
        name = "" if kind == "key" else f" {shown(wrong)}"
        return self.error(key, f"unknown {kind}{name}", hint=known_names(printable(wrong), known))

    def is_overridden(self, key: Key) -> bool:
        """Whether the command line set `key`, or a table that contains it."""
        return _touches(self.overrides, key)

    def _place(self, key: Key) -> str:
        dotted = ".".join(printable(part) for part in key)
        if _touches(self.overrides, key):
            return f"--set {dotted}: "
        file = printable(self.file, 300)
        if key and (inside := sorted(".".join(one) for one in self.overrides if one[: len(key)] == key)):
            file = f"{file} with --set {printable(inside[0])}"
        if key and (_touches(self.quick, key) or any(one[: len(key)] == key for one in self.quick)):
            return f"{file}: quick.{dotted}: "
        return f"{file}: {dotted}: " if key else f"{file}: "


def read_layers(path: Path, *, overrides: Sequence[str], quick: bool) -> Layered:
    """The file, overlaid with the [quick] table if requested, then with the overrides; plain, finite values only."""
    file = str(path)
    tree = read_toml(path)
    has_quick = "quick" in tree
    quick_tree = tree.pop("quick", {})
    if not isinstance(quick_tree, dict):
        raise StudyError(f"{printable(file)}: quick: must be a table, got {shown(quick_tree)}")
    layered = Layered(file, tree, has_quick)
    _check_values(layered, tree)
    _check_values(Layered(file, {}, quick=frozenset({()})), quick_tree)
    if quick:
        layered = replace(layered, tree=_merged(tree, quick_tree), quick=frozenset(_leaves(quick_tree)))
    for override in overrides:
        layered = _overridden(layered, override)
    return layered


def given_layers(place: str, tree: TomlTree, *, functions: Mapping[str, GivenFunction]) -> Layered:
    """Tables that a script hands over, checked as those of a file are; `place` names them in messages."""
    layered = Layered(place, tree, functions=functions)
    _check_values(layered, tree)
    return layered


def read_toml(path: Path) -> TomlTree:
    """The tree of a TOML file. Raises `StudyError` if it is missing, unreadable or not TOML."""
    name = printable(str(path), 300)
    try:
        return tomllib.loads(study_text(path))
    except FileNotFoundError as err:
        raise StudyError(f"{name}: no such file\n  `ablate list` shows all studies") from err
    except IsADirectoryError as err:
        raise StudyError(f"{name}: is a folder, but a study is a .toml file") from err
    except OSError as err:
        raise StudyError(f"{name}: cannot be read: {err.strerror or err}") from err
    except UnicodeDecodeError as err:
        raise StudyError(f"{name}: is not UTF-8 text (byte {err.start})") from err
    except (ValueError, RecursionError) as err:  # TOMLDecodeError, and the errors that absurd numbers and nesting cause
        hint = f"\n  {PATH_HINT}" if _is_bad_escape(str(err), path) else ""
        raise StudyError(f"{name}: is not TOML: {printable(str(err), 200)}{hint}") from err


def shown(value: object) -> str:
    """A value as a user would write it in the file, on one line of at most 60 characters."""
    match value:
        case str():
            return f'"{printable(value, 58)}"'
        case bool():
            return str(value).lower()
        case dict():
            return "a table"
        case list() | tuple():
            items = ("[…]" if isinstance(item, list | tuple) else shown(item) for item in value[:20])
            text = f"[{', '.join(items)}]"
        case _:
            text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def study_text(path: Path) -> str:
    """The text of a study file. Raises `OSError` or `UnicodeDecodeError`."""
    return path.read_text(encoding="utf-8-sig")  # some Windows editors write a byte order mark


def _is_bad_escape(said: str, path: Path) -> bool:
    """Whether a backslash made TOML fail at a line: nearly always part of a path."""
    line = _LINE.search(said)
    if not line or not _BAD_ESCAPE.search(said):
        return False
    return "\\" in study_text(path).split("\n")[int(line[1]) - 1]


def _check_values(layered: Layered, value: object, key: Key = ()) -> None:
    if len(key) > _DEEPEST:
        raise layered.error(key[:_DEEPEST], "has too many nested tables")
    match value:
        case dict():
            for name, item in value.items():
                _check_values(layered, item, (*key, name))
        case list():
            for item in value:
                _check_values(layered, item, key)
        case str():
            if not value.isprintable():
                hint = PATH_HINT if key in _PATHS and not _ESCAPED.isdisjoint(value) else ""
                raise layered.error(key, f"must be one line of printable text, got {shown(value)}", hint=hint)
        case bool():
            pass
        case int():
            if not -_LARGEST <= value < _LARGEST:
                raise layered.error(key, "must fit into 64 bits, got a larger number")
        case float():
            if not math.isfinite(value):
                raise layered.error(key, f"must be a finite number, got {value}")
        case _:
            raise layered.error(key, f"must be text, a number, true, false, a list or a table, got {shown(value)}")


def _overridden(layered: Layered, override: str) -> Layered:
    dotted, equals, text = override.partition("=")
    dotted = dotted.strip()
    if not equals or not _KEY.fullmatch(dotted):
        raise StudyError(f"--set {printable(override)}: must look like training.epochs=5")
    key, value = tuple(dotted.split(".")), _parsed(text)
    _check_values(Layered(layered.file, {}, overrides=frozenset({key})), value, key)
    if key[0] == "quick":
        raise StudyError(f"--set {dotted}: --set overrides [quick], so write {dotted.removeprefix('quick.')} instead")
    return replace(layered, tree=_with(layered.tree, key, value), overrides=layered.overrides | {key})


def _parsed(text: str) -> object:
    try:
        tree = tomllib.loads(f"value = {text}")
    except ValueError:
        return text.strip()  # a bare word: elu
    return tree["value"] if set(tree) == {"value"} else text


def _with(tree: Mapping[str, object], key: Key, value: object, *, above: Key = ()) -> TomlTree:
    name, rest = key[0], key[1:]
    if not rest:
        return {**tree, name: value}
    below = tree.get(name, {})
    if not isinstance(below, dict):
        whole = ".".join((*above, *key))
        raise StudyError(f"--set {whole}: {'.'.join((*above, name))} is not a table, so it has no keys")
    return {**tree, name: _with(below, rest, value, above=(*above, name))}


def _merged(below: Mapping[str, object], above: Mapping[str, object]) -> TomlTree:
    merged = dict(below)
    for name, value in above.items():
        old = merged.get(name)
        merged[name] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _leaves(tree: Mapping[str, object], key: Key = ()) -> Iterator[Key]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*key, name))
        else:
            yield (*key, name)


def _touches(keys: frozenset[Key], key: Key) -> bool:
    return any(key[: len(one)] == one for one in keys)
