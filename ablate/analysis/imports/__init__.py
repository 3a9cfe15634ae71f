"""Anybody's table of runs into our results table and what is known of it, so that the reading half can read it."""

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.read_imported import ImportedRuns, read_foreign

__all__ = ["ImportOptions", "ImportedRuns", "read_foreign"]
