"""Find studies by name, the user's own before the bundled ones, and check which names are safe for files."""

import re
import unicodedata
from pathlib import Path
from typing import NamedTuple

from ablate.errors import StudyError, known_names
from ablate.study.data_ref import source_kind
from ablate.study.tree import read_toml
from ablate.text import printable

PLAIN_RULE = 'letters, digits, ".", "_" and "-", up to 100'
NAME_RULE = f"{PLAIN_RULE}, and must not be a Windows device (con, nul, …)"
_MOST_CHARACTERS, _MOST_BYTES = 100, 220  # file systems allow 255 bytes, and suffixes need some of them
# Windows reserves these names in every folder and with every suffix.
_DEVICES = frozenset(("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³")))


class Listed(NamedTuple):
    """A study in the list; `title` says what is wrong if the file cannot be read."""

    name: str
    title: str
    path: Path
    bundled: bool


def is_plain_name(name: str) -> bool:
    """Whether `name` has only letters of any script, digits, ".", "_", "-", and at most 100 of them."""
    fits = 0 < len(name) <= _MOST_CHARACTERS and len(name.encode(errors="replace")) <= _MOST_BYTES
    return fits and all(map(_is_plain, name)) and name[0] not in ".-" and name[-1] != "."


def is_safe_name(name: str) -> bool:
    """Whether `name` is plain and can name a folder everywhere."""
    return is_plain_name(name) and not _is_device(name)


def to_safe_name(text: str, *, otherwise: str) -> str:
    """A safe name similar to `text`; `otherwise` if no character of it is allowed."""
    plain = "".join(char if _is_plain(char) else "_" for char in text[: 10 * _MOST_CHARACTERS])
    short = re.sub("_{2,}", "_", plain).strip("._-")[: _MOST_CHARACTERS - 1]
    cut = short.encode()[: _MOST_BYTES - 1].decode(errors="ignore").rstrip(".")
    return f"_{cut}" if _is_device(cut) else cut or otherwise


def is_path(name: str) -> bool:
    """Whether a study's data.name is a path: to a file, a folder, or a function in a file; not a name."""
    return source_kind(name) != "known"


def find_study(name: str, *, folder: Path) -> Path:
    """The file of a study: a path that ends in .toml or has a separator, else a name in `folder`/studies or bundled."""
    if name.endswith(".toml") or "/" in name or "\\" in name:
        path = folder / name
        if _exists(path):
            return path
        raise _no_study(path, path.stem, folder)
    if not is_safe_name(name):
        raise StudyError(f'"{printable(name)}": a study\'s name has {NAME_RULE}')
    for studies in (folder / "studies", bundled_folder()):
        if (path := studies / f"{name}.toml").is_file():
            return path
    raise _no_study(folder / "studies" / f"{name}.toml", name, folder)


def list_studies(folder: Path) -> list[Listed]:
    """The studies in `folder`/studies and the bundled ones, by name; a user's study hides a bundled namesake."""
    bundled = bundled_folder()
    own = folder / "studies"
    paths = {path.stem: path for studies in (bundled, own) for path in studies.glob("*.toml") if path.is_file()}
    return [
        Listed(name, _title(path), path, path.resolve().parent == bundled.resolve())
        for name, path in sorted(paths.items())
        if is_safe_name(name)
    ]


def bundled_folder() -> Path:
    """The studies that come with the package: inside it once installed, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside, checkout = package / "studies", package.parent
    return inside if inside.is_dir() or not (checkout / "pyproject.toml").is_file() else checkout / "studies"


def _is_plain(char: str) -> bool:
    # Marks (category M) are vowel signs and accents, without which many scripts cannot be written.
    return char.isalnum() or char in "._-" or unicodedata.category(char)[0] == "M"


def _is_device(name: str) -> bool:
    return name.partition(".")[0].lower() in _DEVICES


def _title(path: Path) -> str:
    try:
        title = read_toml(path).get("title", path.stem)
    except StudyError as err:
        return f"({str(err).splitlines()[0].removeprefix(f'{path}: ')})"
    return printable(title) if isinstance(title, str) else path.stem


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long, or with a null character
        return False


def _no_study(path: Path, name: str, folder: Path) -> StudyError:
    names = [study.name for study in list_studies(folder)]
    return StudyError(f"{printable(str(path), 300)}: no such file\n  {known_names(printable(name), names)}")
