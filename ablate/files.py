"""Files that are whole or not there: written aside, then renamed."""

import os
import tempfile
from pathlib import Path


def write_aside(path: Path, content: str | bytes) -> None:
    """Write `content` to a file beside `path`, then rename it over `path`; makes the folder if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
