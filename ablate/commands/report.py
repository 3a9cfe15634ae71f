"""`ablate report`: the report anew from the tables of a study's folder."""

from pathlib import Path

from rich.console import Console

from ablate.commands.output import say
from ablate.errors import AblateError
from ablate.files.whole import opening
from ablate.printable import printable


def run(name: str, *, out: Path) -> None:
    """Find the folder, build, print the answer and where it is."""
    folder = find_folder(name, out)
    from ablate.report import build_report

    with opening(folder):
        built = build_report(folder)
    say(Console(highlight=False), [*built.headline, f"report   {built.html}"])


def find_folder(name: str, out: Path, *, holding: str = "results.csv") -> Path:
    """The folder of that name in `out`, or at that path. Raises `AblateError` where it lacks the file `holding`."""
    candidates = [Path(name).parent, Path(name), out / name, out / f"{name}@stand-in", out / f"{name}@quick"]
    if Path(name).name != holding:
        candidates = candidates[1:]
    for folder in candidates:
        if _is_file(folder / holding):
            return folder
    there = sorted(path.parent.name for path in out.glob(f"*/{holding}"))
    known = f"results there are: {', '.join(map(printable, there)) or 'none yet'}"
    raise AblateError(f"{printable(name)}: no {holding} in {printable(str(out / name), 300)}\n  {known}")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file system takes
        return False
