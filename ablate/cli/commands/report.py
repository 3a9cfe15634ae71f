"""`ablate report`: rebuild a report from the tables in a study's folder."""

from pathlib import Path

from rich.console import Console

from ablate.interface.display.stream import say
from ablate.interface.reading import find_folder, rebuild
from ablate.study.load import load_study
from ablate.study.names import find_study


def run(name: str, *, out: Path) -> None:
    """Find the folder, build the report, and print the answer and the report's path."""
    built = rebuild(find_folder(study_name(name), out))
    say(Console(highlight=False), [*built.headline, f"report   {built.report}"])


def study_name(name: str) -> str:
    """The name of a study; of a study file the name that it gives."""
    if not name.endswith(".toml") or Path(name).is_dir():
        return name
    return load_study(find_study(name, folder=Path.cwd()), overrides=[], quick=False).name
