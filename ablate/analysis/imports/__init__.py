"""Import another tool's table of runs as a results table and the facts about it that a report needs."""

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.reading import ImportedRuns, read_imported
from ablate.analysis.imports.rows import LEFT_OUT, end_words

__all__ = ["LEFT_OUT", "ImportOptions", "ImportedRuns", "end_words", "read_imported"]
