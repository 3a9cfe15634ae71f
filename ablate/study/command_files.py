"""Find the files that a command line names, to notice that one of them has changed."""

import re
import shlex
from pathlib import Path

_MOST_BYTES = 64 * 2**20  # of a file that enter its digest
_MODULE = "-m"  # the option after which Python gets the name of a module


def command_files(command: str, *, base: Path) -> list[str]:
    """The files in the study file's folder that the words of a command line name: "train.py", "--config=small.json".

    As they are named, without "--config=". Words with placeholders are left out; so are files elsewhere, which are not
    the study's.
    """
    names = dict.fromkeys(name for word in shlex.split(command) for name in _names(word))
    return [name for name in names if _is_inside(base, name)]


def command_modules(command: str) -> list[str]:
    """The top-level modules that a command line runs by "-m"."""
    words = shlex.split(command)
    after = [words[n + 1] for n, word in enumerate(words[:-1]) if word == _MODULE]
    return [name.partition(".")[0] for name in after if re.fullmatch(r"[\w.]+", name)]


def first_bytes(path: Path) -> bytes:
    """The start of a file, and its size where it is longer."""
    size = path.stat().st_size
    with path.open("rb") as file:
        return file.read(_MOST_BYTES) + (str(size).encode() if size > _MOST_BYTES else b"")


def _names(word: str) -> list[str]:
    if "{" in word or "}" in word:
        return []
    return [word, *([word.partition("=")[2]] if "=" in word else [])]


def _is_inside(base: Path, name: str) -> bool:
    try:
        return bool(name) and (base / name).is_file() and (base / name).resolve().is_relative_to(base.resolve())
    except (OSError, ValueError):  # too long, or with a null character
        return False
