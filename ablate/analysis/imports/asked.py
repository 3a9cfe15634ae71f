"""The options with which a user describes an imported table."""

import math
from dataclasses import dataclass

from ablate.analysis.effects.metric import Direction
from ablate.errors import DataError
from ablate.storage.results import LARGEST
from ablate.text import printable

MAXIMIZE: Direction = "maximize"
MINIMIZE: Direction = "minimize"
COUNT, DROP = "count", "drop"  # what becomes of a run without a score or a state


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """The user's description of an imported table; "" and () if not given."""

    factors: tuple[str, ...] = ()
    score: str = ""
    seed: str = ""  # a column, or several as "fold,seed"
    direction: str = ""  # MAXIMIZE or MINIMIZE
    reference: str = ""  # "a=1,b=x"
    target: str = ""
    margin: float | None = None  # in the unit of the score column
    unit: str = ""
    states: str = ""  # "word=finished,other=failed"
    state: str = ""  # the column with these words
    missing: str = ""  # COUNT or DROP; "" is COUNT
    chance: float | None = None  # score of guessing, in the unit and direction of the score column
    ignore: tuple[str, ...] = ()  # columns that may differ between the compared runs
    block: str = ""  # the column of data sets, subjects or the like: effects are estimated on each, then pooled

    def __post_init__(self) -> None:
        if self.direction not in ("", MAXIMIZE, MINIMIZE):
            said = printable(self.direction)
            raise DataError(f'--direction: must be "{MAXIMIZE}" or "{MINIMIZE}", got "{said}"')
        if self.margin is not None and not 0 <= self.margin < math.inf:
            raise DataError(f"--margin: must be 0 or more, got {self.margin}")
        if self.missing not in ("", COUNT, DROP):
            raise DataError(f'--missing: must be "{COUNT}" or "{DROP}", got "{printable(self.missing)}"')
        if self.chance is not None and not abs(self.chance) <= LARGEST:
            raise DataError(f"--chance: must be a finite number, got {self.chance}")

    @property
    def counts_missing(self) -> bool:
        """Whether a run without a score or a state is a lost run."""
        return self.missing != DROP
