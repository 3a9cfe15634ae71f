"""Anybody's table of runs into our results table and what is known of it, so that the reading half can read it."""

from ablate.foreign.analysis import Foreign, read_foreign
from ablate.foreign.asked import Asked

__all__ = ["Asked", "Foreign", "read_foreign"]
