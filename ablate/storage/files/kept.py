"""Read and write cache files, which only save work: a damaged, unreadable or mismatched file counts as missing."""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from ablate.storage.files.atomic import write_aside

T = TypeVar("T")
MAX_BYTES = 4 * 2**20  # bytes of a file: some 20,000 epochs; larger files are neither written nor read
USE_SECONDS = 3600.0  # a file that was used within this time is not marked as used again


def load_kept(path: Path, kind: TypeAdapter[T]) -> T | None:
    """The record in the JSON file at `path`; None if it is not of the `kind`, or cannot be read.

    The file's time of writing becomes the time of this use, to the hour: what was used longest ago is trimmed first.
    """
    try:
        seen = path.stat()
        if seen.st_size > MAX_BYTES:
            return None
        record = kind.validate_json(path.read_bytes(), strict=True)
    except (OSError, ValueError):
        return None
    if time.time() - seen.st_mtime > USE_SECONDS:
        with suppress(OSError):  # a folder that may only be read
            os.utime(path)
    return record


def keep(path: Path, text: str) -> None:
    """Write `text` to `path` if the disk takes it: without the file there is more work later, but no wrong result."""
    if len(text) <= MAX_BYTES:
        with suppress(OSError):
            write_aside(path, text)
