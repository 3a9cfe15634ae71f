"""Import another tool's table of runs as a results table and the facts about it that a report needs."""

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.reading import ImportedRuns, read_imported

__all__ = ["ImportOptions", "ImportedRuns", "read_imported"]
