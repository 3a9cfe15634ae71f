"""Identify the source of a report, so that the report on one source is never replaced by that on another."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from ablate.errors import AblateError
from ablate.text import printable

SOURCE_ID = "source_id"  # in provenance.json; an id, since reports are mailed and must not contain paths


def file_id(path: Path, out: Path, *, study: str = "") -> str:
    """Id of a file (and a study in it), from its path relative to the folder `out`, so that a project can be moved."""
    return _digest("file", os.path.relpath(path.resolve(), out.resolve()), study)


def store_id(shown: str) -> str:
    """Id of an experiment or a study in a store, from its name and the store's address."""
    return _digest("store", shown)


def memory_id(place: str, columns: Iterable[str]) -> str:
    """Id of a table or a study in memory, from its columns: it has no address, and more runs leave it the same."""
    return _digest("memory", place, *columns)


def check_same(folder: Path, known: Mapping[str, object], *, source_id: str, source: str) -> None:
    """Raise `AblateError` if the report in `folder`, whose provenance is `known`, is about another source.

    Reports of versions that wrote no id are recognised by the source's name.
    """
    same = known[SOURCE_ID] == source_id if SOURCE_ID in known else known.get("source") == source
    if not same:
        other = printable(str(known.get("source")), 300)
        raise AblateError(
            f"{printable(str(folder), 300)}: holds the report of another source, {other}\n"
            "  give this report another name with --name, or move that folder away"
        )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()
