"""Find and remove the results that `--fresh` set aside, in folders named NAME~DATE-TIME beside those of the studies."""

import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from ablate.errors import AblateError
from ablate.storage.files.foreign_files import is_own
from ablate.storage.files.lock import FolderLock, is_held

_NAME = re.compile(r".+~(\d{4}-\d\d-\d\d-\d{6})(-\d{1,2})?", re.DOTALL)
_OURS = re.compile(  # the files of a study's folder
    r"(begun|frozen|lr_tests|provenance|verified)\.json|(results|epochs|layers|effects)\.csv|effects\.tex|study\.toml"
    r"|report\.html|lr_test\.svg|trials\.jsonl|test_predictions\.npz|parent_run\.txt|search\.db(-\w+)?|worker-\d+\.log"
    r"|\.lock(\.soft)?|\.owner|\.aside-.*"
)
TRIALS = "trials"
_OURS_BELOW = {
    "figures": re.compile(r".+\.svg|\.aside-.*"),
    "tables": re.compile(r".+\.(csv|tex)|\.aside-.*"),
    "models": re.compile(r".+\.(keras|json)|\.aside-.*"),
    TRIALS: re.compile(".*", re.DOTALL),
}


@dataclass(frozen=True, slots=True)
class OldResults:
    """A folder that `--fresh` set aside."""

    path: Path
    n_bytes: int
    at: datetime  # when it was set aside
    against: str  # why it must stay, in words; "" if it may go


def old_results(out: Path) -> list[OldResults]:
    """The folders with old results in `out`, the oldest first. Folders of other kinds and links are left out."""
    found = list[OldResults]()
    with suppress(OSError):  # there is no such folder
        for path in out.iterdir():
            at = _set_aside_at(path)
            if at is not None and not path.is_symlink() and is_own(path):
                found.append(OldResults(path, _n_bytes(path), at, _against(path)))
    return sorted(found, key=lambda one: (one.at, one.path))


def remove_old(old: OldResults) -> bool:
    """Remove a folder with old results; whether it is gone. Holds it meanwhile, and looks at it again before."""
    try:
        held = FolderLock(old.path)
    except (AblateError, OSError):
        return False
    try:
        if not old.path.is_symlink() and not _against(old.path, is_held_here=True):
            shutil.rmtree(old.path, ignore_errors=True)
    finally:
        held.release()
    return not old.path.exists()


def _set_aside_at(path: Path) -> datetime | None:
    named = _NAME.fullmatch(path.name)
    with suppress(ValueError):  # a date that is none
        return datetime.strptime(named[1], "%Y-%m-%d-%H%M%S") if named else None
    return None


def _n_bytes(folder: Path) -> int:
    return sum(seen.st_size for path in folder.rglob("*") if S_ISREG((seen := path.lstat()).st_mode))


def _against(folder: Path, *, is_held_here: bool = False) -> str:
    """Why a folder must stay: a process is in it, or it holds what ablate did not write."""
    if not is_held_here and is_held(folder):
        return "a process is using it"
    foreign = next(_foreign(folder), "")
    return f"it holds {foreign}, which ablate did not write" if foreign else ""


def _foreign(folder: Path) -> Iterator[str]:
    """The files, folders and links in a folder that no study writes there, by their paths in it."""
    for path in sorted(folder.iterdir()):
        if path.name in _OURS_BELOW and S_ISDIR(path.lstat().st_mode):
            yield from (str(one.relative_to(folder)) for one in sorted(path.rglob("*")) if not _is_written(one, path))
        elif not (_OURS.fullmatch(path.name) and S_ISREG(path.lstat().st_mode)):
            yield path.name


def _is_written(path: Path, folder: Path) -> bool:
    """Whether a study writes such a file into this folder of its own; trials may write folders, too."""
    mode = path.lstat().st_mode
    if S_ISDIR(mode):
        return folder.name == TRIALS
    return S_ISREG(mode) and _OURS_BELOW[folder.name].fullmatch(path.name) is not None
