"""Protect files that ablate did not write from being overwritten by a study or a report."""

import os
import re
from pathlib import Path

from ablate.errors import AblateError
from ablate.text import printable

_OWN = {  # a file that shows whose folder it is, by a pattern of its content
    "begun.json": rb"\{",
    "trials.jsonl": rb'^\{"(spec|rate_test)":',
    "provenance.json": rb'"ablate_version"|"study"[^{}]*"source"',  # written by a study, and by `ablate analyze`
    "report.html": b'<meta name="generator" content="ablate">',
}
_OF_STUDIES = (
    "begun.json", "trials.jsonl", "study.toml", "results.csv", "epochs.csv", "layers.csv", "lr_tests.json",
    "test_predictions.npz", "provenance.json", "parent_run.txt", "search.db", "report.html", "effects.csv",
    "effects.tex",
)  # fmt: skip
_OF_REPORTS = {"report.html": _OWN["report.html"], "effects.csv": b"factor,level,variant,mode,against,"}
_START = 2**16  # bytes in which the pattern is looked for


def check_folder(folder: Path) -> None:
    """Raise `AblateError` if a study, or the report on a table, would overwrite a user's files in `folder`."""
    if not is_own(folder):
        _refuse(folder, [name for name in _OF_STUDIES if os.path.lexists(folder / name)])


def is_own(folder: Path) -> bool:
    """Whether `folder` holds a study or a report that ablate wrote."""
    return any(_holds(folder / name, sign) for name, sign in _OWN.items())


def check_report(folder: Path) -> None:
    """Raise `AblateError` if a report on the table in `folder` would overwrite a page or a table of another tool.

    A folder whose journal or provenance was written by ablate belongs to ablate, whatever else is in it.
    """
    if any(_holds(folder / name, _OWN[name]) for name in ("begun.json", "trials.jsonl", "provenance.json")):
        return
    foreign = [name for name in _OF_REPORTS if os.path.lexists(folder / name)]
    _refuse(folder, [name for name in foreign if not _holds(folder / name, _OF_REPORTS[name])])


def check_page(path: Path) -> None:
    """Raise `AblateError` if a page would overwrite what ablate did not write, or a link would lead it elsewhere."""
    if path.is_symlink() or (path.exists() and not _holds(path, _OWN["report.html"])):
        raise AblateError(
            f"{printable(str(path), 300)}: is there, and ablate did not write it\n  choose another file with --page"
        )


def _refuse(folder: Path, foreign: list[str]) -> None:
    if foreign:
        raise AblateError(
            f"{printable(str(folder), 300)}: holds {', '.join(foreign)}, which ablate did not write\n"
            "  ablate would write into this folder: move these files away, or choose another folder with --out"
        )


def _holds(path: Path, sign: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return re.search(sign, file.read(_START)) is not None
    except OSError:
        return False
