"""`ablate report`: the report anew from the tables of a study's folder."""

from pathlib import Path

from rich.console import Console

from ablate.errors import AblateError


def run(name: str, *, out: Path) -> None:
    """Find the folder, build, print the answer and where it is."""
    folder = folder_of(name, out)
    from ablate.report import build_report

    built = build_report(folder)
    console = Console(highlight=False)
    for line in [*built.headline, f"report   {built.html}"]:
        console.print(line, markup=False)


def folder_of(name: str, out: Path, *, holding: str = "results.csv") -> Path:
    """The folder of a study, by its path or its name in `out`. Raises `AblateError` where it lacks that file."""
    candidates = [Path(name).parent, Path(name), out / name, out / f"{name}@stand-in", out / f"{name}@quick"]
    if Path(name).name != holding:
        candidates = candidates[1:]
    for folder in candidates:
        if (folder / holding).is_file():
            return folder
    there = sorted(path.parent.name for path in out.glob(f"*/{holding}"))
    raise AblateError(f"{name}: no {holding} in {out / name}\n  results there are: {', '.join(there) or 'none yet'}")
