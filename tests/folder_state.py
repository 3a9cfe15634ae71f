"""Everything in a folder, so that a test can say that nothing has changed."""

import stat
from pathlib import Path


def state_of(folder: Path, *, but: str = "") -> dict[str, object]:
    """By path: the bytes of a file, where a link leads, or what else it is. The files called `but` are left out."""
    return {
        str(path.relative_to(folder)): _held(path) for path in sorted(folder.rglob("*")) if not but or path.name != but
    }


def _held(path: Path) -> object:
    if path.is_symlink():
        return "link", path.readlink()
    mode = path.stat().st_mode
    return path.read_bytes() if stat.S_ISREG(mode) else stat.filemode(mode)
