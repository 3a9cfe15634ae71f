"""Leave out rows of an imported table that summarise others: means and spreads below the runs."""

from dataclasses import replace

from ablate.analysis.imports.columns import Roles
from ablate.analysis.sources import Runs
from ablate.analysis.sources.runs import to_numbers
from ablate.text import first_of, number_of, printable

SUMMARIES = frozenset(
    ("mean", "avg", "average", "median", "std", "stdev", "sd", "sem", "stderr", "var", "variance", "min", "max", "ci",
     "total", "all", "overall", "count", "best")
)  # fmt: skip
MOST_SHOWN = 4


def without_summaries(runs: Runs, roles: Roles) -> tuple[Runs, list[str]]:
    """The table without rows whose seed is a word for a summary, "mean", beside seeds that are numbers; and a note."""
    words: list[str] = []
    is_summary = runs.table.index < 0
    for name in roles.seeds:
        cells = runs.table[name].str.strip()
        found = cells.str.lower().isin(SUMMARIES)
        numbers = to_numbers(cells[~found])
        if found.any() and numbers is not None and numbers.notna().any():
            words += cells[found].tolist()
            is_summary |= found.to_numpy()
    n = int(is_summary.sum())
    if not n:
        return runs, []
    named = first_of([printable(word) for word in dict.fromkeys(words)], MOST_SHOWN)
    said = (
        f"{number_of(n, 'row')} ({named}) {'is a summary' if n == 1 else 'are summaries'} of other rows and left out."
    )
    return replace(runs, table=runs.table[~is_summary].reset_index(drop=True)), [said]
