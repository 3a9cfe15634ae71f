"""`ablate analyze`: statistics and a report for a table of runs from any tool."""

from rich.console import Console

from ablate.analysis.imports import ImportOptions
from ablate.experiment.analyze import RESULTS, ReportPlace, analyze_source
from ablate.interface.display.stream import say


def run(place: ReportPlace, asked: ImportOptions, *, command_line: str) -> None:
    """Build the report, and print assumptions, answer and the report's path."""
    made = analyze_source(place, asked, command_line=command_line)
    table = made.folder / RESULTS
    say(
        Console(highlight=False),
        [*made.notes, "", *made.files.headline, f"report   {made.files.html}", f"table    {table}"],
    )
