"""Say when a search may stop its trials early, in words, and refuse settings of a pruner that another one ignores."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import final

from ablate.study.read_task import Fault
from ablate.study.settings import Search, Training
from ablate.study.tree import shown
from ablate.text import listed, number_of

REDUCTION_FACTOR = 4  # Li et al. 2020
_SETTINGS = ("reduction_factor", "min_resource")


@final
@dataclass(frozen=True, slots=True)
class Halving:
    """Asynchronous successive halving: of the trials at a rung so far, the best 1/`reduction_factor` go on."""

    min_resource: int  # epochs until the first rung
    reduction_factor: int  # at least 2
    epochs: int  # of a whole trial

    def rungs(self) -> list[int]:
        """The epochs after which trials are compared: each `reduction_factor` times the one before, below `epochs`."""
        found, rung = [], self.min_resource
        while rung < self.epochs:
            found.append(rung)
            rung *= self.reduction_factor
        return found


def halving_of(search: Search, *, epochs: int) -> Halving:
    """The rungs of trials with at most `epochs` epochs; two by default, the second within a last quarter of them."""
    factor = search.reduction_factor or REDUCTION_FACTOR
    return Halving(search.min_resource or ceil(epochs / factor**2), factor, epochs)


def rungs_of(search: Search, *, epochs: int) -> list[int]:
    """The epochs after which the pruner "asha" compares; none with another pruner."""
    return halving_of(search, epochs=epochs).rungs() if search.pruner == "asha" else []


def pruning_said(pruner: str, *, rungs: Sequence[int] = (), reduction_factor: int = REDUCTION_FACTOR) -> str:
    """The rule by which a search stops trials early; "" for none, or an unknown one."""
    match pruner:
        case "median":
            return "the median rule: below the median of earlier rounds at the same epoch"
        case "hyperband":
            return "Hyperband"
        case "asha":
            share = f"only the best 1/{reduction_factor} of the trials so far go on"
            after = f" after {listed(rungs)} {'epoch' if list(rungs) == [1] else 'epochs'}" if rungs else ""
            return f"asynchronous successive halving: {share}{after}"
        case _:
            return ""


def check_pruning(search: Search, training: Training, fault: Fault, *, quick: bool) -> None:
    """Refuse settings that do nothing; `quick` shortens trials, and then leaves what was meant for whole ones."""
    stated = [name for name in _SETTINGS if getattr(search, name) is not None]
    if stated and search.pruner != "asha":
        rule = f"has no effect with search.pruner = {shown(search.pruner)}"
        raise fault(("search", stated[0]), rule, hint='remove it, or write pruner = "asha"')
    if search.min_resource is not None and search.min_resource >= training.epochs and not quick:
        rule = f"must be below training.epochs = {training.epochs}, got {search.min_resource}"
        hint = f"a trial would end before it is compared: write fewer than {number_of(training.epochs, 'epoch')}"
        raise fault(("search", "min_resource"), rule, hint=hint)
