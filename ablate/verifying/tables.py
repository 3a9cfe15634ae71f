"""results.csv held against the trials that were recorded: a report says what the table says."""

import math
from collections.abc import Mapping
from pathlib import Path

from ablate.folder.journal import Entry
from ablate.results import read_results
from ablate.verifying.comparing import NUMBERS

COLUMNS = ("state", *NUMBERS, "best_epoch", "epochs")
ROUNDED = 1e-12  # relative: what reading a number from text may change


def table_changes(path: Path, entries: Mapping[str, Entry]) -> tuple[str, ...]:
    """What the table at `path` says otherwise than it was recorded, a line a number; none without the file.

    Trials that it does not have yet are left out, as are columns. Raises `DataError` where it is no results table.
    """
    rows = read_results(path).to_dict("records") if path.exists() else []
    found = []
    for row in rows:
        entry = entries.get(str(row["trial"]))
        for name in COLUMNS:
            if entry is None or name not in row:
                continue
            recorded = getattr(entry.outcome, name)
            if not _is_same(row[name], recorded):
                found.append(f"{entry.spec.trial}: {name} {_shown(row[name])}, recorded was {_shown(recorded)}")
    return tuple(found)


def _is_same(value: object, recorded: object) -> bool:
    if isinstance(value, int | float) and isinstance(recorded, int | float):
        return math.isclose(value, recorded, rel_tol=ROUNDED)
    return value == recorded or (recorded is None and value != value)  # an empty field is NaN


def _shown(value: object) -> str:
    return "nothing" if value is None or value != value else str(value)
