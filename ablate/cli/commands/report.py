"""`ablate report`: rebuild a report from the tables in a study's folder."""

from pathlib import Path

from rich.console import Console

from ablate.interface.display.stream import say
from ablate.interface.reading import find_folder, rebuild


def run(name: str, *, out: Path) -> None:
    """Find the folder, build the report, and print the answer and the report's path."""
    built = rebuild(find_folder(name, out))
    say(Console(highlight=False), [*built.headline, f"report   {built.report}"])
