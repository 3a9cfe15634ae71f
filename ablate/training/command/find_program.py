"""Find the program of a command line, and refuse a command line that cannot start."""

import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ablate.errors import StudyError
from ablate.text import printable

PYTHON = ("python", "python3")  # as a first word: the Python that runs ablate
_INTERPRETER = re.compile(r"(?:python|pypy)[\d.]*|Rscript|sh|bash|zsh|julia|perl|ruby|node|torchrun")
_SCRIPT = (".py", ".R", ".r", ".sh", ".jl", ".pl", ".rb", ".js")
_NO_SCRIPT = ("-c", "-m", "-e", "-E", "--eval", "--module")  # options after which an interpreter gets no script


def find_program(word: str, *, folder: Path) -> str:
    """The absolute path of the program that a first word names, seen from the study file's folder.

    Raises `StudyError` if there is none, or if it cannot be executed.
    """
    if word in PYTHON:
        return sys.executable
    if os.sep not in word:
        found = shutil.which(word)
        if found is None:
            raise StudyError(f'model.command: there is no program "{printable(word)}"\n  {_way_out(word, folder)}')
        return str(Path(found).absolute())
    path = folder / word
    if not path.is_file():
        raise StudyError(f"model.command: there is no program {path}\n  write its path from the study file's folder")
    if not os.access(path, os.X_OK):
        raise StudyError(
            f"model.command: {path} may not be executed\n  make it executable, or write the program that runs it first"
        )
    return str(path.absolute())


def check_script(words: Sequence[str], *, folder: Path) -> None:
    """Raise `StudyError` if an interpreter's script is not there."""
    script = next(_scripts(words), None)
    if script is not None and not (folder / script).is_file():
        raise StudyError(
            f'model.command: there is no file "{printable(script)}" in {folder}, the folder of the study file\n'
            "  write its path from there"
        )


def other_python(word: str) -> str:
    """A notice where the shell would start another Python than the one that runs ablate; else ""."""
    found = shutil.which(word) if word in PYTHON else None
    here = Path(sys.executable)
    if found is None or Path(found).parent.resolve() == here.parent.resolve():
        return ""
    return f"{word} is {here}, which runs ablate; a shell would start {found}: to use that, write its path"


def _scripts(words: Sequence[str]) -> Iterator[str]:
    if not words or not _INTERPRETER.fullmatch(Path(words[0]).name):
        return
    for word in words[1:]:
        if word in _NO_SCRIPT:
            return
        if word.endswith(_SCRIPT) and not word.startswith("-"):
            yield word
            return


def _way_out(word: str, folder: Path) -> str:
    if (folder / word).is_file():
        return f'it is a file beside the study file: write "./{printable(word)}"'
    return "install it, correct its name, or write its path"
