"""Read the results of a study, or of an analysed table, from its folder."""

import os
from pathlib import Path

from ablate.errors import AblateError
from ablate.interface.result import Result
from ablate.storage.files.atomic import opening
from ablate.text import printable


def read(folder: str | os.PathLike[str]) -> Result:
    """The result in a folder with a results.csv, such as "reports/houses".

    Nothing is written, and TensorFlow is not needed.

    >>> import ablate
    >>> len(ablate.read("reports/houses").runs)
    141
    """
    return Result(find_folder(os.fspath(folder), Path("reports")))


def rebuild(folder: Path) -> Result:
    """Write the report anew from the tables in a folder."""
    from ablate.report import build_report

    with opening(folder):
        build_report(folder)
    return Result(folder)


def find_folder(name: str, out: Path, *, holding: str = "results.csv") -> Path:
    """The folder `name` in `out`, or the folder at the path `name`.

    Raises `AblateError` if it lacks the file `holding`.
    """
    candidates = [Path(name).parent, Path(name), out / name, out / f"{name}@stand-in", out / f"{name}@quick"]
    if Path(name).name != holding:
        candidates = candidates[1:]
    for folder in candidates:
        if _is_file(folder / holding):
            return folder
    there = sorted(path.parent.name for path in out.glob(f"*/{holding}"))
    known = f"available results: {', '.join(map(printable, there)) or 'none yet'}"
    raise AblateError(f"{printable(name)}: no {holding} in {printable(str(out / name), 300)}\n  {known}")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that the file system rejects
        return False
