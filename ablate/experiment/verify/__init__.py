"""Recorded trials of a study, trained once more and compared with what was recorded."""

from ablate.experiment.verify.conditions import read_recorded
from ablate.experiment.verify.preparing import ROUNDING, Prepared, VerifyOptions, prepare
from ablate.experiment.verify.retraining import retrain

__all__ = ["ROUNDING", "Prepared", "VerifyOptions", "prepare", "read_recorded", "retrain"]
