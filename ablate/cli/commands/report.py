"""`ablate report`: rebuild a report from the tables in a study's folder. Also finds folders and names their sources."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from ablate.errors import AblateError
from ablate.interface.display.stream import say
from ablate.interface.reading import find_folder, rebuild
from ablate.text import printable

SOURCE_ID = "source_id"  # in provenance.json; an id, since reports are mailed and must not contain paths


def run(name: str, *, out: Path) -> None:
    """Find the folder, build the report, and print the answer and the report's path."""
    built = rebuild(find_folder(name, out))
    say(Console(highlight=False), [*built.headline, f"report   {built.report}"])


def file_id(path: Path, out: Path, *, study: str = "") -> str:
    """Id of a file (and a study in it), from its path relative to the folder `out`, so that a project can be moved."""
    return _digest("file", os.path.relpath(path.resolve(), out.resolve()), study)


def store_id(shown: str) -> str:
    """Id of an experiment or a study in a store, from its name and the store's address."""
    return _digest("store", shown)


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
