"""Which source a report's folder belongs to, so that the report on another one of the same name does not replace it."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from ablate.errors import AblateError
from ablate.printable import printable

SOURCE_ID = "source_id"  # in provenance.json: reports are mailed, so that no path is in it


def file_id(path: Path, out: Path, *, study: str = "") -> str:
    """Of a file, and of a study in it, by its way from the folder `out`: a project that was moved keeps its reports."""
    return _digest("file", os.path.relpath(path.resolve(), out.resolve()), study)


def store_id(shown: str) -> str:
    """Of an experiment or a study in a store, by its name with the store's address."""
    return _digest("store", shown)


def check_same(folder: Path, known: Mapping[str, object], *, source_id: str, source: str) -> None:
    """Raise `AblateError` where the report in `folder`, of which `known` tells, is on another source.

    A report of a version that did not write the id is told by the source's name.
    """
    same = known[SOURCE_ID] == source_id if SOURCE_ID in known else known.get("source") == source
    if not same:
        other = printable(str(known.get("source")), 300)
        raise AblateError(
            f"{printable(str(folder), 300)}: holds the report on another source, {other}\n"
            "  give this report another name with --name, or move that folder away"
        )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()
