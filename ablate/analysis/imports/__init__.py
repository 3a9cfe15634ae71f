"""Anybody's table of runs into our results table and what is known of it, so that the reading half can read it."""

from ablate.analysis.imports.asked import Asked
from ablate.analysis.imports.read_imported import Foreign, read_foreign

__all__ = ["Asked", "Foreign", "read_foreign"]
