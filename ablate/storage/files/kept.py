"""Files that save work and can be done without: one that is damaged, foreign or out of reach counts as not there."""

from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from ablate.storage.files.atomic import write_aside

T = TypeVar("T")
MAX_BYTES = 4 * 2**20  # of one file: some 20,000 epochs; larger ones are neither written nor read


def load_kept(path: Path, kind: TypeAdapter[T]) -> T | None:
    """What the JSON at `path` holds; None where that is not of the `kind`, or cannot be read."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        return kind.validate_json(path.read_bytes(), strict=True)
    except (OSError, ValueError):
        return None


def keep(path: Path, text: str) -> None:
    """Write `text` to `path` if the disk takes it: without it there is more to do later, but nothing wrong now."""
    if len(text) <= MAX_BYTES:
        with suppress(OSError):
            write_aside(path, text)
