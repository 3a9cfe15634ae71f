"""`ablate report`: rebuild a report from the tables in a study's folder. Also finds folders."""

from pathlib import Path

from rich.console import Console

from ablate.cli.display.stream import say
from ablate.errors import AblateError
from ablate.storage.files.atomic import opening
from ablate.text import printable


def run(name: str, *, out: Path) -> None:
    """Find the folder, build the report, and print the answer and the report's path."""
    folder = find_folder(name, out)
    from ablate.report import build_report

    with opening(folder):
        built = build_report(folder)
    say(Console(highlight=False), [*built.headline, f"report   {built.html}"])


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
