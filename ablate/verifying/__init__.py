"""Recorded trials of a study, trained once more and compared with what was recorded."""

from ablate.verifying.preparing import ROUNDING, Asked, Prepared, prepare
from ablate.verifying.recorded import read_recorded
from ablate.verifying.retraining import retrain

__all__ = ["ROUNDING", "Asked", "Prepared", "prepare", "read_recorded", "retrain"]
