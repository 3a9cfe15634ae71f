"""Import another tool's table of runs as a results table and the facts about it that a report needs."""

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.read_imported import ImportedRuns, read_foreign

__all__ = ["ImportOptions", "ImportedRuns", "read_foreign"]
