"""`ablate report`: the report anew from the tables of a study's folder."""

from pathlib import Path

from rich.console import Console

from ablate.errors import AblateError


def run(name: str, *, out: Path) -> None:
    """Find the folder, build, print the answer and where it is."""
    folder = _folder_of(name, out)
    from ablate.report import build_report

    built = build_report(folder)
    console = Console(highlight=False)
    for line in [*built.headline, f"report   {built.html}"]:
        console.print(line, markup=False)


def _folder_of(name: str, out: Path) -> Path:
    candidates = [Path(name).parent, Path(name), out / name, out / f"{name}@stand-in", out / f"{name}@quick"]
    if Path(name).name != "results.csv":
        candidates = candidates[1:]
    for folder in candidates:
        if (folder / "results.csv").is_file():
            return folder
    there = sorted(path.parent.name for path in out.glob("*/results.csv"))
    raise AblateError(f"{name}: no results.csv in {out / name}\n  results there are: {', '.join(there) or 'none yet'}")
